// What explain says, and that saying it changes nothing.
#include <gtest/gtest.h>

#include "tests/packets/connection.h"

namespace cardea::dataplane::test {
namespace {

using wire::kTcpAck, wire::kTcpSyn;

const FlowTuple kNat = tuple("198.51.100.7:5555", "203.0.113.1:80");
const FlowTuple kTunnel = tuple("198.51.100.7:5555", "203.0.113.2:80");

Explanation explained(Site& site, const FlowTuple& t) {
  Explanation e;
  e.tuple = t;
  explain(site.worker, e);
  return e;
}
std::string told(Site& site, const FlowTuple& t) {
  std::string all;
  for (const std::string& line : story(*site.plan, *site.registry, explained(site, t))) all += line + "\n";
  return all;
}
bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Story, OfANewConnectionNamesTheRingsSlotAndWhatLeaves) {
  Site site;
  const std::string text = told(site, kNat);
  EXPECT_TRUE(contains(text, "198.51.100.7:5555 → 203.0.113.1:80 tcp")) << text;
  EXPECT_TRUE(contains(text, "service nat4")) << text;
  EXPECT_TRUE(contains(text, "the flow is not in the table")) << text;
  EXPECT_TRUE(contains(text, "of the ring of pool v4 is backend 10.0.0.")) << text;
  EXPECT_TRUE(contains(text, "rewritten to 10.0.0.1:")) << text;
  EXPECT_TRUE(contains(text, "leaves by port wan to 02:00:00:00:01:0")) << text;
}

TEST(Story, OfAKnownConnectionNamesItsBackendAndOfItsReplyItsClient) {
  Site site;
  Connection connection(site, kNat);
  connection.open();
  const std::string there = told(site, kNat);
  EXPECT_TRUE(contains(there, "the flow is in the table")) << there;
  EXPECT_TRUE(contains(there, "its backend is 10.0.0.")) << there;
  const std::string back = told(site, connection.reply_tuple());
  EXPECT_TRUE(contains(back, "rewritten to 203.0.113.1:80 → 198.51.100.7:5555 tcp")) << back;
  EXPECT_TRUE(contains(back, "leaves by port wan to 02:00:00:00:00:01")) << back;
  const Explanation e = explained(site, kNat);
  EXPECT_TRUE(e.flow_hit);
  EXPECT_EQ(e.flow_state, FlowState::kEstablished);
  EXPECT_EQ(explained(site, connection.reply_tuple()).direction, Direction::kOut);
}

TEST(Story, OfATunnelNamesTheOuterAddresses) {
  Site site;
  EXPECT_TRUE(contains(told(site, kTunnel), "goes inside a packet 10.0.0.1 → 10.0.0.")) << told(site, kTunnel);
}

TEST(Story, SaysHowItEnds) {
  Site site;
  EXPECT_TRUE(contains(told(site, tuple("198.51.100.7:5555", "203.0.113.2:81")),
                       "to this host's kernel as a stranger's, within dataplane.door.rate: not_a_service"));
  EXPECT_TRUE(contains(told(site, tuple("198.51.100.7:5555", "203.0.113.3:80")),
                       "to this host's kernel as a service's or a known connection's: local_service"));
  EXPECT_TRUE(contains(told(site, tuple("127.0.0.1:5555", "203.0.113.2:80")), "dropped: martian_source"));
  site.resolve(HopState::kUnresolved);
  EXPECT_TRUE(contains(told(site, kTunnel), "waits until the next hop on port wan answers"));
  site.resolve(HopState::kFailed);
  EXPECT_TRUE(contains(told(site, kTunnel), "dropped: neighbour_failed"));
  site.update(pool_update("v4", 4, image::BackendState::down));
  EXPECT_TRUE(contains(told(site, kTunnel), "dropped: no_backend"));
}

TEST(Explain, LeavesAFlowAloneThatWouldChooseAgain) {
  Site site;
  const FlowTuple t = tuple("198.51.100.7:5555", "203.0.113.2:53", Protocol::kUdp);
  const SlotId slot = run(site, frame({t})).slot;
  image::PoolUpdateT update = pool_update("v4", 4, image::BackendState::down);
  const size_t alive = site.plan->pools[0]->backends[0].slot == slot ? 1 : 0;
  update.pools[0]->backends[alive]->state = image::BackendState::up;
  update.pools[0]->ring.assign(update.pools[0]->ring.size(), uint16_t(alive));
  site.update(update);
  const FlowRef ref = site.worker.flows.find(flow_hash(site.plan->hash_key, t), t);
  site.worker.now_ms += 10;
  const Explanation e = explained(site, t);
  EXPECT_FALSE(e.flow_hit);
  EXPECT_EQ(e.slot, site.plan->pools[0]->backends[alive].slot);
  EXPECT_EQ(site.worker.flows.head(ref).slot, slot);
  EXPECT_EQ(site.worker.flows.size(), 1u);
  EXPECT_EQ(run(site, frame({t})).slot, e.slot) << "as it said";
}

TEST(Explain, TouchesNothing) {
  Site site;
  Connection connection(site, kNat);
  connection.open();
  const FlowRef ref = site.worker.flows.find(flow_hash(site.plan->hash_key, kNat), kNat);
  const uint32_t seen = site.worker.flows.head(ref).last_seen_ms;
  site.worker.now_ms += 500;
  explained(site, kNat);
  explained(site, connection.reply_tuple());
  EXPECT_EQ(site.worker.flows.head(ref).last_seen_ms, seen);
  const FlowTuple other = tuple("198.51.100.8:5555", "203.0.113.1:80");
  const uint16_t first = explained(site, other).rewritten.source_port_be;
  EXPECT_EQ(explained(site, other).rewritten.source_port_be, first) << "nor does the search for a port go on";
  Connection real(site, other);
  real.syn();
  EXPECT_EQ(real.reply_tuple().destination_port_be, first);
  EXPECT_FALSE(site.worker.dry);
}

TEST(Explain, NamesTheWorkerThatOwnsTheFlow) {
  Site site;
  site.worker.workers = 4, site.worker.index = 2;
  for (uint16_t port = 1000; port < 1020; ++port) {
    FlowTuple t = kTunnel;
    t.source_port_be = __builtin_bswap16(port);
    EXPECT_EQ(explained(site, t).owner, explain_owner(*site.plan, t, 4, {}));
    FlowTuple reply = tuple("10.0.0.11:8080", "10.0.0.1:1");
    reply.destination_port_be = __builtin_bswap16(uint16_t(port + 1000));
    EXPECT_EQ(explain_owner(*site.plan, reply, 4, {}), (port + 1000u - 1024) % 4);
    EXPECT_EQ(explained(site, reply).owner, (port + 1000u - 1024) % 4);
  }
}

}  // namespace
}  // namespace cardea::dataplane::test
