// Workers of the packets' site (tests/packets/site.h) whose ports are DPDK rings: what a test puts into one comes in as
// from a wire, and what leaves lies in the other. The worker's turns are the test's to give.
#pragma once

#include <atomic>
#include <vector>

#include "dataplane/control/running.h"
#include "tests/packets/site.h"

struct rte_ring;

namespace cardea::dataplane::test {

using Frame = std::vector<std::byte>;

struct RingPort {
  uint16_t queues = 1;
  bool gathers = false, spreads_flows = false;
  uint32_t room = 256;  // packets that leave until one is refused
};

class WorkersOnRings {
 public:
  WorkersOnRings(const SiteOptions& options, uint32_t workers, const std::vector<RingPort>& ports);
  WorkersOnRings(const WorkersOnRings&) = delete;
  ~WorkersOnRings();

  void comes(const Frame& frame, uint16_t port = 0, uint16_t queue = 0);
  std::vector<Frame> left(uint16_t port = 0, uint16_t queue = 0);  // since the last call
  bool turn(uint32_t worker = 0);
  void publish(const HopTable& hops);

  uint64_t counted(uint32_t worker, uint32_t cell) const {  // also while the worker runs
    return std::atomic_ref(running.segment->cells(worker)[cell]).load(std::memory_order_relaxed);
  }
  uint64_t drops(uint32_t worker, Reason reason) const {
    return counted(worker, running.path_cells.drops[size_t(reason)]);
  }
  const PortCells& of_port(uint16_t port = 0) const { return running.path_cells.ports[port]; }

  HopTable hops;  // as published first
  Running running;

 private:
  struct Wire {
    std::vector<rte_ring*> in, out;  // by queue
  };
  void open_port(const RingPort& shape);
  void open_workers(uint32_t workers);

  std::vector<Wire> wires_;
  std::string stats_path_;
};

}  // namespace cardea::dataplane::test
