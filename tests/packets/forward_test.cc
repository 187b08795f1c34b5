// Packets through the whole line, one row a case: what goes in, verdict and reason that must come out, and the frame that leaves,
// with every checksum computed anew.
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include "dataplane/wire/checksum.h"
#include "tests/packets/site.h"

namespace cardea::dataplane::test {
namespace {

struct Sink {
  std::vector<std::vector<std::byte>> sent;
};

uint16_t transmit(void* context, uint16_t, rte_mbuf** packets, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) {
    const auto* at = rte_pktmbuf_mtod(packets[i], std::byte*);
    static_cast<Sink*>(context)->sent.emplace_back(at, at + packets[i]->data_len);
  }
  rte_pktmbuf_free_bulk(packets, count);
  return count;
}
uint16_t to_kernel(void*, rte_mbuf** packets, uint16_t count) {
  rte_pktmbuf_free_bulk(packets, count);
  return count;
}
bool never_wait(void*, rte_mbuf*, uint16_t, const IpAddress&) { return false; }

struct Outcome {
  Verdict verdict;
  Reason reason;
  std::vector<std::byte> frame;
};

Outcome run(Site& site, const std::vector<std::byte>& bytes) {
  Sink sink;
  site.worker.egress = {&sink, transmit, to_kernel, nullptr, never_wait};
  Batch batch;
  batch.count = 1;
  batch.packet[0] = packet(bytes);
  path::run(site.worker, batch);
  return {batch.verdict[0], batch.reason[0], sink.sent.empty() ? std::vector<std::byte>{} : sink.sent[0]};
}

// Header and payload sums of an unencapsulated frame, from nothing.
bool sums_right(const std::vector<std::byte>& bytes, const wire::Frame& f) {
  const std::byte* ip = bytes.data() + f.l3;
  if (f.family == 4 && wire::fold(wire::sum_bytes(ip, 20)) != 0xffff) return false;
  const uint16_t body = uint16_t(f.l3 + f.l3_length - f.l4);
  const uint64_t pseudo = wire::sum_bytes(ip + (f.family == 4 ? 12 : 8), f.family == 4 ? 8 : 32) + __builtin_bswap16(body) +
                          (uint64_t{f.protocol} << 8);
  return wire::fold(wire::sum_bytes(bytes.data() + f.l4, body, pseudo)) == 0xffff;
}

struct Row {
  const char* what;
  FrameSpec in;
  void (*spoil)(std::vector<std::byte>&);
  Verdict verdict;
  Reason reason;
};

void nothing(std::vector<std::byte>&) {}

class Packets : public testing::TestWithParam<Row> {};

TEST_P(Packets, LeaveAsTheyMust) {
  Site site;
  std::vector<std::byte> bytes = frame(GetParam().in);
  GetParam().spoil(bytes);
  const Outcome outcome = run(site, bytes);
  EXPECT_EQ(outcome.verdict, GetParam().verdict) << name(outcome.reason);
  EXPECT_EQ(name(outcome.reason), name(GetParam().reason));
  if (outcome.verdict == Verdict::kDrop) EXPECT_EQ(site.drops(GetParam().reason), 1u);
}

const FlowTuple kTunnel = tuple("198.51.100.7:5555", "203.0.113.2:80"), kNat = tuple("198.51.100.7:5555", "203.0.113.1:80");
const FlowTuple kTunnel6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::2]:80");

INSTANTIATE_TEST_SUITE_P(
    Rows, Packets,
    testing::Values(
        Row{"ipip", {kTunnel}, nothing, Verdict::kForward, Reason::kNone},
        Row{"ipip v6", {kTunnel6}, nothing, Verdict::kForward, Reason::kNone},
        Row{"fullnat handshake", {kNat, 2}, nothing, Verdict::kForward, Reason::kNone},
        Row{"fullnat stray", {kNat, 0x10}, nothing, Verdict::kDoor, Reason::k_no_flow},
        Row{"not listened on", {tuple("198.51.100.7:5555", "203.0.113.2:81")}, nothing, Verdict::kDoor, Reason::k_not_a_service},
        Row{"ttl", {kTunnel, 0x10, 6, 1}, nothing, Verdict::kDrop, Reason::k_ttl_expired},
        Row{"loopback source", {tuple("127.0.0.1:5555", "203.0.113.2:80")}, nothing, Verdict::kDrop, Reason::k_martian_source},
        Row{"multicast source", {tuple("224.0.0.1:5555", "203.0.113.2:80")}, nothing, Verdict::kDrop, Reason::k_martian_source},
        Row{"land", {tuple("203.0.113.2:80", "203.0.113.2:80")}, nothing, Verdict::kDrop, Reason::k_martian_source},
        Row{"too big", {kTunnel, 0x10, 1460}, nothing, Verdict::kDrop, Reason::k_too_big},
        Row{"bad checksum", {kTunnel}, [](auto& b) { b[24] ^= std::byte{1}; }, Verdict::kDrop, Reason::k_bad_ip_checksum},
        Row{"cut short", {kTunnel}, [](auto& b) { b.resize(b.size() - 1); }, Verdict::kDrop, Reason::k_truncated},
        Row{"header length", {kTunnel}, [](auto& b) { b[14] = std::byte{0x44}; }, Verdict::kDrop, Reason::k_bad_ip_header},
        Row{"tcp offset", {kTunnel}, [](auto& b) { b[46] = std::byte{0x40}; }, Verdict::kDrop, Reason::k_bad_l4_header},
        Row{"arp", {kTunnel}, [](auto& b) { b[13] = std::byte{6}; }, Verdict::kDoor, Reason::k_not_ip},
        Row{"vlan", {kTunnel}, [](auto& b) { b[12] = std::byte{0x81}, b[13] = std::byte{0}; }, Verdict::kDoor, Reason::k_vlan}));

TEST(Fullnat, TranslatesBothWaysWithRightSums) {
  for (const bool v6 : {false, true})
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
      Site site;
      const char* port = protocol == Protocol::kTcp ? "80" : "53";
      const FlowTuple in = v6 ? tuple("[2001:db8:9::7]:5555", std::string("[2001:db8::1]:") + port, protocol)
                              : tuple("198.51.100.7:5555", std::string("203.0.113.1:") + port, protocol);
      const Outcome there = run(site, frame({in, wire::kTcpSyn}));
      ASSERT_EQ(there.verdict, Verdict::kForward) << name(there.reason);
      FlowTuple to_backend;
      const wire::Frame out = wire::read_frame(there.frame, to_backend);
      EXPECT_EQ(out.ttl, 63);
      EXPECT_TRUE(sums_right(there.frame, out));
      EXPECT_EQ(to_backend.source.text(), v6 ? "fd00::1" : "10.0.0.1");
      EXPECT_EQ(to_backend.destination_port_be, __builtin_bswap16(8080));
      const FlowTuple answer{to_backend.destination, to_backend.source, to_backend.destination_port_be, to_backend.source_port_be, protocol};
      const Outcome back = run(site, frame({answer, wire::kTcpSyn | wire::kTcpAck}));
      ASSERT_EQ(back.verdict, Verdict::kForward) << name(back.reason);
      FlowTuple to_client;
      const wire::Frame restored = wire::read_frame(back.frame, to_client);
      EXPECT_TRUE(sums_right(back.frame, restored));
      EXPECT_EQ(to_client, (FlowTuple{in.destination, in.source, in.destination_port_be, in.source_port_be, protocol}));
    }
}

TEST(Ipip, WrapsTheWholePacket) {
  Site site;
  const std::vector<std::byte> in = frame({kTunnel});
  const Outcome outcome = run(site, in);
  ASSERT_EQ(outcome.frame.size(), in.size() + 20);
  const std::byte* outer = outcome.frame.data() + 14;
  EXPECT_EQ(wire::fold(wire::sum_bytes(outer, 20)), 0xffff);
  EXPECT_EQ(uint8_t(outer[9]), 4);
  EXPECT_EQ(wire::fold(wire::sum_bytes(outer + 20, 20)), 0xffff);
  EXPECT_EQ(std::vector<std::byte>(outcome.frame.begin() + 54, outcome.frame.end()), std::vector<std::byte>(in.begin() + 34, in.end()));
}

TEST(Limits, NoNatPortIsADropWithThatReason) {
  Site site({.backends = 1, .nat_port_first = 2000, .nat_port_last = 2003});
  for (uint16_t i = 0; i < 4; ++i) {
    FlowTuple t = kNat;
    t.source_port_be = __builtin_bswap16(uint16_t(6000 + i));
    EXPECT_EQ(run(site, frame({t, wire::kTcpSyn})).verdict, Verdict::kForward);
  }
  EXPECT_EQ(run(site, frame({kNat, wire::kTcpSyn})).reason, Reason::k_no_nat_port);
}

TEST(Limits, AFullTableStillForwardsTunnels) {
  Site site({.flows = 2});
  for (uint16_t i = 0; i < 5; ++i) {
    FlowTuple t = kTunnel;
    t.source_port_be = __builtin_bswap16(uint16_t(6000 + i));
    EXPECT_EQ(run(site, frame({t})).verdict, Verdict::kForward);
  }
  EXPECT_EQ(site.worker.flows.size(), 2u);
  EXPECT_EQ(site.worker.cells[site.path_cells.bypassed], 3u);
}

TEST(Neighbours, ThatFailAreADropWithThatReason) {
  Site site;
  site.resolve(HopState::kFailed);
  EXPECT_EQ(run(site, frame({kTunnel})).reason, Reason::k_neighbour_failed);
}

TEST(Explain, SaysWhatForwardingDoes) {
  Site site;
  for (uint16_t i = 0; i < 200; ++i) {
    Explanation e;
    e.tuple = i % 2 ? kTunnel : kTunnel6;
    e.tuple.source_port_be = __builtin_bswap16(uint16_t(1000 + i * 7));
    explain(site.worker, e);
    ASSERT_EQ(site.worker.flows.size(), i);
    const Outcome outcome = run(site, frame({e.tuple, wire::kTcpSyn}));
    ASSERT_EQ(outcome.verdict, e.verdict);
    FlowTuple outer;
    wire::read_frame(outcome.frame, outer);
    EXPECT_EQ(outer.destination, e.rewritten.destination);
    EXPECT_EQ(outer.destination, site.plan->slots[e.slot].address);
  }
}

}  // namespace
}  // namespace cardea::dataplane::test
