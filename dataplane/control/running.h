// Everything that lives from the first plan to the end of the process, in the order in which it is made: numbers and
// counters, DPDK, ports, their kernel sides, rings, published values, workers, the kernel door. Built once; later plans
// are published into it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/published.h"
#include "base/stats.h"
#include "dataplane/control/blocks.h"
#include "dataplane/control/control_rows.h"
#include "dataplane/control/packet_buffers.h"
#include "dataplane/control/shared_ports.h"
#include "dataplane/door/kernel_door.h"
#include "dataplane/door/kernel_side.h"
#include "dataplane/path/path_rows.h"
#include "dataplane/port/port.h"
#include "dataplane/state/hops.h"
#include "dataplane/state/live_plan.h"
#include "dataplane/state/slots.h"
#include "dataplane/worker.h"
#include "dataplane/worker_rings.h"

namespace cardea::dataplane {

struct StartOptions {
  std::string run_directory = "/run/cardea", state_directory = "/var/lib/cardea";
  std::string eal_arguments;
  std::string user;  // to become after the start; empty: stay
};

// The plan as a value, with the counters and numbers made for it. Nothing of the host is touched yet but the stats
// file.
struct Prepared {
  std::unique_ptr<stats::Segment> segment;
  std::unique_ptr<SlotRegistry> registry;
  std::unique_ptr<const LivePlan> plan;
};
Result<Prepared> prepare(Bytes image, const std::string& stats_path);

class Running {
 public:
  // Opens everything; the workers do not run yet. An Error leaves DPDK started: the process has to end.
  static Result<std::unique_ptr<Running>> open(Prepared prepared, const StartOptions& options);
  Running() = default;  // nothing yet
  Running(const Running&) = delete;
  ~Running();  // workers end, packets under way are sent, ports close, TAPs vanish

  Result<> launch();

  std::unique_ptr<stats::Segment> segment;
  std::unique_ptr<SlotRegistry> registry;
  std::unique_ptr<const LivePlan> first_plan;  // until control publishes it
  PathCells path_cells;
  ControlRows rows;
  PacketPools pools;
  std::vector<Port> ports;
  SharedPorts shared;
  std::vector<std::unique_ptr<KernelSide>> sides;  // by port
  std::unique_ptr<Rings> rings;
  Conversations conversations;
  std::unique_ptr<QuietPoints> quiet_points;
  std::unique_ptr<Published<LivePlan>> plans;
  std::unique_ptr<Published<HopTable>> hops;
  std::unique_ptr<Published<BlockList>> blocks;
  std::unique_ptr<Published<L7Instances>> l7;
  std::vector<std::unique_ptr<Worker>> workers;
  Blocks blocked;  // that `blocks` is made of
  Strangers strangers;
  std::vector<std::unique_ptr<KernelDoor>> doors;  // by worker

  uint64_t started_at = 0;  // seconds since the epoch

  uint32_t control_core() const { return uint32_t(workers.size()); }
  stats::Cell control_cell(uint32_t cell) const { return segment->cells(control_core()) + cell; }

 private:
  Result<> open_memory(const LivePlan& plan, const StartOptions& options);
  Result<> open_ports(const LivePlan& plan);
  Result<> open_side(const Port& port);
  Result<> open_workers(const LivePlan& plan);
  Result<> open_doors();
  Result<> open_door(uint32_t number);
  std::vector<PortNeeds> needs_;  // by port
  bool launched_ = false;
};

}  // namespace cardea::dataplane
