// Frames that wait for their next hop's link address: bounded for each hop and in all, and not for long. Control thread
// only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "base/clock.h"
#include "dataplane/state/kernel_routes.h"
#include "dataplane/state/neighbours.h"

struct rte_mbuf;

namespace cardea::dataplane {

class WaitingPackets {
 public:
  static constexpr size_t kHopMax = 32;  // a window's worth of one impatient peer
  static constexpr size_t kTotalMax = 1024;
  static constexpr std::chrono::milliseconds kPatience{3000};

  WaitingPackets() = default;
  WaitingPackets(const WaitingPackets&) = delete;
  ~WaitingPackets();  // frees what still waits

  // Takes the packet, unless there is no room: false.
  bool add(const Neighbours::Key& hop, rte_mbuf* packet, Instant now);

  // What happened to those that no longer wait. `send` takes the packet; how many failed is returned.
  using Send = std::function<void(uint16_t port, rte_mbuf* packet)>;
  uint64_t settle(const Neighbours& neighbours, std::span<const PortLink> links, Instant now, const Send& send);

  size_t size() const { return total_; }
  // Each hop that packets wait for.
  std::vector<Neighbours::Key> hops() const;

 private:
  struct Queue {
    Instant since{};
    std::vector<rte_mbuf*> packets;
  };
  std::map<Neighbours::Key, Queue> queues_;
  size_t total_ = 0;
};

}  // namespace cardea::dataplane
