// Packets through the whole line, one row a case: what goes in, verdict and reason that must come out, and the frame
// that leaves, with every checksum computed anew.
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "tests/packets/ends.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

struct Row {
  const char* what;
  FrameSpec in;
  void (*spoil)(std::vector<std::byte>&);
  Verdict verdict;
  Reason reason;
};

void nothing(std::vector<std::byte>&) {}
void sum_again(std::vector<std::byte>& b) {
  store_be16(b.data() + 24, 0);
  store_be16(b.data() + 24, internet_checksum(std::span(b).subspan(14, 20)));
}
void map_source(std::vector<std::byte>& b) {
  const IpAddress mapped = IpAddress::v4(0x01020304);
  std::memcpy(b.data() + 22, mapped.bytes.data(), 16);
}
void insert_header(std::vector<std::byte>& b, uint8_t number, std::array<std::byte, 8> header) {
  b[20] = std::byte{number};
  b.insert(b.begin() + 54, header.begin(), header.end());
  store_be16(b.data() + 18, uint16_t(b.size() - 54));
}
// Destination options of eight bytes that say they are `more` times eight longer.
void insert_options(std::vector<std::byte>& b, uint8_t more) {
  insert_header(b, 60, {b[20], std::byte(more), std::byte{1}, std::byte{4}});
}
void insert_fragment(std::vector<std::byte>& b, uint8_t offset_and_more) {
  insert_header(b, 44, {b[20], {}, {}, std::byte(offset_and_more)});
}

class Packets : public testing::TestWithParam<Row> {};

TEST_P(Packets, LeaveAsTheyMust) {
  Site site;
  std::vector<std::byte> bytes = frame(GetParam().in);
  GetParam().spoil(bytes);
  const Outcome outcome = run(site, bytes);
  EXPECT_EQ(outcome.verdict, GetParam().verdict) << name(outcome.reason);
  EXPECT_EQ(name(outcome.reason), name(GetParam().reason));
  const bool dropped = outcome.verdict == Verdict::kDrop || outcome.verdict == Verdict::kToSender;
  EXPECT_EQ(site.drops(GetParam().reason), dropped ? 1u : 0u);
}

const FlowTuple kTunnel = tuple("198.51.100.7:5555", "203.0.113.2:80"),
                kNat = tuple("198.51.100.7:5555", "203.0.113.1:80");
const FlowTuple kTunnel6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::2]:80");

INSTANTIATE_TEST_SUITE_P(
    Rows, Packets,
    testing::Values(
        Row{"ipip", {kTunnel}, nothing, Verdict::kForward, Reason::kNone},
        Row{"ipip v6", {kTunnel6}, nothing, Verdict::kForward, Reason::kNone},
        Row{"fullnat handshake", {kNat, 2}, nothing, Verdict::kForward, Reason::kNone},
        Row{"fullnat stray", {kNat, 0x10}, nothing, Verdict::kDoor, Reason::k_no_flow},
        Row{"not listened on",
            {tuple("198.51.100.7:5555", "203.0.113.2:81")},
            nothing,
            Verdict::kDoor,
            Reason::k_not_a_service},
        Row{"ttl", {kTunnel, 0x10, 6, 1}, nothing, Verdict::kDrop, Reason::k_ttl_expired},
        Row{"loopback source",
            {tuple("127.0.0.1:5555", "203.0.113.2:80")},
            nothing,
            Verdict::kDrop,
            Reason::k_martian_source},
        Row{"multicast source",
            {tuple("224.0.0.1:5555", "203.0.113.2:80")},
            nothing,
            Verdict::kDrop,
            Reason::k_martian_source},
        Row{"land", {tuple("203.0.113.2:80", "203.0.113.2:80")}, nothing, Verdict::kDrop, Reason::k_martian_source},
        Row{"too big", {kTunnel, 0x10, 1460}, nothing, Verdict::kToSender, Reason::k_too_big},
        Row{"bad checksum",
            {kTunnel},
            [](auto& b) { b[24] ^= std::byte{1}; },
            Verdict::kDrop,
            Reason::k_bad_ip_checksum},
        Row{"cut short", {kTunnel}, [](auto& b) { b.resize(b.size() - 1); }, Verdict::kDrop, Reason::k_truncated},
        Row{"header length",
            {kTunnel},
            [](auto& b) { b[14] = std::byte{0x44}; },
            Verdict::kDrop,
            Reason::k_bad_ip_header},
        Row{"tcp offset", {kTunnel}, [](auto& b) { b[46] = std::byte{0x40}; }, Verdict::kDrop, Reason::k_bad_l4_header},
        Row{"fragment",
            {kTunnel},
            [](auto& b) { store_be16(b.data() + 20, 0x2000), sum_again(b); },
            Verdict::kForward,
            Reason::kNone},
        Row{"later fragment",
            {kTunnel},
            [](auto& b) { store_be16(b.data() + 20, 0x0010), sum_again(b); },
            Verdict::kHold,
            Reason::k_fragment},
        Row{"fragment for this host",
            {tuple("198.51.100.7:5555", "10.0.0.1:22")},
            [](auto& b) { store_be16(b.data() + 20, 0x2000), sum_again(b); },
            Verdict::kDoor,
            Reason::k_not_a_service},
        Row{"icmp",
            {kTunnel},
            [](auto& b) { b[23] = std::byte{1}, sum_again(b); },
            Verdict::kDoor,
            Reason::k_not_tcp_udp},
        Row{"unspecified source",
            {tuple("0.0.0.0:5555", "203.0.113.2:80")},
            nothing,
            Verdict::kDrop,
            Reason::k_martian_source},
        Row{"mapped in v6", {kTunnel6}, [](auto& b) { map_source(b); }, Verdict::kDrop, Reason::k_martian_source},
        Row{"extension header", {kTunnel6}, [](auto& b) { insert_options(b, 0); }, Verdict::kForward, Reason::kNone},
        Row{"extension too long",
            {kTunnel6},
            [](auto& b) { insert_options(b, 9); },
            Verdict::kDrop,
            Reason::k_bad_extension_header},
        Row{"fullnat reset", {kNat, 6}, nothing, Verdict::kDoor, Reason::k_no_flow},
        Row{"reply without a flow",
            {tuple("10.0.0.11:8080", "10.0.0.1:2000")},
            nothing,
            Verdict::kDoor,
            Reason::k_no_flow},
        Row{"local",
            {tuple("198.51.100.7:5555", "203.0.113.3:80"), 2},
            nothing,
            Verdict::kDoor,
            Reason::k_local_service},
        Row{"local v6",
            {tuple("[2001:db8:9::7]:5555", "[2001:db8::3]:80")},
            nothing,
            Verdict::kDoor,
            Reason::k_local_service},
        Row{"another port of a local address",
            {tuple("198.51.100.7:5555", "203.0.113.3:81")},
            nothing,
            Verdict::kDoor,
            Reason::k_not_a_service},
        Row{"local with its last hop",
            {tuple("198.51.100.7:5555", "203.0.113.3:80"), 0x10, 6, 1},
            nothing,
            Verdict::kDoor,
            Reason::k_local_service},
        Row{"probe's answer",
            {tuple("10.0.0.11:8080", "10.0.0.1:40000")},
            nothing,
            Verdict::kDoor,
            Reason::k_not_a_service},
        Row{"v6 hop limit", {kTunnel6, 0x10, 6, 1}, nothing, Verdict::kDrop, Reason::k_ttl_expired},
        Row{"v6 too big", {kTunnel6, 0x10, 1420}, nothing, Verdict::kToSender, Reason::k_too_big},
        Row{"arp", {kTunnel}, [](auto& b) { b[13] = std::byte{6}; }, Verdict::kDoor, Reason::k_not_ip},
        Row{"v6 hop limit 0", {kTunnel6, 0x10, 6, 0}, nothing, Verdict::kDrop, Reason::k_ttl_expired},
        Row{"v6 land",
            {tuple("[2001:db8::2]:80", "[2001:db8::2]:80")},
            nothing,
            Verdict::kDrop,
            Reason::k_martian_source},
        Row{"v6 loopback source",
            {tuple("[::1]:5555", "[2001:db8::2]:80")},
            nothing,
            Verdict::kDrop,
            Reason::k_martian_source},
        Row{"v6 unspecified source",
            {tuple("[::]:5555", "[2001:db8::2]:80")},
            nothing,
            Verdict::kDrop,
            Reason::k_martian_source},
        Row{"broadcast source",
            {tuple("255.255.255.255:5555", "203.0.113.2:80")},
            nothing,
            Verdict::kDrop,
            Reason::k_martian_source},
        Row{"v6 fragment", {kTunnel6}, [](auto& b) { insert_fragment(b, 1); }, Verdict::kForward, Reason::kNone},
        Row{"v6 later fragment",
            {kTunnel6},
            [](auto& b) { insert_fragment(b, 8); },
            Verdict::kHold,
            Reason::k_fragment},
        Row{"v6 atomic fragment", {kTunnel6}, [](auto& b) { insert_fragment(b, 0); }, Verdict::kForward, Reason::kNone},
        Row{"v6 route still to go",
            {kTunnel6},
            [](auto& b) {
              insert_header(b, 43, {b[20], {}, {}, std::byte{1}});
            },
            Verdict::kDrop,
            Reason::k_bad_extension_header},
        Row{"v6 no next header",
            {kTunnel6},
            [](auto& b) { b[20] = std::byte{59}; },
            Verdict::kDoor,
            Reason::k_not_tcp_udp},
        Row{"v6 encrypted", {kTunnel6}, [](auto& b) { b[20] = std::byte{50}; }, Verdict::kDoor, Reason::k_not_tcp_udp},
        Row{"tunnel in a tunnel",
            {kTunnel},
            [](auto& b) { b[23] = std::byte{4}, sum_again(b); },
            Verdict::kDoor,
            Reason::k_not_tcp_udp},
        Row{"longer than its frame",
            {kTunnel},
            [](auto& b) { b[16] = std::byte{9}; },
            Verdict::kDrop,
            Reason::k_truncated},
        // Which flags make sense together is for the backend's TCP to say; none of them begins a flow of fullnat but
        // SYN.
        Row{"syn and fin", {kTunnel, 3}, nothing, Verdict::kForward, Reason::kNone},
        Row{"no flags", {kTunnel, 0}, nothing, Verdict::kForward, Reason::kNone},
        Row{"all flags", {kTunnel, 0xff}, nothing, Verdict::kForward, Reason::kNone},
        Row{"fullnat syn and fin", {kNat, 3}, nothing, Verdict::kDoor, Reason::k_no_flow},
        Row{"fullnat no flags", {kNat, 0}, nothing, Verdict::kDoor, Reason::k_no_flow},
        Row{"fullnat all flags", {kNat, 0xff}, nothing, Verdict::kDoor, Reason::k_no_flow},
        Row{"qinq",
            {kTunnel},
            [](auto& b) { b[12] = std::byte{0x88}, b[13] = std::byte{0xa8}; },
            Verdict::kDoor,
            Reason::k_vlan},
        Row{"vlan",
            {kTunnel},
            [](auto& b) { b[12] = std::byte{0x81}, b[13] = std::byte{0}; },
            Verdict::kDoor,
            Reason::k_vlan}));

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
      EXPECT_TRUE(sums_right(there.frame));
      EXPECT_EQ(to_backend.source.text(), v6 ? "fd00::1" : "10.0.0.1");
      EXPECT_EQ(to_backend.destination_port_be, __builtin_bswap16(8080));
      const FlowTuple answer{to_backend.destination, to_backend.source, to_backend.destination_port_be,
                             to_backend.source_port_be, protocol};
      const Outcome back = run(site, frame({answer, wire::kTcpSyn | wire::kTcpAck}));
      ASSERT_EQ(back.verdict, Verdict::kForward) << name(back.reason);
      FlowTuple to_client;
      wire::read_frame(back.frame, to_client);
      EXPECT_TRUE(sums_right(back.frame));
      EXPECT_EQ(to_client, (FlowTuple{in.destination, in.source, in.destination_port_be, in.source_port_be, protocol}));
    }
}

TEST(Ipip, WrapsTheWholePacket) {
  Site site;
  const std::vector<std::byte> in = frame({kTunnel});
  const Outcome outcome = run(site, in);
  ASSERT_EQ(outcome.frame.size(), in.size() + 20);
  const std::byte* outer = outcome.frame.data() + 14;
  EXPECT_EQ(internet_checksum({outer, 20}), 0);
  EXPECT_EQ(uint8_t(outer[9]), 4);
  EXPECT_EQ(internet_checksum({outer + 20, 20}), 0);
  EXPECT_EQ(std::vector<std::byte>(outcome.frame.begin() + 54, outcome.frame.end()),
            std::vector<std::byte>(in.begin() + 34, in.end()));
}

// The dataplane follows none of them, not even a source route still to go: that is for the backend to refuse.
TEST(Options, OfIpv4AreCarriedOn) {
  const uint8_t options[8] = {0x83, 7, 4, 198, 51, 100, 9, 0};
  for (const FlowTuple& t : {kTunnel, kNat}) {
    Site site;
    std::vector<std::byte> bytes = frame({t, wire::kTcpSyn});
    bytes.insert(bytes.begin() + 34, 8, std::byte{0});
    std::memcpy(bytes.data() + 34, options, 8);
    bytes[14] = std::byte{0x47};
    store_be16(bytes.data() + 16, uint16_t(bytes.size() - 14));
    store_be16(bytes.data() + 24, 0);
    store_be16(bytes.data() + 24, internet_checksum(std::span(bytes).subspan(14, 28)));
    const Outcome outcome = run(site, bytes);
    ASSERT_EQ(outcome.verdict, Verdict::kForward) << name(outcome.reason);
    std::vector<std::byte> out = outcome.frame;
    if (t == kTunnel) out.erase(out.begin() + 14, out.begin() + 34);
    EXPECT_EQ(std::memcmp(out.data() + 34, options, 8), 0);
    EXPECT_TRUE(sums_right(out));
  }
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
  Site site({.flows = 2});  // and two are what tunnels may have of two
  for (uint16_t i = 0; i < 5; ++i) {
    FlowTuple t = kTunnel;
    t.source_port_be = __builtin_bswap16(uint16_t(6000 + i));
    EXPECT_EQ(run(site, frame({t})).verdict, Verdict::kForward);
  }
  EXPECT_EQ(site.worker.flows.size(), 2u);
  EXPECT_EQ(site.worker.cells[site.path_cells.bypassed], 3u);
}

TEST(Checksums, OfPayloadsAreLookedAtWhenAskedTo) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp})
    for (const bool v6 : {false, true}) {
      const std::string port = protocol == Protocol::kTcp ? "80" : "53";
      const FlowTuple t = v6 ? tuple("[2001:db8:9::7]:5555", "[2001:db8::2]:" + port, protocol)
                             : tuple("198.51.100.7:5555", "203.0.113.2:" + port, protocol);
      for (const uint16_t payload : {0, 6, 7}) {
        Site strict({.checksums = image::Checksums::full}), usual;
        std::vector<std::byte> bytes = frame({.tuple = t, .payload = payload});
        EXPECT_EQ(run(strict, bytes).verdict, Verdict::kForward);
        bytes.back() ^= std::byte{1};
        EXPECT_EQ(run(strict, bytes).reason, Reason::k_bad_l4_checksum);
        EXPECT_EQ(run(usual, bytes).verdict, Verdict::kForward);
      }
    }
}

TEST(Checksums, UdpOverIpv4NeedsNone) {
  Site site({.checksums = image::Checksums::full});
  const FlowTuple t = tuple("198.51.100.7:5555", "203.0.113.1:53", Protocol::kUdp);
  std::vector<std::byte> bytes = frame({t});
  store_be16(bytes.data() + 40, 0);
  const Outcome outcome = run(site, bytes);
  ASSERT_EQ(outcome.verdict, Verdict::kForward) << name(outcome.reason);
  EXPECT_EQ(load_be16(outcome.frame.data() + 40), 0) << "and translation makes none up";
}

TEST(Checksums, UdpOverIpv6WithoutOneIsNotMadeRight) {
  const FlowTuple t = tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:53", Protocol::kUdp);
  std::vector<std::byte> bytes = frame({t});
  store_be16(bytes.data() + 60, 0);
  Site site, strict({.checksums = image::Checksums::full});
  const Outcome outcome = run(site, bytes);
  ASSERT_EQ(outcome.verdict, Verdict::kForward) << name(outcome.reason);
  EXPECT_EQ(load_be16(outcome.frame.data() + 60), 0) << "tunnels may do without (RFC 6935); the receiver has to refuse";
  EXPECT_EQ(run(strict, bytes).reason, Reason::k_bad_l4_checksum);
}

Verdict verdict_of(Site& site, std::vector<std::byte> frame, std::array<uint8_t, 6> to, bool handed_over = false) {
  constexpr std::array<uint8_t, 6> kPort{2, 0, 0, 0, 0, 2};
  std::memcpy(frame.data(), to.data(), to.size());
  Ends ends;
  return run(site, ends, {frame}, {.handed_over = handed_over, .mac = handed_over ? 0 : link_address(kPort.data())})[0]
      .verdict;
}

TEST(LinkAddresses, OnlyFramesForThePortAreForwarded) {
  Site site;
  const auto bytes = frame({kTunnel});
  EXPECT_EQ(verdict_of(site, bytes, {2, 0, 0, 0, 0, 2}), Verdict::kForward);
  EXPECT_EQ(verdict_of(site, bytes, {2, 0, 0, 0, 0, 3}), Verdict::kDrop) << "flooded by a switch";
  EXPECT_EQ(verdict_of(site, bytes, {0x42, 0, 0, 0, 0, 2}), Verdict::kDrop);
  EXPECT_EQ(verdict_of(site, bytes, {255, 255, 255, 255, 255, 255}), Verdict::kDoor) << "RFC 1812 5.3.4";
  EXPECT_EQ(verdict_of(site, bytes, {1, 0, 0x5e, 0, 0, 1}), Verdict::kDoor);
  EXPECT_EQ(verdict_of(site, bytes, {0, 0, 0x5e, 0, 1, 51}), Verdict::kForward) << "a virtual router's";
  EXPECT_EQ(verdict_of(site, bytes, {0, 0, 0x5e, 0, 2, 51}), Verdict::kForward);
  EXPECT_EQ(verdict_of(site, bytes, {2, 0, 0, 0, 0, 3}, true), Verdict::kForward) << "compared by who received it";
}

TEST(PriorityTags, AreTakenOff) {
  Site site, plain;
  for (const FlowTuple& t : {kTunnel, kTunnel6}) {
    const auto bytes = frame({t});
    auto tagged = bytes;
    const std::byte tag[4] = {std::byte{0x81}, std::byte{0}, std::byte{0xa0}, std::byte{0}};
    tagged.insert(tagged.begin() + 12, tag, tag + 4);
    const Outcome outcome = run(site, tagged);
    EXPECT_EQ(outcome.verdict, Verdict::kForward) << name(outcome.reason);
    EXPECT_EQ(outcome.frame, run(plain, bytes).frame);
    tagged[15] = std::byte{5};
    EXPECT_EQ(run(site, tagged).frame, tagged) << "VLAN 5 is the kernel's, as it came";
  }
}

TEST(Jumbo, FramesAreForwardedWhereTheWayTakesThem) {
  Site site({.mtu = 1900});  // as much as the pool's buffers hold
  for (const FlowTuple& t : {kTunnel, kNat}) {
    const Outcome outcome = run(site, frame({t, wire::kTcpSyn, 1800}));
    ASSERT_EQ(outcome.verdict, Verdict::kForward) << name(outcome.reason);
    FlowTuple out;
    wire::read_frame(outcome.frame, out);
    EXPECT_EQ(outcome.frame.size(), 14u + 40 + 1800 + (t == kTunnel ? 20 : 0));
  }
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
