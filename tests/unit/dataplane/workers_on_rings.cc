// Rings, ports over them, and everything that a worker stands in.
#include "tests/unit/dataplane/workers_on_rings.h"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <unistd.h>

#include <cstring>

#include "base/check.h"

namespace cardea::dataplane::test {
namespace {

int made = 0;  // DPDK's rings and devices have names

rte_ring* ring_of(uint32_t room) {
  rte_ring* ring = rte_ring_create(fmt::format("wire{}", made++).c_str(), room, 0, RING_F_EXACT_SZ);
  CHECK(ring != nullptr, "no ring");
  return ring;
}

// DPDK's numbers of ports are not the plan's.
void take_a_number() {
  static rte_ring* ring = ring_of(64);
  static const int taken = rte_eth_from_ring(ring);
  CHECK(taken >= 0, "no port over a ring");
}

void start(uint16_t id, uint16_t queues) {
  const rte_eth_conf conf{};
  CHECK(rte_eth_dev_configure(id, queues, queues, &conf) == 0);
  for (uint16_t queue = 0; queue < queues; ++queue) {
    CHECK(rte_eth_rx_queue_setup(id, queue, 64, 0, nullptr, packet_pool()) == 0);
    CHECK(rte_eth_tx_queue_setup(id, queue, 64, 0, nullptr) == 0);
  }
  CHECK(rte_eth_dev_start(id) == 0);
}

}  // namespace

WorkersOnRings::WorkersOnRings(const SiteOptions& options, uint32_t workers, const std::vector<RingPort>& ports) {
  start_eal();
  take_a_number();
  hops = Site(options).hops;
  stats_path_ = fmt::format("/dev/shm/cardea-test-{}-rings{}.stats", getpid(), made++);
  running.segment =
      std::make_unique<stats::Segment>(stats::Segment::create(stats_path_, workers + 2, 4096, 8192).value());
  running.registry = std::make_unique<SlotRegistry>(*running.segment, 4096, 65536);
  image::PlanT plan = plan_of(options);
  plan.settings->workers.resize(workers);
  running.first_plan = build_live_plan(packed(plan), *running.registry).value();
  std::vector<std::string> names;
  for (const PlanPort& port : running.first_plan->ports) names.push_back(port.name);
  CHECK(names.size() == ports.size());
  running.path_cells = add_path_rows(*running.segment, names).value();
  running.rows = ControlRows::add(*running.segment, names).value();
  running.rings = Rings::create(workers, fmt::format("onrings{}", made++)).value();
  for (const RingPort& port : ports) open_port(port);
  open_workers(workers);
}

void WorkersOnRings::open_port(const RingPort& shape) {
  Wire& wire = wires_.emplace_back();
  for (uint16_t queue = 0; queue < shape.queues; ++queue)
    wire.in.push_back(ring_of(256)), wire.out.push_back(ring_of(shape.room));
  const int id = rte_eth_from_rings(fmt::format("onrings{}", made++).c_str(), wire.in.data(), shape.queues,
                                    wire.out.data(), shape.queues, 0);
  CHECK(id >= 0, "no port over rings");
  start(uint16_t(id), shape.queues);
  Port port;
  port.index = uint16_t(running.ports.size());
  port.id = uint16_t(id);
  port.name = running.first_plan->ports[port.index].name;
  port.mac = {2, 0, 0, 0, 0, uint8_t(port.index + 1)};
  port.queues = shape.queues;
  port.gathers = shape.gathers;
  port.spreads_flows = shape.spreads_flows;
  running.ports.push_back(std::move(port));
}

void WorkersOnRings::open_workers(uint32_t workers) {
  running.quiet_points = std::make_unique<QuietPoints>(workers + 1);
  running.plans = std::make_unique<Published<LivePlan>>(*running.quiet_points);
  running.hops = std::make_unique<Published<HopTable>>(*running.quiet_points);
  running.blocks = std::make_unique<Published<BlockList>>(*running.quiet_points);
  running.l7 = std::make_unique<Published<L7Instances>>(*running.quiet_points);
  running.plans->publish(std::move(running.first_plan));
  publish(hops);
  for (uint32_t index = 0; index < workers; ++index)
    running.workers.push_back(Worker::create({.index = index,
                                              .settings = running.plans->load()->settings,
                                              .ports = running.ports,
                                              .rings = *running.rings,
                                              .quiet_points = *running.quiet_points,
                                              .plans = *running.plans,
                                              .hops = *running.hops,
                                              .blocks = *running.blocks,
                                              .l7 = *running.l7,
                                              .conversations = running.conversations,
                                              .pool = packet_pool(),
                                              .cells = running.segment->cells(index),
                                              .path_cells = running.path_cells,
                                              .rows = running.rows})
                                  .value());
}

WorkersOnRings::~WorkersOnRings() {
  for (Wire& wire : wires_)
    for (const auto& rings : {wire.in, wire.out})
      for (rte_ring* ring : rings)
        for (void* packet; rte_ring_dequeue(ring, &packet) == 0;) rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
  ::unlink(stats_path_.c_str());  // the rings stay with DPDK, whose ports they are
}

void WorkersOnRings::comes(const Frame& frame, uint16_t port, uint16_t queue) {
  rte_mbuf* arrived = packet(frame);
  const uint8_t to[] = {2, 0, 0, 0, 0, uint8_t(port + 1)};
  std::memcpy(rte_pktmbuf_mtod(arrived, void*), to, sizeof to);
  arrived->port = running.ports[port].id;  // as drivers do
  CHECK(rte_ring_enqueue(wires_[port].in[queue], arrived) == 0);
}

std::vector<Frame> WorkersOnRings::left(uint16_t port, uint16_t queue) {
  std::vector<Frame> frames;
  for (void* packet; rte_ring_dequeue(wires_[port].out[queue], &packet) == 0;) {
    auto* sent = static_cast<rte_mbuf*>(packet);
    const auto* at = rte_pktmbuf_mtod(sent, const std::byte*);
    frames.emplace_back(at, at + sent->data_len);
    rte_pktmbuf_free(sent);
  }
  return frames;
}

bool WorkersOnRings::turn(uint32_t worker) {
  running.quiet_points->wake(worker);
  const bool busy = running.workers[worker]->turn(rte_rdtsc());
  running.quiet_points->sleep(worker);
  return busy;
}

void WorkersOnRings::publish(const HopTable& next) {
  running.hops->publish(std::make_unique<const HopTable>(next));
}

}  // namespace cardea::dataplane::test
