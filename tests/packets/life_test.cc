// How flows live: with their backend through drain, down and maintenance, by the TCP flags they see, until they are
// idle for too long; and what control is told about them.
#include <gtest/gtest.h>

#include <set>

#include "base/maglev.h"
#include "tests/packets/connection.h"

namespace cardea::dataplane::test {
namespace {

using image::BackendState;
using wire::kTcpAck, wire::kTcpFin, wire::kTcpRst, wire::kTcpSyn;

const char* const kTunnel = "203.0.113.2";
const char* const kNat = "203.0.113.1";

FlowTuple flow(const char* service, Protocol protocol = Protocol::kTcp, uint16_t port = 5555) {
  FlowTuple t = tuple("198.51.100.7:1", std::string(service) + (protocol == Protocol::kTcp ? ":80" : ":53"), protocol);
  t.source_port_be = __builtin_bswap16(port);
  return t;
}
uint64_t gauge(const Site& site, SlotId slot) {
  return site.worker.cells[site.plan->slots[slot].cells.flows];
}

// The pool "v4" with one backend, named by its place, taking everything and all others in `others`.
void leave_one(Site& site, size_t alive, BackendState others) {
  image::PoolUpdateT update = pool_update("v4", 4, others);
  update.pools[0]->backends[alive]->state = BackendState::up;
  update.pools[0]->ring.assign(update.pools[0]->ring.size(), uint16_t(alive));
  site.update(update);
}
size_t other_than(const Site& site, SlotId slot) {
  return site.plan->pools[0]->backends[0].slot == slot ? 1 : 0;
}

TEST(Drain, FlowsStayAndNewOnesGoElsewhere) {
  for (const char* service : {kTunnel, kNat})
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
      Site site;
      const SlotId slot = run(site, frame({flow(service, protocol), kTcpSyn})).slot;
      leave_one(site, other_than(site, slot), BackendState::drain);
      EXPECT_EQ(run(site, frame({flow(service, protocol), kTcpAck})).slot, slot);
      EXPECT_EQ(run(site, frame({flow(service, protocol), kTcpSyn})).slot, slot)
          << "a repeated handshake is the same flow";
      EXPECT_NE(run(site, frame({flow(service, protocol, 6000), kTcpSyn})).slot, slot);
    }
}

TEST(Down, TcpGoesOnUdpAndNewHandshakesChooseAgain) {
  for (const BackendState gone : {BackendState::down, BackendState::maint})
    for (const char* service : {kTunnel, kNat}) {
      Site site;
      const SlotId tcp = run(site, frame({flow(service), kTcpSyn})).slot;
      leave_one(site, other_than(site, tcp), gone);
      EXPECT_EQ(run(site, frame({flow(service), kTcpAck})).slot, tcp);
      const Outcome again = run(site, frame({flow(service), kTcpSyn}));
      EXPECT_EQ(again.verdict, Verdict::kForward);
      EXPECT_NE(again.slot, tcp);
      EXPECT_EQ(gauge(site, tcp), 0u);
      EXPECT_EQ(gauge(site, again.slot), 1u);

      Site other;
      const SlotId udp = run(other, frame({flow(service, Protocol::kUdp)})).slot;
      leave_one(other, other_than(other, udp), gone);
      EXPECT_NE(run(other, frame({flow(service, Protocol::kUdp)})).slot, udp);
      EXPECT_EQ(other.worker.flows.size(), 1u);
    }
}

TEST(Down, WithNoBackendLeftNewFlowsAreDropped) {
  Site site;
  site.update(pool_update("v4", 4, BackendState::down));
  EXPECT_EQ(run(site, frame({flow(kTunnel), kTcpSyn})).reason, Reason::k_no_backend);
  EXPECT_EQ(run(site, frame({flow(kNat), kTcpSyn})).reason, Reason::k_no_backend);
  EXPECT_EQ(site.worker.flows.size(), 0u);
}

// Backends that left the plan, by a reload or by an update of their pool.
void remove_backend(Site& site, SlotId gone, bool by_update) {
  image::PlanT next = plan_of({});
  auto& pool = *next.pools[0];
  const size_t at = site.plan->pools[0]->backends[0].slot == gone ? 0 : 1;
  ASSERT_EQ(site.plan->pools[0]->backends[at].slot, gone);
  pool.backends.erase(pool.backends.begin() + std::ptrdiff_t(at));
  pool.ring.assign(pool.ring.size(), 2);
  if (!by_update) return site.reload(next);
  image::PoolUpdateT update = pool_update("v4", 4, BackendState::up);
  update.pools[0] = std::move(next.pools[0]);
  site.update(update);
}

// A client whose flow is with one of the first two backends.
uint16_t client_of_the_first_two(Site& site, const char* service, Protocol protocol) {
  for (uint16_t port = 1000;; ++port) {
    Explanation e;
    e.tuple = flow(service, protocol, port);
    explain(site.worker, e);
    if (e.slot == site.plan->pools[0]->backends[0].slot || e.slot == site.plan->pools[0]->backends[1].slot) return port;
  }
}

TEST(Gone, BackendsKeepTheirTcpAndNothingThatCanChooseAgain) {
  for (const bool by_update : {false, true})
    for (const char* service : {kTunnel, kNat}) {
      Site site;
      const FlowTuple t = flow(service, Protocol::kTcp, client_of_the_first_two(site, service, Protocol::kTcp));
      const SlotId gone = run(site, frame({t, kTcpSyn})).slot;
      const FlowTuple datagrams = flow(service, Protocol::kUdp, client_of_the_first_two(site, service, Protocol::kUdp));
      remove_backend(site, gone, by_update);
      EXPECT_EQ(run(site, frame({t, kTcpAck})).slot, gone) << "the connection goes on";
      const Outcome again = run(site, frame({t, kTcpSyn}));
      EXPECT_EQ(again.verdict, Verdict::kForward) << name(again.reason);
      EXPECT_NE(again.slot, gone) << "a new handshake chooses again";
      EXPECT_EQ(gauge(site, gone), 0u);

      Site other;
      const SlotId of_udp = run(other, frame({datagrams})).slot;
      remove_backend(other, of_udp, by_update);
      const Outcome datagram = run(other, frame({datagrams}));
      EXPECT_EQ(datagram.verdict, Verdict::kForward);
      EXPECT_NE(datagram.slot, of_udp) << "at once";
      EXPECT_EQ(other.worker.flows.size(), 1u);
    }
}

TEST(TcpState, FollowsTheClientOfATunnel) {
  Site site;
  run(site, frame({flow(kTunnel), kTcpSyn}));
  EXPECT_EQ(state_of(site, flow(kTunnel)), FlowState::kSyn);
  run(site, frame({flow(kTunnel), kTcpSyn}));
  EXPECT_EQ(state_of(site, flow(kTunnel)), FlowState::kSyn);
  run(site, frame({flow(kTunnel), kTcpAck}));
  EXPECT_EQ(state_of(site, flow(kTunnel)), FlowState::kEstablished);
  run(site, frame({flow(kTunnel), kTcpFin | kTcpAck}));
  EXPECT_EQ(state_of(site, flow(kTunnel)), FlowState::kClosing);
  run(site, frame({flow(kTunnel), kTcpAck, 0}));
  EXPECT_EQ(state_of(site, flow(kTunnel)), FlowState::kClosing) << "it acknowledges what still comes";
  run(site, frame({flow(kTunnel), kTcpSyn}));
  EXPECT_EQ(state_of(site, flow(kTunnel)), FlowState::kSyn) << "a new flow on the old tuple";
  EXPECT_EQ(site.worker.flows.size(), 1u);
}

TEST(TcpState, AFlowThatEndsInsideABurstIsStillItsEarlierPackets) {
  Site site;
  Connection closed(site, flow(kNat));
  closed.open();
  closed.client(kTcpFin | kTcpAck), closed.backend(kTcpFin | kTcpAck);
  Ends ends;
  const auto outcomes = run(
      site, ends,
      {closed.client_frame(kTcpAck), frame({flow(kNat, Protocol::kTcp, 6000), kTcpSyn}), frame({flow(kNat), kTcpSyn})});
  EXPECT_EQ(outcomes[0].verdict, Verdict::kForward);
  EXPECT_TRUE(outcomes[1].new_flow);
  EXPECT_TRUE(outcomes[2].new_flow);
  ASSERT_EQ(ends.sent.size(), 3u);
  EXPECT_EQ(answer_to(ends.sent[0].frame), closed.reply_tuple())
      << "by the flow that it found, though that ended in the same burst";
  EXPECT_EQ(site.worker.flows.size(), 2u);
  const auto tunnel = run(site, frame({flow(kTunnel), kTcpFin | kTcpAck}));
  const auto more = run(site, ends, {frame({flow(kTunnel), kTcpAck}), frame({flow(kTunnel), kTcpSyn})});
  EXPECT_EQ(more[0].slot, tunnel.slot) << "the ring answers for tunnels";
  EXPECT_EQ(more[0].verdict, Verdict::kForward);
}

TEST(OneBurst, BeginsAFlowOnce) {
  Site site;
  Ends ends;
  const auto outcomes =
      run(site, ends, {frame({flow(kNat), kTcpSyn}), frame({flow(kNat), kTcpSyn}), frame({flow(kNat), kTcpAck})});
  EXPECT_EQ(site.worker.flows.size(), 1u);
  EXPECT_TRUE(outcomes[0].new_flow);
  EXPECT_FALSE(outcomes[1].new_flow);
  EXPECT_EQ(outcomes[2].verdict, Verdict::kForward);
  EXPECT_EQ(site.worker.cells[site.plan->slots[outcomes[0].slot].cells.flows_total], 1u);
}

TEST(OneBurst, ItsLaterPacketsGoToTheBackendThatTheFirstOneGot) {
  Site site;
  Ends ends;
  std::set<SlotId> seen;
  for (uint16_t port = 2000; port < 2032; ++port) {
    const auto syn = frame({flow(kNat, Protocol::kTcp, port), kTcpSyn});
    const auto outcomes = run(site, ends, {syn, syn});
    EXPECT_EQ(outcomes[1].slot, outcomes[0].slot);
    seen.insert(outcomes[1].slot);
  }
  EXPECT_EQ(seen.size(), 4u) << "each of the backends";
}

// Nothing can be translated from one family to the other.
TEST(Family, OfAnotherThanItsServicesABackendGetsNoFlow) {
  Site site;
  image::PlanT plan = plan_of({});
  std::swap(plan.pools[0], plan.pools[1]);
  plan.generation = site.plan->generation + 1;
  site.reload(plan);
  for (const char* service : {"203.0.113.1:80", "[2001:db8::1]:80"}) {
    const char* client = service[0] == '[' ? "[2001:db8:9::7]:5555" : "198.51.100.7:5555";
    const Outcome outcome = run(site, frame({tuple(client, service), kTcpSyn}));
    EXPECT_EQ(name(outcome.reason), name(Reason::k_family_mismatch)) << service;
    EXPECT_EQ(outcome.verdict, Verdict::kDrop);
  }
  EXPECT_EQ(site.worker.flows.size(), 0u);
  EXPECT_EQ(site.drops(Reason::k_family_mismatch), 2u);
}

// Calls of tend() for `ms` milliseconds, as a worker makes them.
void pass(Site& site, uint32_t ms) {
  for (uint32_t i = 0; i < ms; ++i) {
    ++site.worker.now_ms;
    path::tend(site.worker);
  }
}

TEST(Tend, EndsIdleFlowsInTimeAndTakesThemOutOfTheGauges) {
  Site site;
  const Timeouts& timeouts = site.plan->settings.timeouts;
  const SlotId tcp = run(site, frame({flow(kTunnel), kTcpSyn})).slot;
  const SlotId udp = run(site, frame({flow(kTunnel, Protocol::kUdp)})).slot;
  run(site, frame({flow(kTunnel, Protocol::kUdp)}));
  EXPECT_GE(gauge(site, udp), 1u);
  pass(site, timeouts.udp_ms);
  EXPECT_EQ(site.worker.flows.size(), 2u);
  pass(site, 1001);
  EXPECT_EQ(state_of(site, flow(kTunnel, Protocol::kUdp)), FlowState::kFree);
  EXPECT_EQ(state_of(site, flow(kTunnel)), FlowState::kSyn);
  EXPECT_EQ(gauge(site, tcp), 1u);
  pass(site, timeouts.tcp_syn_ms - timeouts.udp_ms);
  EXPECT_EQ(site.worker.flows.size(), 0u);
  EXPECT_EQ(gauge(site, tcp), 0u);
  EXPECT_EQ(site.worker.cells[site.path_cells.flows], 0u);
}

TEST(Tend, AFlowThatIsUsedStays) {
  Site site;
  for (int i = 0; i < 2; ++i) run(site, frame({flow(kTunnel, Protocol::kUdp)}));
  for (int i = 0; i < 5; ++i) {
    pass(site, site.plan->settings.timeouts.udp_ms - 10);
    EXPECT_FALSE(run(site, frame({flow(kTunnel, Protocol::kUdp)})).new_flow);
  }
}

TEST(FullTable, HalfOpenFlowsOfEarlierMakeRoomAndEstablishedOnesDoNot) {
  Site site({.flows = 2});
  Connection first(site, flow(kNat, Protocol::kTcp, 1)), second(site, flow(kNat, Protocol::kTcp, 2));
  first.syn(), second.syn();
  EXPECT_EQ(run(site, frame({flow(kNat, Protocol::kTcp, 3), kTcpSyn})).reason, Reason::k_flow_table_full)
      << "all of this very millisecond";
  ++site.worker.now_ms;
  EXPECT_EQ(run(site, frame({flow(kNat, Protocol::kTcp, 3), kTcpSyn})).verdict, Verdict::kForward);
  EXPECT_EQ(site.worker.cells[site.path_cells.evicted], 1u);
  const bool first_stays = first.state() != FlowState::kFree;
  Connection third(site, flow(kNat, Protocol::kTcp, 3));
  for (Connection* open : {first_stays ? &first : &second, &third}) open->open();
  ++site.worker.now_ms;
  EXPECT_EQ(run(site, frame({flow(kNat, Protocol::kTcp, 4), kTcpSyn})).reason, Reason::k_flow_table_full);
  EXPECT_EQ(site.worker.flows.size(), 2u);
}

TEST(Inspect, FindsFlowsByServiceBackendAndClientAFewGroupsAStep) {
  Site site;
  SlotId slot = kNoSlot;
  for (uint16_t i = 0; i < 600; ++i)
    slot = run(site, frame({flow(kTunnel, Protocol::kTcp, uint16_t(1000 + i)), kTcpSyn})).slot;
  const FlowTuple reply = answer_to(run(site, frame({flow(kNat), kTcpSyn})).frame);
  const auto ask = [&](FlowsRequest request) {
    InspectRequest question;
    question.flows = &request;
    EXPECT_TRUE(site.worker.inspections.ask(question));
    InspectRequest second;
    second.flows = &request;
    EXPECT_FALSE(site.worker.inspections.ask(second)) << "one at a time";
    int steps = 0;
    for (; !question.done.load() && steps < 100; ++steps) path::answer(site.worker);
    EXPECT_GT(steps, 1);
    return request;
  };
  FlowsRequest all = ask({.limit = 10});
  EXPECT_EQ(all.total, 601u);
  EXPECT_EQ(all.flows.size(), 10u);
  FlowsRequest of_slot = ask({.slots = {slot}, .limit = 1000});
  EXPECT_EQ(of_slot.total, of_slot.flows.size());
  EXPECT_EQ(of_slot.total, gauge(site, slot));
  const ServiceId nat = site.registry->service("nat4").value();
  FlowsRequest of_service = ask({.service = nat});
  ASSERT_EQ(of_service.total, 1u);
  EXPECT_EQ(of_service.flows[0].tuple, flow(kNat));
  EXPECT_EQ(of_service.flows[0].nat_source->address, reply.destination);
  EXPECT_EQ(of_service.flows[0].nat_source->port, __builtin_bswap16(reply.destination_port_be));
  EXPECT_EQ(ask({.client = IpAddress::v4(1)}).total, 0u);
}

TEST(Inspect, AWalkThroughTheTableKeepsNoExplanationWaiting) {
  Site site;
  for (uint16_t i = 0; i < 600; ++i) run(site, frame({flow(kTunnel, Protocol::kTcp, uint16_t(1000 + i)), kTcpSyn}));
  FlowsRequest all{.limit = 1};
  Explanation explanation;
  explanation.tuple = flow(kNat);
  InspectRequest walk, quick;
  walk.flows = &all, quick.explain = &explanation;
  ASSERT_TRUE(site.worker.inspections.ask(walk));
  path::answer(site.worker);
  ASSERT_TRUE(site.worker.inspections.ask(quick));
  path::answer(site.worker);
  EXPECT_TRUE(quick.done.load());
  EXPECT_FALSE(walk.done.load());
  for (int steps = 0; !walk.done.load() && steps < 100; ++steps) path::answer(site.worker);
  EXPECT_EQ(all.total, 600u);
}

TEST(Inspect, ExplainIsAnsweredThroughTheSameBox) {
  Site site;
  Explanation explanation;
  explanation.tuple = flow(kNat);
  InspectRequest question;
  question.explain = &explanation;
  ASSERT_TRUE(site.worker.inspections.ask(question));
  path::answer(site.worker);
  ASSERT_TRUE(question.done.load());
  EXPECT_EQ(explanation.verdict, Verdict::kForward);
  EXPECT_EQ(site.worker.flows.size(), 0u);
  EXPECT_EQ(site.registry->identity(explanation.slot)->endpoint.address, explanation.rewritten.destination);
  const auto lines = story(*site.plan, *site.registry, explanation);
  EXPECT_NE(lines[1].find("nat4"), std::string::npos);
}

}  // namespace
}  // namespace cardea::dataplane::test
