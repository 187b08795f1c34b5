// The kernel door: a thread for each worker, which carries frames between the workers and the ports' kernel sides. What the kernel
// sends on a TAP leaves by the port beside it; what no service wants, what a local service does, and what is the
// kernel's own, is given to the kernel: first what the host cannot do without, then what its services and connections
// carry, and so much a second of what nobody asked for (path/admit.cc tells them apart, by what the door remembers of
// whom the kernel talks to). TCP crosses in pieces of up to 64 KB either way (coalesce.h, segment.h). It sleeps in
// epoll and never holds a worker up: when its ring is full, the worker drops and counts; when a worker's ring is full,
// frames stay in the TAP's queue, which the kernel knows how to handle.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/file_descriptor.h"
#include "base/published.h"
#include "dataplane/control/control_rows.h"
#include "dataplane/door/coalesce.h"
#include "dataplane/door/kernel_side.h"
#include "dataplane/door/segment.h"
#include "dataplane/door/strangers.h"
#include "dataplane/path/path_rows.h"
#include "dataplane/state/conversations.h"
#include "dataplane/state/live_plan.h"
#include "dataplane/worker_rings.h"

struct rte_mempool;

namespace cardea::dataplane {

struct DoorPort {
  KernelSide* side = nullptr;
  uint16_t queues = 1;  // of the port beside it
};

class KernelDoor {
 public:
  // All of it outlives the door.
  struct Surroundings {
    uint32_t number = 0;          // of the door, its worker and its queue of each side
    std::vector<DoorPort> ports;  // in the plan's order
    Rings& rings;
    rte_mempool* pool;
    QuietPoints& quiet_points;
    uint32_t reader;  // the thread's number among them
    const Published<LivePlan>& plans;
    Conversations& conversations;
    Strangers& strangers;
    uint64_t* cells;  // the thread's block of the stats segment
    const PathCells& path_cells;
    const ControlRows& rows;
  };

  explicit KernelDoor(const Surroundings& surroundings);
  KernelDoor(const KernelDoor&) = delete;
  ~KernelDoor();  // asks the thread to end and waits for it

  Result<> start();

 private:
  enum class Left : uint8_t { kNothing, kMore, kHeldBack };  // in a TAP: held back by a worker's full ring

  struct Way {
    WorkerRings* sender = nullptr;
    uint32_t room = 0;  // that its outbox has to have before a frame is read for it
  };

  void run();
  PacketRing& ring(DoorClass which) { return around_.rings.doors[around_.number]->of(which); }
  const PacketRing& ring(DoorClass which) const { return around_.rings.doors[around_.number]->of(which); }
  Doorbell& bell() { return around_.rings.doors[around_.number]->bell; }
  Way way_from(uint16_t port) const;
  int patience_us(bool more) const;
  bool carry_to_kernel();
  uint32_t carry_class(DoorClass which, uint32_t at_most);
  uint32_t strangers_allowed();
  void note_conversation(const wire::Frame& read, const FlowTuple& tuple);
  void write_to_kernel(rte_mbuf* packet);
  void give_to_kernel();
  void give_as_it_came(KernelSide& side, MutableBytes frame);
  void give(KernelSide& side, std::span<const iovec> pieces, uint32_t frames);
  Left carry_from_kernel(uint16_t port);
  bool take_frame(uint16_t port, size_t size);
  uint32_t send_segments(uint16_t port, const Segments& segments);
  void count_answered(const Segments& segments, const wire::Frame& read, const FlowTuple& tuple);
  void count(uint32_t cell, uint64_t n) { stats::add(around_.cells + cell, n); }

  Surroundings around_;
  FileDescriptor epoll_;
  std::vector<Left> left_;  // by port
  std::vector<Way> ways_;   // by port, of what the kernel sends
  uint64_t cycles_per_millisecond_ = 1, now_ms_ = 0;  // the workers' clock
  Coalescer coalescer_;
  uint16_t coalesced_port_ = 0;
  std::unique_ptr<std::byte[]> frame_;  // what was read from a TAP, its virtio header first
  std::atomic<bool> stop_ = false;
  std::jthread thread_;
};

}  // namespace cardea::dataplane
