// A data core: it polls its queues and rings, walks each burst through the rooms, sends, and sleeps when there is
// nothing to do. It shares nothing but published values and rings; it allocates, locks and writes text never.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/published.h"
#include "dataplane/control/control_rows.h"
#include "dataplane/path/batch.h"
#include "dataplane/path/path_rows.h"
#include "dataplane/path/worker_state.h"
#include "dataplane/port/gather.h"
#include "dataplane/port/port.h"
#include "dataplane/port/sleeper.h"
#include "dataplane/state/hops.h"
#include "dataplane/state/live_plan.h"
#include "dataplane/worker_rings.h"

namespace cardea::dataplane {

class Worker {
 public:
  // What surrounds it; all of it outlives the worker.
  struct Surroundings {
    uint32_t index = 0;
    const PlanSettings& settings;
    const std::vector<Port>& ports;
    Rings& rings;
    QuietPoints& quiet_points;
    const Published<LivePlan>& plans;
    const Published<HopTable>& hops;
    const Published<BlockList>& blocks;
    const Published<L7Instances>& l7;
    const Conversations& conversations;
    rte_mempool* pool = nullptr;  // for packets that begin here
    uint64_t* cells = nullptr;    // this core's block of the stats segment
    const PathCells& path_cells;
    const ControlRows& rows;
  };

  static Result<std::unique_ptr<Worker>> create(const Surroundings& surroundings);
  Worker(const Worker&) = delete;
  ~Worker();

  static uint64_t bytes(const LivePlan& plan);  // of memory that all workers of this plan take from DPDK
  uint64_t flows_max() const { return state_.flows.flows_max(); }
  InspectBox& inspections() { return state_.inspections; }  // wake the worker after asking: its bell in Rings

  void run();   // on its lcore, until stop()
  void stop();  // from any thread
  // One look at everything that brings packets; run() is these and the sleep between them. false: there were none.
  bool turn(uint64_t now);  // in the clock's cycles

 private:
  Worker(const Surroundings& surroundings, Sleeper sleeper, std::vector<QueueOfPort> queues);
  Result<> reserve_flows();

  uint64_t nanoseconds_of(uint64_t cycles) const {
    return uint64_t(static_cast<unsigned __int128>(cycles) * 1'000'000'000 / cycles_per_second_);
  }
  uint32_t sending_queue(const Port& port) const {
    return dataplane::sending_queue(port.index, port.queues, around_.index, uint32_t(around_.rings.workers.size()));
  }
  bool receive(const QueueOfPort& queue);
  bool take_inbox();
  bool send_outbox();
  void send_gathered(uint16_t port);
  void send_for_others(const Port& port, rte_mbuf** packets, uint16_t count);
  void send_counted(const Port& port, rte_mbuf** packets, uint16_t count);
  void lose(rte_mbuf** packets, uint16_t count);
  void sleep();
  void account_time(uint64_t from, bool busy);

  uint16_t transmit(uint16_t port, rte_mbuf** packets, uint16_t count);
  void gather(const Port& port, rte_mbuf** packets, uint16_t count);
  uint16_t transmit_now(const Port& port, rte_mbuf** packets, uint16_t count);
  uint16_t to_kernel(DoorClass door, rte_mbuf** packets, uint16_t count);
  uint16_t hand_over(uint32_t worker, rte_mbuf** packets, uint16_t count);
  bool wait(rte_mbuf* packet, uint16_t port, const IpAddress& next_hop);
  void tell(const wire::TunnelTooBig& told);
  Egress egress();

  Surroundings around_;
  WorkerRings& rings_;
  Sleeper sleeper_;
  std::vector<QueueOfPort> queues_;
  std::atomic<bool> stop_ = false;
  uint64_t cycles_per_second_ = 1, cycles_per_millisecond_ = 1, idle_since_ = 0;
  uint64_t gather_patience_ = 0;
  std::vector<Gather> gathered_;  // by port; those that gather
  uint64_t busy_cycles_ = 0, sleeping_cycles_ = 0;
  bool behind_ = false;  // with what is done between bursts
  void* flow_memory_ = nullptr;
  Batch batch_;
  WorkerState state_;
};

}  // namespace cardea::dataplane
