// The control thread's loop and what it publishes.
#include "dataplane/control/control.h"

#include <fmt/format.h>
#include <rte_mbuf.h>
#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "dataplane/control/answers.h"
#include "dataplane/control/marked_addresses.h"
#include "dataplane/plan_schema.h"

namespace cardea::dataplane {
namespace {

using namespace std::chrono_literals;

constexpr auto kRoutesPause = 50ms;  // between two readings of the kernel's route table
// Until what was taken off a shared interface is set again: who takes all of it off (`ip address flush`) is done by
// then, and who puts another default route in place of the one that he took has done so.
constexpr auto kRestoreDelay = 200ms;
constexpr auto kTick = 500ms;        // neighbours to be asked again
constexpr auto kTidy = 1000ms;       // numbers of ended flows, gauges
constexpr auto kInquiryPause = 1ms;  // until workers are looked at again for what they were asked
constexpr auto kInquiryPatience =
    3000ms;  // a worker answers between bursts; a table of 10 M flows takes a second or so

Result<> watch(int epoll, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) return fail_errno("watch a descriptor of the control thread");
  return {};
}

cardea::control::Message message_of(Result<std::string> answer) {
  using cardea::control::Verb;
  if (answer) return {.verb = Verb::kAnswer, .body = std::move(*answer)};
  return cardea::control::refusal(answer.error());
}

}  // namespace

Control::Control(Running& running, cardea::control::PlanServer& server, L7Attachments l7, KernelFollower follower,
                 InterfaceAddresses addresses)
    : running_(running),
      server_(server),
      l7_(std::move(l7)),
      follower_(std::move(follower)),
      addresses_(std::move(addresses)),
      liveness_(running) {
  for (const Port& port : running.ports) links_.push_back({port.mac, port.mtu});
  socket_drops_.resize(running.ports.size());
  links_up_.resize(running.ports.size(), true);
}

Result<std::unique_ptr<Control>> Control::start(Running& running, cardea::control::PlanServer& server,
                                                L7Attachments l7) {
  std::vector<int> sides;
  for (const auto& side : running.sides) sides.push_back(side->index());
  auto follower = KernelFollower::start(sides, running.first_plan->settings.neighbours_max, monotonic_now());
  if (!follower) return std::unexpected(std::move(follower).error());
  auto netlink = Netlink::open(0);
  if (!netlink) return std::unexpected(std::move(netlink).error());
  if (auto done = clear_former_shares(running.ports); !done) log::warning("{}", done.error().message);
  InterfaceAddresses addresses(std::move(*netlink), sides, running.shared.indexes());
  if (auto done = addresses.find_own(); !done) return std::unexpected(std::move(done).error());
  std::unique_ptr<Control> control(
      new Control(running, server, std::move(l7), std::move(*follower), std::move(addresses)));
  control->epoll_ = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (!control->epoll_) return fail_errno("epoll of the control thread");
  for (int fd : {server.fd(), control->l7_.fd(), control->follower_.fd(), running.rings->control_bell.fd()})
    if (auto done = watch(control->epoll_.get(), fd); !done) return std::unexpected(std::move(done).error());
  control->publish_plan(std::move(running.first_plan));
  return control;
}

// The workers still run: what one of them is busy with is its for good.
Control::~Control() {
  for (Waiting& waiting : inquiries_)
    if (!waiting.inquiry->done()) (void)waiting.inquiry.release();
  leave_interfaces();
}

// Before the programs leave them, or the kernel would answer for layer 4's services at once. A TAP takes all of it with
// it.
void Control::leave_interfaces() {
  if (running_.shared.indexes().empty()) return;
  if (auto done = addresses_.give_back(); !done) log::warning("{}", done.error().message);
  follower_.need({}, monotonic_now());
}

Result<> Control::run(int stop_fd) {
  if (auto done = watch(epoll_.get(), stop_fd); !done) return done;
  std::array<epoll_event, 16> events;
  Doorbell& bell = running_.rings->control_bell;
  while (true) {
    bell.arm();
    const int patience = anything_waits() ? 0 : patience_ms(monotonic_now());
    const int ready = ::epoll_wait(epoll_.get(), events.data(), int(events.size()), patience);
    bell.disarm();
    for (int i = 0; i < ready; ++i) {
      const int fd = events[size_t(i)].data.fd;
      if (fd == stop_fd) return {};
      if (fd == bell.fd()) bell.quiet();
      if (fd == server_.fd())
        server_.serve_late(
            [this](cardea::control::Message request, Ticket ticket) { return answer(std::move(request), ticket); });
    }
    if (auto done = turn(monotonic_now()); !done) return done;
  }
}

Result<> Control::turn(Instant now) {
  if (auto done = follower_.read(now); !done) log::warning("netlink: {}", done.error().message);
  const bool l7_changed = l7_.serve(*running_.rings);
  if (l7_.end_broken() || l7_changed) publish_l7();
  if (follower_.take_links_changed()) keep_macs(), follow_shared_interfaces(now);
  if (follower_.take_settings_lost()) restore_at(now + kRestoreDelay);
  if (restore_at_ && *restore_at_ <= now) restore_shared_interfaces(now);
  if (follower_.routes_stale() && now - routes_read_ >= kRoutesPause) {
    routes_read_ = now;
    if (auto done = follower_.refresh_routes(); !done) log::warning("{}", done.error().message);
  }
  take_told(now);
  take_waiting_packets(now);
  if (now - ticked_ >= kTick) {
    ticked_ = now;
    follower_.tick(now);
    if (path_mtus_.expire(now)) publish_hops(plan());
    if (auto done = follow_ports(); !done) return done;
    liveness_.tick(now);
  }
  if (follower_.take_changed()) publish_hops(plan());
  settle_waiting_packets(now);
  if (!inquiries_.empty()) settle_inquiries(now);
  if (now - tidied_ >= kTidy) tidied_ = now, tidy(now);
  return {};
}

namespace {

const char* why_it_cannot_go_on(PortState state) {
  switch (state) {
    case PortState::kReplaced:
      return "was replaced or has reset itself";
    case PortState::kRemoved:
      return "was removed";
    case PortState::kUp:
    case PortState::kDown:
      break;
  }
  return nullptr;
}

}  // namespace

// What has lost its link is down for the kernel too. A device that comes back as another one cannot be opened beside
// what is left of the first: the process ends, and systemd starts it with the plan that runs.
Result<> Control::follow_ports() {
  for (const Port& port : running_.ports) {
    const PortState state = state_of(port);
    if (const char* why = why_it_cannot_go_on(state); why != nullptr)
      return fail(fmt::format("port {}: its device {} {}; starting over", port.name, port.device_text, why));
    const bool up = state == PortState::kUp;
    if (links_up_[port.index] == up) continue;
    links_up_[port.index] = up;
    log::warning("port {}: link {}", port.name, up ? "up" : "down");
    if (auto done = running_.sides[port.index]->set_carrier(up); !done) log::warning("{}", done.error().message);
  }
  return {};
}

void Control::keep_macs() {
  for (const Port& port : running_.ports) {
    const auto changed = running_.sides[port.index]->keep_mac();
    if (!changed) log::warning("{}", changed.error().message);
    if (changed && *changed)
      log::info("the interface {} was given another MAC address; it has the port's again", port.name);
  }
}

// They are the operator's: who sets one down and up again loses routes and IPv6 addresses, and ours are set anew.
void Control::follow_shared_interfaces(Instant now) {
  bool changed = false;
  for (const uint16_t index : running_.shared.indexes()) changed |= follow_interface(running_.ports[index]);
  if (changed) publish_hops(plan());
  restore_at(std::max(now, restored_ + kRoutesPause));
}

void Control::restore_at(Instant when) {
  if (!running_.shared.indexes().empty()) restore_at_ = std::min(when, restore_at_.value_or(when));
}

// What cannot be set while one is down is set when it comes up, which is told too. Of what this takes off itself it is
// told as well: the next time finds nothing to do.
void Control::restore_shared_interfaces(Instant now) {
  restore_at_.reset(), restored_ = now;
  const auto is_up = [this](uint16_t index) { return has_link(running_.ports[index].device.interface); };
  const auto done = addresses_.restore(tap_settings(plan()));
  if (!done && std::ranges::all_of(running_.shared.indexes(), is_up)) log::warning("{}", done.error().message);
}

// Its link address and MTU, of which the port uses no more than its own. Workers read neither of a shared port.
bool Control::follow_interface(Port& port) {
  const auto host = read_host_interface(port.device.interface);
  if (!host || host->index != port.interface_index) return false;  // follow_ports() sees to that
  const uint16_t own_mtu = plan().ports[port.index].mtu;
  const PortLink now{host->mac, uint16_t(std::min<uint32_t>(own_mtu, host->mtu))};
  PortLink& link = links_[port.index];
  if (now == link) return false;
  if (now.mac != link.mac)
    if (auto done = running_.shared.set_link_address(port.index, now.mac); !done)
      log::warning("port {}: {}", port.name, done.error().message);
  log::info("port {}: {} has another link address or MTU now; the dataplane goes by it", port.name,
            port.device.interface);
  link = now;
  port.mac = now.mac, port.mtu = now.mtu;
  return true;
}

int Control::patience_ms(Instant now) {
  Instant next = std::min(ticked_ + kTick, tidied_ + kTidy);
  if (follower_.routes_stale()) next = std::min(next, routes_read_ + kRoutesPause);
  if (restore_at_) next = std::min(next, *restore_at_);
  if (!inquiries_.empty()) next = std::min(next, now + kInquiryPause);
  return int(std::clamp<int64_t>(std::chrono::ceil<std::chrono::milliseconds>(next - now).count(), 0, 1000));
}

// ---- plans

std::optional<cardea::control::Message> Control::answer(cardea::control::Message request, Ticket ticket) {
  if (request.verb != cardea::control::Verb::kAsk) return hand_over(std::move(request));
  auto inquiry = Inquiry::begin(request.body, running_, follower_.neighbours());
  if (!inquiry) return message_of(std::unexpected(std::move(inquiry).error()));
  if ((*inquiry)->done()) return message_of((*inquiry)->answer());
  inquiries_.push_back({ticket, monotonic_now(), std::move(*inquiry)});
  return std::nullopt;
}

// What a worker still works on stays here until it is done, answered or not.
void Control::settle_inquiries(Instant now) {
  std::erase_if(inquiries_, [&](Waiting& waiting) {
    if (waiting.inquiry->done()) {
      if (waiting.ticket != 0) server_.reply(waiting.ticket, message_of(waiting.inquiry->answer()));
      return true;
    }
    if (waiting.ticket != 0 && now - waiting.since > kInquiryPatience)
      server_.reply(std::exchange(waiting.ticket, 0), message_of(fail("a worker did not answer in time")));
    return false;
  });
}

cardea::control::Message Control::hand_over(cardea::control::Message request) {
  using cardea::control::refusal, cardea::control::Verb;
  const bool whole = request.verb == Verb::kAdopt;
  if (!whole && request.verb != Verb::kUpdatePools) return refusal(Error{"unknown request"});
  if (!request.memfd) return refusal(Error{"the plan itself is missing (no memfd)"});
  auto mapping = cardea::control::SealedMapping::map(*request.memfd, kPlanBytesMax);
  if (!mapping) return refusal(mapping.error());
  auto adopted = whole ? adopt(mapping->bytes()) : update(mapping->bytes());
  stats::add(running_.control_cell(adopted ? running_.rows.plans_adopted : running_.rows.plans_refused), 1);
  if (adopted) return {.verb = Verb::kAdopted, .generation = *adopted};
  log::warning("plan refused: {}", adopted.error().message);
  return refusal(adopted.error(), plan().generation);
}

cardea::control::Outcome<uint64_t> Control::adopt(Bytes image) {
  auto next = build_live_plan(image, *running_.registry);
  if (!next) return std::unexpected(std::move(next).error());
  if (auto done = check_reloadable(plan(), **next); !done)
    return refuse(cardea::control::Code::kNeedsRestart, std::move(done.error().message), Origin::kOperator);
  if (auto done = running_.shared.take(plan(), **next); !done) return std::unexpected(std::move(done).error());
  const uint64_t generation = (*next)->generation;
  publish_plan(std::move(*next));
  give_back_to_kernel();
  log::info("plan {} adopted", generation);
  return generation;
}

cardea::control::Outcome<uint64_t> Control::update(Bytes image) {
  auto next = update_pools(plan(), image, *running_.registry);
  if (!next) return std::unexpected(std::move(next).error());
  const uint64_t generation = (*next)->generation;
  publish_plan(std::move(*next));
  return generation;
}

// Addresses first, so that the kernel has the routes; hops before the plan, so that no worker looks up a slot that the
// hop table takes for another address.
void Control::publish_plan(std::unique_ptr<const LivePlan> plan) {
  if (auto done = addresses_.apply(tap_settings(*plan)); !done) log::warning("{}", done.error().message);
  if (auto done = follower_.refresh_routes(); !done) log::warning("{}", done.error().message);
  follower_.take_changed();
  publish_hops(*plan);
  stats::set(running_.control_cell(running_.rows.plan_generation), plan->generation);
  running_.plans->publish(std::move(plan));
  tidied_ = {};
}

void Control::give_back_to_kernel() {
  if (auto done = running_.shared.give_back(plan()); !done) log::warning("{}", done.error().message);
}

void Control::publish_hops(const LivePlan& plan) {
  auto table = std::make_unique<HopTable>(
      build_hop_table(follower_.routes(), follower_.neighbours(), links_, kNoHop, path_mtus_));
  need_neighbours(plan, *table);
  table->slot_hops.reserve(plan.slots.size());
  for (const LiveSlot& slot : plan.slots)
    table->slot_hops.push_back(slot.family == 0 ? kNoHop : table->routes.lookup(slot.address));
  if (++hop_generation_ == 0) hop_generation_ = 1;
  table->generation = hop_generation_;
  running_.hops->publish(std::move(table));
  running_.hops->reclaim();
}

// Who sleeps hears of it at once, so that nothing that was written before waits for the end of his sleep.
void Control::publish_l7() {
  running_.l7->publish(l7_.value());
  running_.l7->reclaim();
  for (const auto& worker : running_.rings->workers) worker->bell.ring();
  write_gauges();
}

void Control::need_neighbours(const LivePlan& plan, const HopTable& table) {
  std::set<Neighbours::Key> keys;
  const auto add = [&](const IpAddress& address) {
    const HopId id = table.routes.lookup(address);
    if (id == kNoHop || keys.size() >= plan.settings.neighbours_max) return;
    const Hop& hop = table.hops[id];
    keys.insert({hop.port, hop.state == HopState::kOnLink ? address : hop.address});
  };
  for (const LiveSlot& slot : plan.slots)
    if (slot.family != 0) add(slot.address);
  for (size_t port = 0; port < plan.ports.size(); ++port)
    for (const IpAddress& gateway : plan.ports[port].gateways)
      if (keys.size() < plan.settings.neighbours_max) keys.insert({uint16_t(port), gateway});
  follower_.need(keys, monotonic_now());
}

// ---- what routers say about tunnels

namespace {

// Anybody can send such an error; it has to be about a tunnel that we have.
bool is_ours(const LivePlan& plan, const wire::TunnelTooBig& told) {
  const auto from_us = [&](const PlanPort& port) {
    return (port.has_v4 && port.own_v4 == told.source) || (port.has_v6 && port.own_v6 == told.source);
  };
  const auto to_it = [&](const LiveSlot& slot) { return slot.family != 0 && slot.address == told.destination; };
  return std::ranges::any_of(plan.ports, from_us) && std::ranges::any_of(plan.slots, to_it);
}

}  // namespace

void Control::take_told(Instant now) {
  std::array<wire::TunnelTooBig, kTold> all;
  bool changed = false;
  for (const auto& worker : running_.rings->workers)
    for (const wire::TunnelTooBig& told : std::span(all).first(worker->told.pop(all)))
      if (!path_mtus_.knows(told.destination, told.mtu) && is_ours(plan(), told))
        changed |= path_mtus_.learn(told.destination, told.mtu, now);
  if (changed) publish_hops(plan());
}

// ---- packets that wait for a neighbour

bool Control::anything_waits() {
  return std::ranges::any_of(running_.rings->workers,
                             [](const auto& worker) { return !worker->waiting.empty() || !worker->told.empty(); });
}

void Control::take_waiting_packets(Instant now) {
  std::array<WaitingPacket, 32> packets;
  for (const auto& worker : running_.rings->workers)
    for (uint32_t count; (count = worker->waiting.pop(packets)) > 0;)
      for (const WaitingPacket& packet : std::span(packets).first(count)) {
        const Neighbours::Key hop{packet.port, packet.next_hop};
        follower_.ask(hop, now);
        if (waiting_.add(hop, packet.packet, now)) continue;
        count_drops(Reason::k_neighbour_queue_full, 1);
        rte_pktmbuf_free(packet.packet);
      }
}

void Control::settle_waiting_packets(Instant now) {
  if (waiting_.size() == 0) return;
  for (const Neighbours::Key& hop : waiting_.hops()) follower_.ask(hop, now);
  const uint64_t failed = waiting_.settle(follower_.neighbours(), links_, now,
                                          [this](uint16_t port, rte_mbuf* packet) { send(port, packet); });
  if (failed > 0) count_drops(Reason::k_neighbour_failed, failed);
}

void Control::send(uint16_t port, rte_mbuf* packet) {
  packet->port = port;
  WorkerRings& sender = running_.rings->sender(port, running_.ports[port].queues);
  if (sender.outbox.push(&packet, 1) == 1) return sender.bell.ring();
  count_drops(Reason::k_tx_full, 1);
  rte_pktmbuf_free(packet);
}

void Control::count_drops(Reason reason, uint64_t count) {
  stats::add(running_.control_cell(running_.path_cells.drops[size_t(reason)]), count);
}

// ---- at leisure

// Numbers are given away again only when no worker can still hold a plan that knew them.
void Control::tidy(Instant now) {
  if (running_.blocked.expire(now)) running_.blocks->publish(running_.blocked.list());
  running_.blocks->reclaim();
  const size_t held = running_.plans->reclaim() + running_.hops->reclaim() + running_.l7->reclaim();
  if (held == 0) {
    running_.registry->forget_plan();
    keep(plan(), *running_.registry);
    running_.registry->free_unused();
    if (auto tidied = without_unused_nat_sources(plan(), *running_.registry)) {
      publish_plan(std::move(tidied));
      give_back_to_kernel();
    }
  }
  write_gauges();
}

}  // namespace cardea::dataplane
