// The loop of a data core, and the ends that its packets leave by.
#include "dataplane/worker.h"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <sys/prctl.h>

#include <algorithm>

#include "dataplane/path/path.h"

namespace cardea::dataplane {
namespace {

// Sleeping and waking cost about 10 µs of a core; a load that comes in bursts every few µs must not pay them for each.
// Beside shards of cardea-l7, whose work comes back in tens of µs and may want this very core, the long spin cost a
// proxied request on two shared cores 25 µs of the worker's and 15 µs of the shard's time, and 40 % of their rate.
constexpr std::chrono::microseconds kSpin{200}, kSpinBesideShards{30};
// While it sleeps nothing expires: it wakes so often to let old flows go.
constexpr std::chrono::milliseconds kSleepMax{100};
constexpr int kTransmitTries = 3;  // a full device gets that many chances before packets are dropped

std::vector<QueueOfPort> queues_of(uint32_t worker, const std::vector<Port>& ports, uint32_t workers) {
  std::vector<QueueOfPort> queues;
  for (const Port& port : ports)
    for (uint16_t queue = 0; queue < port.queues; ++queue)
      if (worker_of_queue(port.index, port.queues, queue, workers) == worker) queues.push_back({&port, queue});
  return queues;
}

// Flows are spread evenly over the workers by their hash; the sixteenth more holds what chance puts on top.
uint32_t flows_of_worker(const PlanSettings& settings) {
  const uint64_t workers = settings.workers.size();
  const uint64_t even = (settings.flows + workers - 1) / workers;
  return uint32_t(std::clamp<uint64_t>(workers == 1 ? even : even + even / 16 + 16, 64, uint64_t{1} << 28));
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::create(const Surroundings& surroundings) {
  const auto workers = uint32_t(surroundings.rings.workers.size());
  WorkerRings& rings = *surroundings.rings.workers[surroundings.index];
  std::vector<QueueOfPort> queues = queues_of(surroundings.index, surroundings.ports, workers);
  std::vector<int> l7_bells;
  for (const PipeBell& bell : rings.l7_bells) l7_bells.push_back(bell.heard.get());
  auto sleeper = Sleeper::create(queues, rings.bell, l7_bells);
  if (!sleeper) return std::unexpected(std::move(sleeper).error());
  std::unique_ptr<Worker> worker(new Worker(surroundings, std::move(*sleeper), std::move(queues)));
  if (auto done = worker->reserve_flows(); !done) return std::unexpected(std::move(done).error());
  return worker;
}

Worker::Worker(const Surroundings& surroundings, Sleeper sleeper, std::vector<QueueOfPort> queues)
    : around_(surroundings),
      rings_(*surroundings.rings.workers[surroundings.index]),
      sleeper_(std::move(sleeper)),
      queues_(std::move(queues)),
      cycles_per_second_(rte_get_tsc_hz()),
      cycles_per_millisecond_(cycles_per_second_ / 1000),
      gather_patience_(cycles_per_millisecond_ * Gather::kPatienceUs / 1000),
      gathered_(surroundings.ports.size()) {
  const PlanSettings& settings = surroundings.settings;
  state_.index = surroundings.index;
  state_.workers = uint32_t(surroundings.rings.workers.size());
  state_.nat_ports = NatPorts(settings.nat_port_first, settings.nat_port_last, state_.workers, state_.index);
  for (const Port& port : surroundings.ports) {
    state_.steering.push_back(port.steering);
    state_.sent_later.push_back(port.gathers || sending_queue(port) >= port.queues);
  }
  state_.cells = surroundings.cells;
  state_.path_cells = &surroundings.path_cells;
  state_.conversations = &surroundings.conversations;
  state_.pool = surroundings.pool;
  state_.egress = egress();
}

Worker::~Worker() {
  rte_free(flow_memory_);
}

uint64_t Worker::bytes(const LivePlan& plan) {
  return plan.settings.workers.size() * FlowTable::bytes_needed(flows_of_worker(plan.settings));
}

Result<> Worker::reserve_flows() {
  const uint32_t flows = flows_of_worker(around_.settings);
  const size_t size = FlowTable::bytes_needed(flows);
  flow_memory_ = rte_zmalloc_socket("flows", size, 64, int(rte_lcore_to_socket_id(around_.index + 1)));
  if (flow_memory_ == nullptr) flow_memory_ = rte_zmalloc("flows", size, 64);  // rather far than not at all
  if (flow_memory_ == nullptr)
    return fail(
        fmt::format(
            "{} flows of worker {} need {} MB of memory in one piece, which DPDK does not have; lower dataplane.flows"
            " or reserve more hugepages",
            flows, around_.index, size >> 20),
        Origin::kOperator);
  state_.flows = FlowTable(flows, {static_cast<std::byte*>(flow_memory_), size});
  return {};
}

void Worker::run() {
  ::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);  // naps end when they should: 50 µs more is the kernel's default
  const bool adaptive = around_.settings.poll == image::Poll::adaptive;
  const auto cycles_of = [this](std::chrono::microseconds time) {
    return cycles_per_second_ / 1'000'000 * uint64_t(time.count());
  };
  const uint64_t spin = cycles_of(kSpin), spin_beside_shards = cycles_of(kSpinBesideShards);
  around_.quiet_points.wake(around_.index);
  idle_since_ = rte_rdtsc();
  while (!stop_.load(std::memory_order_relaxed)) {
    const uint64_t from = rte_rdtsc();
    const bool busy = turn(from);
    account_time(from, busy);
    const bool shards = state_.l7 != nullptr && state_.l7->newest != nullptr;
    const uint64_t patience = shards ? spin_beside_shards : spin;
    if (!busy && !behind_ && adaptive && rte_rdtsc() - idle_since_ > patience) sleep();
    around_.quiet_points.quiet(around_.index);
  }
  while (send_outbox()) {
  }
  for (uint16_t port = 0; port < gathered_.size(); ++port) send_gathered(port);
  around_.quiet_points.sleep(around_.index);
}

bool Worker::turn(uint64_t now) {
  state_.plan = around_.plans.load();
  state_.hops = around_.hops.load();
  state_.blocks = around_.blocks.load();
  state_.l7 = around_.l7.load();
  state_.now_ms = uint32_t(now / cycles_per_millisecond_);
  bool busy = false;
  for (const QueueOfPort& queue : queues_) busy |= receive(queue);
  busy |= take_inbox();
  busy |= send_outbox();
  busy |= path::send(state_, batch_);
  for (uint16_t port = 0; port < gathered_.size(); ++port)
    if (gathered_[port].due(busy, rte_rdtsc(), gather_patience_)) send_gathered(port);
  behind_ = path::tend(state_) || state_.inspections.pending() != nullptr;
  return busy;
}

void Worker::stop() {
  stop_.store(true, std::memory_order_relaxed);
  rings_.bell.ring();
}

void Worker::account_time(uint64_t from, bool busy) {
  if (!busy) return;
  idle_since_ = rte_rdtsc();
  busy_cycles_ += idle_since_ - from;
  stats::set(around_.cells + around_.rows.busy_ns, nanoseconds_of(busy_cycles_));
}

// The instances of cardea-l7 may have been taken away while it slept: they are asked for anew.
void Worker::sleep() {
  rings_.bell.arm();
  const bool l7_silent = state_.l7 == nullptr || arm(*state_.l7, state_.index);
  const bool nothing =
      l7_silent && rings_.inbox.empty() && rings_.outbox.empty() && state_.inspections.pending() == nullptr;
  if (nothing && !stop_.load(std::memory_order_relaxed)) {
    const uint64_t from = rte_rdtsc();
    around_.quiet_points.sleep(around_.index);
    sleeper_.sleep(kSleepMax);
    around_.quiet_points.wake(around_.index);
    sleeping_cycles_ += rte_rdtsc() - from;
    stats::set(around_.cells + around_.rows.sleeping_ns, nanoseconds_of(sleeping_cycles_));
    stats::add(around_.cells + around_.rows.wakeups, 1);
  }
  rings_.bell.disarm();
  if (const L7Instances* l7 = around_.l7.load(); l7 != nullptr) disarm(*l7, state_.index);
}

bool Worker::receive(const QueueOfPort& queue) {
  const uint16_t count = rte_eth_rx_burst(queue.port->id, queue.queue, batch_.packet, kBurstMax);
  if (count == 0) return false;
  if (queue.port->id != queue.port->index)
    for (uint16_t i = 0; i < count; ++i) batch_.packet[i]->port = queue.port->index;
  batch_.count = count;
  batch_.port = queue.port->index;
  batch_.mac = queue.port->shared ? 0 : link_address(queue.port->mac.data());  // 0: the interface's program compared it
  batch_.virtual_link = queue.port->device.on_host_interface();
  batch_.spread = !queue.port->spreads_flows && around_.rings.workers.size() > 1;
  batch_.handed_over = false;
  path::run(state_, batch_);
  return true;
}

bool Worker::take_inbox() {
  const uint16_t count = rings_.inbox.pop(batch_.packet, kBurstMax);
  if (count == 0) return false;
  batch_.count = count;
  batch_.port = 0;
  batch_.mac = 0;               // whoever received them compared it
  batch_.virtual_link = false;  // the same
  batch_.spread = false;
  batch_.handed_over = true;
  path::run(state_, batch_);
  return true;
}

bool Worker::send_outbox() {
  rte_mbuf* packets[kBurstMax];
  const uint16_t count = rings_.outbox.pop(packets, kBurstMax);
  for (uint16_t first = 0; first < count;) {
    const uint16_t port = packets[first]->port;
    uint16_t end = uint16_t(first + 1);
    while (end < count && packets[end]->port == port) ++end;
    send_for_others(around_.ports[port], packets + first, uint16_t(end - first));
    first = end;
  }
  return count > 0;
}

void Worker::send_gathered(uint16_t port) {
  Gather& gathered = gathered_[port];
  const uint16_t count = gathered.take_all();
  if (count != 0) send_counted(around_.ports[port], gathered.packets(), count);
}

void Worker::send_for_others(const Port& port, rte_mbuf** packets, uint16_t count) {
  if (port.gathers) return gather(port, packets, count);
  send_counted(port, packets, count);
}

// For packets that account does not see leave. Once the driver has one it may be free: its length is asked for before.
void Worker::send_counted(const Port& port, rte_mbuf** packets, uint16_t count) {
  uint64_t bytes = 0;
  for (uint16_t i = 0; i < count; ++i) bytes += packets[i]->pkt_len;
  const uint16_t taken = transmit_now(port, packets, count);
  for (uint16_t i = taken; i < count; ++i) bytes -= packets[i]->pkt_len;
  const PortCells& cells = around_.path_cells.ports[port.index];
  stats::add(around_.cells + cells.packets_out, taken);
  stats::add(around_.cells + cells.bytes_out, bytes);
  lose(packets + taken, uint16_t(count - taken));
}

void Worker::lose(rte_mbuf** packets, uint16_t count) {
  if (count == 0) [[likely]]
    return;
  rte_pktmbuf_free_bulk(packets, count);
  stats::add(around_.cells + around_.path_cells.drops[size_t(Reason::k_tx_full)], count);
}

// ---- the ends

void Worker::gather(const Port& port, rte_mbuf** packets, uint16_t count) {
  Gather& gathered = gathered_[port.index];
  for (uint16_t taken = 0; taken < count;) {
    taken = uint16_t(taken + gathered.add(packets + taken, uint16_t(count - taken), rte_rdtsc()));
    if (gathered.full()) send_gathered(port.index);
  }
}

uint16_t Worker::transmit_now(const Port& port, rte_mbuf** packets, uint16_t count) {
  uint16_t sent = 0;
  for (int tries = 0; sent < count && tries < kTransmitTries;) {
    const uint16_t taken =
        rte_eth_tx_burst(port.id, uint16_t(sending_queue(port)), packets + sent, uint16_t(count - sent));
    if (taken == 0) ++tries;
    sent = uint16_t(sent + taken);
  }
  return sent;
}

uint16_t Worker::transmit(uint16_t port, rte_mbuf** packets, uint16_t count) {
  const Port& way = around_.ports[port];
  if (sending_queue(way) < way.queues) {
    if (!way.gathers) return transmit_now(way, packets, count);
    gather(way, packets, count);
    return count;
  }
  WorkerRings& sender = around_.rings.sender(port, way.queues);
  for (uint16_t i = 0; i < count; ++i) packets[i]->port = port;
  const uint16_t taken = sender.outbox.push(packets, count);
  sender.bell.ring();
  return taken;
}

// The door looks at its queue of strangers by the clock as long as something is in it, so that a flood does not ring
// for each of its packets.
uint16_t Worker::to_kernel(DoorClass door, rte_mbuf** packets, uint16_t count) {
  DoorRings& own = *around_.rings.doors[around_.index];
  PacketRing& ring = own.of(door);
  const uint16_t taken = ring.push(packets, count);
  if (door != DoorClass::kRest || ring.size() <= taken) own.bell.ring();
  return taken;
}

uint16_t Worker::hand_over(uint32_t worker, rte_mbuf** packets, uint16_t count) {
  WorkerRings& owner = *around_.rings.workers[worker];
  const uint16_t taken = owner.inbox.push(packets, count);
  owner.bell.ring();
  return taken;
}

bool Worker::wait(rte_mbuf* packet, uint16_t port, const IpAddress& next_hop) {
  if (!rings_.waiting.push({packet, next_hop, port})) return false;
  around_.rings.control_bell.ring();
  return true;
}

void Worker::tell(const wire::TunnelTooBig& told) {
  if (rings_.told.push(told)) around_.rings.control_bell.ring();
}

Egress Worker::egress() {
  return {.context = this,
          .transmit = [](void* self, uint16_t port, rte_mbuf** packets,
                         uint16_t count) { return static_cast<Worker*>(self)->transmit(port, packets, count); },
          .to_kernel = [](void* self, DoorClass door, rte_mbuf** packets,
                          uint16_t count) { return static_cast<Worker*>(self)->to_kernel(door, packets, count); },
          .hand_over = [](void* self, uint32_t worker, rte_mbuf** packets,
                          uint16_t count) { return static_cast<Worker*>(self)->hand_over(worker, packets, count); },
          .wait = [](void* self, rte_mbuf* packet, uint16_t port,
                     const IpAddress& next_hop) { return static_cast<Worker*>(self)->wait(packet, port, next_hop); },
          .tell = [](void* self, const wire::TunnelTooBig& told) { static_cast<Worker*>(self)->tell(told); },
          .report = [](void* self) { static_cast<Worker*>(self)->around_.rings.control_bell.ring(); }};
}

}  // namespace cardea::dataplane
