// What stands between threads: for each worker the packets that others put at its door, and the rings by which it
// reaches its thread of the kernel door. Packets change owner with the ring; a full ring is the sender's to count.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ip.h"
#include "base/spsc_ring.h"
#include "dataplane/path/egress.h"
#include "dataplane/port/doorbell.h"
#include "dataplane/state/pipe_bell.h"
#include "dataplane/wire/tunnel_quote.h"

struct rte_mbuf;
struct rte_ring;

namespace cardea::dataplane {

inline constexpr uint32_t kRingPackets = 2048;  // 1.6 ms of another worker's full speed
// By DoorClass. For services: 50 ms of a gigabit of full frames.
inline constexpr uint32_t kDoorPackets[kDoorClasses] = {1024, 4096, 1024};
// Of one of so many doors.
constexpr uint32_t door_packets(size_t door_class, uint32_t doors) {
  return kDoorPackets[door_class] / (doors > 1 ? 2 : 1);
}
constexpr uint32_t door_packets_of_all(uint32_t doors) {
  return doors * (door_packets(0, doors) + door_packets(1, doors) + door_packets(2, doors));
}
inline constexpr uint32_t kWaitingPackets = 256, kTold = 64;

// A finished frame whose next hop has no link address yet.
struct WaitingPacket {
  rte_mbuf* packet = nullptr;
  IpAddress next_hop;
  uint16_t port = 0;
};

// Which worker a port's queue belongs to, for receiving and for sending. Dealt out in turn, so that a port with more
// queues than workers is drained whole; ports with fewer begin with a worker each, so that ports of one queue do not
// all fall to the first.
constexpr uint32_t worker_of_queue(uint16_t port, uint16_t queues, uint16_t queue, uint32_t workers) {
  return (queue + (queues < workers ? port : 0u)) % workers;
}
// The queue that a worker sends by on a port, or `queues` and more: it has none there.
constexpr uint32_t sending_queue(uint16_t port, uint16_t queues, uint32_t worker, uint32_t workers) {
  return queues < workers ? (worker + workers - port % workers) % workers : worker;
}
// Which worker sends on a port for those that have no queue there.
constexpr uint32_t sender_of(uint16_t port, uint16_t queues, uint32_t workers) {
  return worker_of_queue(port, queues, uint16_t(port % std::min<uint32_t>(queues, workers)), workers);
}
// Which worker sends on a port what one of the kernel's doors brings: the door's own where it has a queue of the port,
// so that flows of different doors do not meet at one worker again.
constexpr uint32_t sender_for_door(uint16_t port, uint16_t queues, uint32_t door, uint32_t workers) {
  return sending_queue(port, queues, door, workers) < queues ? door : sender_of(port, queues, workers);
}
// How many doors, of as many as there are workers, bring something to this worker. `queues`: by port.
inline uint32_t doors_at(uint32_t worker, std::span<const uint16_t> queues, uint32_t workers) {
  uint32_t doors = 0;
  for (uint32_t door = 0; door < workers; ++door) {
    bool comes = false;
    for (size_t port = 0; port < queues.size(); ++port)
      comes |= sender_for_door(uint16_t(port), queues[port], door, workers) == worker;
    doors += comes;
  }
  return doors;
}

// A DPDK ring that frees itself; many producers, one consumer. A producer that is interrupted in the middle of a push
// keeps nobody else from pushing: what the others put in is seen when it goes on.
class PacketRing {
 public:
  static Result<PacketRing> create(const std::string& name, uint32_t packets);
  PacketRing(PacketRing&& other) noexcept : ring_(std::exchange(other.ring_, nullptr)) {}
  PacketRing& operator=(PacketRing&&) = delete;
  ~PacketRing();

  uint16_t push(rte_mbuf** packets, uint16_t count);  // takes the first n and returns n
  uint16_t pop(rte_mbuf** packets, uint16_t count);
  bool empty() const;
  uint32_t size() const;
  uint32_t room() const;  // at least so many more fit when nobody else pushes
  uint32_t capacity() const;

 private:
  explicit PacketRing(rte_ring* ring) : ring_(ring) {}
  rte_ring* ring_;
};

struct WorkerRings {
  PacketRing inbox;   // from workers that do not own the flow; rte_mbuf::port is the port it came from
  PacketRing outbox;  // to be sent by this worker; rte_mbuf::port is the port to leave by
  SpscRing<WaitingPacket> waiting{kWaitingPackets};  // to control
  SpscRing<wire::TunnelTooBig> told{kTold};          // to control: of ways that are narrower than was thought
  Doorbell bell;
  std::vector<PipeBell> l7_bells;  // by the number of an instance of cardea-l7, which rings it

  WorkerRings(PacketRing in, PacketRing out) : inbox(std::move(in)), outbox(std::move(out)) {}
};

// To the kernel, by one of the door's threads; rte_mbuf::port is the port whose kernel side a packet is for.
struct DoorRings {
  std::vector<PacketRing> queues;  // by DoorClass
  Doorbell bell;

  PacketRing& of(DoorClass which) { return queues[size_t(which)]; }
};

struct Rings {
  std::vector<std::unique_ptr<WorkerRings>> workers;
  std::vector<std::unique_ptr<DoorRings>> doors;  // by worker; at least one
  Doorbell control_bell;

  // `prefix`: before the names of the rings, which DPDK wants to be different.
  static Result<std::unique_ptr<Rings>> create(uint32_t workers, const std::string& prefix = "");

  WorkerRings& sender(uint16_t port, uint16_t queues) {
    return *workers[sender_of(port, queues, uint32_t(workers.size()))];
  }
};

}  // namespace cardea::dataplane
