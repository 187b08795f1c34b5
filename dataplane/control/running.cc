// From a plan's image to everything that runs, and back to nothing.
#include "dataplane/control/running.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <ctime>

#include "base/log.h"
#include "dataplane/control/marked_addresses.h"
#include "dataplane/door/shared_interface.h"
#include "dataplane/door/tap.h"
#include "dataplane/plan_schema.h"
#include "dataplane/port/eal.h"

namespace cardea::dataplane {
namespace {

constexpr uint32_t kRowsBeside = 512;  // rows that belong to no service and no backend
constexpr uint32_t kRowsEach = 6;      // of a service or a backend

// Limits of the plan that the counters are made for, before the plan itself can be built on them.
struct Limits {
  uint32_t services = 0, backends = 0, workers = 0;
};
Result<Limits> read_limits(Bytes image) {
  if (auto ok = check_plan_schema(image, kPlanIdentifier); !ok) return std::unexpected(ok.error());
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(image.data()), image.size());
  if (!verifier.VerifyBuffer<image::Plan>(kPlanIdentifier)) return fail("not a plan, or a damaged one");
  const image::Settings* settings = flatbuffers::GetRoot<image::Plan>(image.data())->settings();
  const Limits limits{settings->services_max(), settings->backends_max(), settings->workers()->size()};
  if (limits.workers == 0 || limits.workers > 128)
    return fail("dataplane.workers: 1 to 128 workers are possible", Origin::kOperator);
  if (limits.services > 65535 || limits.backends > (1u << 24))
    return fail("dataplane.limits: beyond what this program can hold", Origin::kOperator);
  return limits;
}

std::vector<std::string> port_names(const LivePlan& plan) {
  std::vector<std::string> names;
  for (const PlanPort& port : plan.ports) names.push_back(port.name);
  return names;
}

PortRequest request_of(const LivePlan& plan, size_t index) {
  const PlanPort& port = plan.ports[index];
  return {.index = uint16_t(index),
          .name = port.name,
          .device = port.device,
          .mtu = port.mtu,
          .workers = uint16_t(plan.settings.workers.size()),
          .busy = plan.settings.poll == image::Poll::busy};
}

Result<std::vector<PortNeeds>> needs_of(const LivePlan& plan) {
  std::vector<PortNeeds> all;
  for (size_t i = 0; i < plan.ports.size(); ++i) {
    auto needs = port_needs(request_of(plan, i));
    if (!needs) return std::unexpected(std::move(needs).error());
    all.push_back(*needs);
  }
  return all;
}

void log_port(const Port& port) {
  log::info("port {}: {}, {} queue{}, MTU {}{}{}{}", port.name, port.device_text, port.queues,
            port.queues == 1 ? "" : "s", port.mtu, port.way == XdpWay::kNone ? "" : ", AF_XDP by ", name(port.way),
            port.shared ? fmt::format(", shared with Linux, which has its addresses on {}", port.device.interface) : "");
  if (port.way == XdpWay::kCopy)
    log::info("port {}: the driver of {} gives AF_XDP a copy of each packet (no zero-copy), some 0.1 µs each way",
              port.name, port.device.interface);
  if (port.way == XdpWay::kGeneric)
    log::warning(
        "port {}: the driver of {} knows no XDP: the kernel makes a packet of its own of each frame before the"
        " dataplane gets it, which costs several times what it needs",
        port.name, port.device.interface);
}

// Of the flow tables, of the packet buffers, and what DPDK takes for itself and cannot fit together.
uint64_t bytes_needed(const LivePlan& plan, const std::vector<PoolShape>& pools) {
  uint64_t bytes = Worker::bytes(plan) + (uint64_t{32} << 20);
  for (const PoolShape& pool : pools) bytes += pool.bytes();
  return bytes + bytes / 8;
}

}  // namespace

Result<Prepared> prepare(Bytes image, const std::string& stats_path) {
  auto limits = read_limits(image);
  if (!limits) return std::unexpected(std::move(limits).error());
  const uint32_t rows = kRowsBeside + NatSources::kMax + kRowsEach * (limits->services + limits->backends);
  auto segment =
      stats::Segment::create(stats_path, 2 * limits->workers + 1, rows, rows);  // and control, and the kernel doors
  if (!segment) return std::unexpected(std::move(segment).error());
  Prepared prepared{.segment = std::make_unique<stats::Segment>(std::move(*segment))};
  prepared.registry = std::make_unique<SlotRegistry>(*prepared.segment, limits->services, limits->backends);
  auto plan = build_live_plan(image, *prepared.registry);
  if (!plan) return std::unexpected(std::move(plan).error());
  prepared.plan = std::move(*plan);
  return prepared;
}

Result<std::unique_ptr<Running>> Running::open(Prepared prepared, const StartOptions& options) {
  std::unique_ptr<Running> running(new Running);
  running->segment = std::move(prepared.segment);
  running->registry = std::move(prepared.registry);
  running->first_plan = std::move(prepared.plan);
  running->started_at = uint64_t(::time(nullptr));
  const LivePlan& plan = *running->first_plan;
  const std::vector<std::string> names = port_names(plan);
  auto path_cells = add_path_rows(*running->segment, names);
  if (!path_cells) return std::unexpected(std::move(path_cells).error());
  running->path_cells = std::move(*path_cells);
  auto rows = ControlRows::add(*running->segment, names);
  if (!rows) return std::unexpected(std::move(rows).error());
  running->rows = std::move(*rows);
  if (auto done = running->open_memory(plan, options); !done) return std::unexpected(std::move(done).error());
  if (auto done = running->open_ports(plan); !done) return std::unexpected(std::move(done).error());
  if (auto done = running->open_workers(plan); !done) return std::unexpected(std::move(done).error());
  if (auto done = running->open_doors(); !done) return std::unexpected(std::move(done).error());
  return running;
}

Result<> Running::open_memory(const LivePlan& plan, const StartOptions& options) {
  auto needs = needs_of(plan);
  if (!needs) return std::unexpected(std::move(needs).error());
  needs_ = std::move(*needs);
  const auto shapes = pool_shapes(needs_, uint32_t(plan.settings.workers.size()));
  if (!shapes) return std::unexpected(shapes.error());
  EalRequest request{.worker_cpus = plan.settings.workers,
                     .bytes = bytes_needed(plan, *shapes),
                     .extra_arguments = options.eal_arguments};
  for (const PlanPort& port : plan.ports)
    if (auto device = parse_device(port.device)) request.devices.push_back(std::move(*device));
  if (auto done = start_eal(request); !done) return done;
  auto filled = PacketPools::make(*shapes);
  if (!filled) return std::unexpected(std::move(filled).error());
  pools = std::move(*filled);
  auto made = Rings::create(uint32_t(plan.settings.workers.size()));
  if (!made) return std::unexpected(std::move(made).error());
  rings = std::move(*made);
  return {};
}

Result<> Running::open_ports(const LivePlan& plan) {
  for (size_t i = 0; i < plan.ports.size(); ++i) {
    PortRequest request = request_of(plan, i);
    request.one_pool = pools.one();
    if (plan.ports[i].shared) request.share = [&](int program) { return shared.fill(uint16_t(i), program, plan); };
    auto port = open_port(request, pools.on(needs_[i].socket));
    if (!port) return std::unexpected(std::move(port).error());
    log_port(*port);
    ports.push_back(std::move(*port));
    if (auto done = open_side(ports.back()); !done) return done;
  }
  return shared.add_rows(*segment, port_names(plan));
}

Result<> Running::open_side(const Port& port) {
  const auto keep = [this](auto side) -> Result<> {
    if (!side) return std::unexpected(std::move(side).error());
    sides.push_back(std::move(*side));
    return {};
  };
  if (const xdp::Filter* filter = shared.of(port.index))
    return keep(SharedInterface::open(port.device.interface, *filter));
  return keep(Tap::open(port.name, port.mac, port.mtu, uint16_t(rings->doors.size())));
}

Result<> Running::open_workers(const LivePlan& plan) {
  const auto count = uint32_t(plan.settings.workers.size());
  quiet_points = std::make_unique<QuietPoints>(2 * count);  // and the kernel doors' threads
  plans = std::make_unique<Published<LivePlan>>(*quiet_points);
  hops = std::make_unique<Published<HopTable>>(*quiet_points);
  blocks = std::make_unique<Published<BlockList>>(*quiet_points);
  l7 = std::make_unique<Published<L7Instances>>(*quiet_points);
  for (uint32_t index = 0; index < count; ++index) {
    auto worker = Worker::create({.index = index,
                                  .settings = plan.settings,
                                  .ports = ports,
                                  .rings = *rings,
                                  .quiet_points = *quiet_points,
                                  .plans = *plans,
                                  .hops = *hops,
                                  .blocks = *blocks,
                                  .l7 = *l7,
                                  .conversations = conversations,
                                  .pool = pools.first(),
                                  .cells = segment->cells(index),
                                  .path_cells = path_cells,
                                  .rows = rows});
    if (!worker) return std::unexpected(std::move(worker).error());
    workers.push_back(std::move(*worker));
  }
  uint64_t flows = 0;
  for (const auto& worker : workers) flows += worker->flows_max();
  stats::set(control_cell(rows.flows_max), flows);
  return {};
}

Result<> Running::open_doors() {
  for (uint32_t number = 0; number < workers.size(); ++number)
    if (auto done = open_door(number); !done) return done;
  return {};
}

Result<> Running::open_door(uint32_t number) {
  std::vector<DoorPort> door_ports;
  for (size_t i = 0; i < ports.size(); ++i) door_ports.push_back({sides[i].get(), ports[i].queues});
  doors.push_back(std::make_unique<KernelDoor>(
      KernelDoor::Surroundings{.number = number,
                               .ports = std::move(door_ports),
                               .rings = *rings,
                               .pool = pools.first(),
                               .quiet_points = *quiet_points,
                               .reader = uint32_t(workers.size()) + number,
                               .plans = *plans,
                               .conversations = conversations,
                               .strangers = strangers,
                               .cells = segment->cells(control_core() + 1 + number),
                               .path_cells = path_cells,
                               .rows = rows}));
  return doors.back()->start();
}

Result<> Running::launch() {
  launched_ = true;
  for (size_t i = 0; i < workers.size(); ++i) {
    const auto run = [](void* worker) { return static_cast<Worker*>(worker)->run(), 0; };
    if (const int number = rte_eal_remote_launch(run, workers[i].get(), unsigned(i + 1)); number != 0)
      return fail(fmt::format("start worker {}: {}", i, rte_strerror(-number)));
  }
  return {};
}

Running::~Running() {
  for (const auto& worker : workers) worker->stop();
  if (launched_) rte_eal_mp_wait_lcore();
  doors.clear();
  if (auto done = clear_shares(ports); !done) log::warning("{}", done.error().message);
  for (const Port& port : ports) close_port(port);
  workers.clear();
  rings.reset();
  plans.reset(), hops.reset(), blocks.reset(), l7.reset();
}

}  // namespace cardea::dataplane
