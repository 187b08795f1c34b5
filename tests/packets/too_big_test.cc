// Packets larger than the way ahead: dropped, and their senders told how large one may be, so that path MTU discovery
// works through tunnels and between ports of unlike MTU.
#include <gtest/gtest.h>

#include "dataplane/wire/quote.h"
#include "tests/packets/ends.h"
#include "tests/packets/errors.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

const FlowTuple kTunnel = tuple("198.51.100.7:5555", "203.0.113.2:80"),
                kTunnel6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::2]:80"),
                kNat = tuple("198.51.100.7:5555", "203.0.113.1:80"),
                kNat6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:80");

FlowTuple turned_round(const FlowTuple& t) {
  return {t.destination, t.source, t.destination_port_be, t.source_port_be, t.protocol};
}

// The error is about `sent`, whole and right, between its two ends.
void expect_told(const Outcome& outcome, const std::vector<std::byte>& sent, uint16_t mtu) {
  ASSERT_EQ(outcome.verdict, Verdict::kToSender) << name(outcome.reason);
  EXPECT_EQ(name(outcome.reason), name(Reason::k_too_big));
  FlowTuple of_sent, told;
  const wire::Frame sent_frame = wire::read_frame(sent, of_sent);
  wire::Frame frame = wire::read_frame(outcome.frame, told);
  EXPECT_EQ(told.source, of_sent.destination);
  EXPECT_EQ(told.destination, of_sent.source);
  ASSERT_TRUE(wire::read_quote(outcome.frame, frame, told)) << "not an error, or its sum is wrong";
  EXPECT_EQ(told, turned_round(of_sent));
  const std::byte* icmp = outcome.frame.data() + frame.l4;
  EXPECT_EQ(uint8_t(icmp[0]), frame.family == 4 ? 3 : 2);
  EXPECT_EQ(uint8_t(icmp[1]), frame.family == 4 ? 4 : 0);
  EXPECT_EQ(load_be32(icmp + 4), mtu);
  if (frame.family == 4) {
    EXPECT_EQ(internet_checksum({outcome.frame.data() + 14, 20}), 0);
  }
  EXPECT_EQ(frame.l3_length, frame.family == 4 ? 576 : 1280);
  EXPECT_EQ(outcome.frame.size(), 14u + frame.l3_length);
  const size_t quoted = outcome.frame.size() - frame.l4 - wire::kIcmpHeader;
  EXPECT_TRUE(
      std::equal(outcome.frame.end() - std::ptrdiff_t(quoted), outcome.frame.end(), sent.begin() + sent_frame.l3))
      << "quoted as it came";
}

TEST(TooBig, ForATunnelLeavesRoomForTheOuterHeader) {
  for (const auto& [tuple, payload, room] : {std::tuple{kTunnel, 1440, 1480}, {kTunnel6, 1400, 1460}}) {
    Site site;
    EXPECT_EQ(run(site, frame({tuple, 0x10, uint16_t(payload)})).verdict, Verdict::kForward) << "just fits";
    const auto sent = frame({tuple, 0x10, uint16_t(payload + 1)});
    expect_told(run(site, sent), sent, uint16_t(room));
    EXPECT_EQ(site.drops(Reason::k_too_big), 1u);
  }
}

TEST(TooBig, TowardsABackendOfSmallerMtu) {
  for (const FlowTuple& tuple : {kNat, kNat6}) {
    Site site;
    ASSERT_EQ(run(site, frame({tuple, wire::kTcpSyn})).verdict, Verdict::kForward);
    for (size_t i = 1; i < site.hops.hops.size(); ++i) site.hops.hops[i].mtu = 1400;
    const auto sent = frame({tuple, 0x10, 1430});
    expect_told(run(site, sent), sent, 1400);
  }
}

TEST(TooBig, TowardsAClientOfSmallerMtu) {
  for (const FlowTuple& tuple : {kNat, kNat6}) {
    Site site;
    FlowTuple there;
    wire::read_frame(run(site, frame({tuple, wire::kTcpSyn})).frame, there);
    site.hops.hops[0].mtu = 1400;
    const auto answer = frame({turned_round(there), 0x10, 1430});
    expect_told(run(site, answer), answer, 1400);
  }
}

TEST(TooBig, IsSaidOnceAMillisecond) {
  Site site;
  Ends ends;
  const auto sent = frame({kTunnel, 0x10, 1460});
  const auto outcomes = run(site, ends, {sent, frame({kTunnel}), sent});
  EXPECT_EQ(outcomes[0].verdict, Verdict::kToSender);
  EXPECT_EQ(outcomes[1].verdict, Verdict::kForward);
  EXPECT_EQ(outcomes[2].verdict, Verdict::kDrop);
  EXPECT_EQ(ends.sent.size(), 2u);
  EXPECT_EQ(site.drops(Reason::k_too_big), 2u);
  EXPECT_EQ(site.worker.cells[site.path_cells.ports[0].packets_out], 2u) << "the error is one of them";
  ++site.worker.now_ms;
  EXPECT_EQ(run(site, sent).verdict, Verdict::kToSender);
}

TEST(TooBig, IsNotSaidWhereItHelpsNobody) {
  Site site;
  const auto sent = frame({kTunnel, 0x10, 1460});
  site.hops.hops[0].state = HopState::kFailed;
  EXPECT_EQ(run(site, sent).verdict, Verdict::kDrop) << "the way back does not answer";
  site.hops.hops[0].state = HopState::kResolved;
  site.worker.dry = true;
  EXPECT_EQ(run(site, sent).verdict, Verdict::kDrop);
}

TEST(TooBig, IsNotSaidAboutAnError) {
  Site site;
  Ends ends;
  const auto answer = frame({turned_round(kTunnel6), 0x10, 1460});
  const auto outcome = run(site, ends, {error_about(answer, kTooBig6)})[0];
  EXPECT_EQ(outcome.verdict, Verdict::kDrop) << "RFC 4443 2.4";
  EXPECT_EQ(name(outcome.reason), name(Reason::k_too_big));
  EXPECT_TRUE(ends.sent.empty());
}

TEST(TooBig, WaitsForTheSendersLinkAddress) {
  Site site;
  Ends ends;
  site.hops.hops[0].state = HopState::kOnLink;
  EXPECT_EQ(run(site, ends, {frame({kTunnel, 0x10, 1460})})[0].verdict, Verdict::kToSender);
  ASSERT_EQ(ends.waiting.size(), 1u);
  EXPECT_EQ(ends.waiting[0].next, kTunnel.source);
  ends.wait_room = false;
  ++site.worker.now_ms;
  EXPECT_EQ(run(site, ends, {frame({kTunnel, 0x10, 1460})})[0].verdict, Verdict::kDrop);
}

}  // namespace
}  // namespace cardea::dataplane::test
