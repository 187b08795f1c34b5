// What is refused for anyone: sums that the NIC or we found wrong, and senders that cannot be; each with its nearest
// neighbour that is let through.
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <cstring>

#include "tests/packets/connection.h"
#include "tests/packets/ends.h"
#include "tests/packets/errors.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

const FlowTuple kTunnel = tuple("198.51.100.7:5555", "203.0.113.2:80");
const FlowTuple kTunnel6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::2]:80");

Outcome told(Site& site, const std::vector<std::byte>& bytes, uint64_t by_nic) {
  Ends ends;
  return run(site, ends, {bytes}, {.ol_flags = by_nic})[0];
}

SiteOptions with(image::Checksums checksums) {
  return {.checksums = checksums};
}

TEST(IpChecksum, IsTheNicsWordOrOurs) {
  const std::vector<std::byte> good = frame({kTunnel});
  std::vector<std::byte> bad = good;
  bad[24] ^= std::byte{1};
  for (const auto setting : {image::Checksums::none, image::Checksums::headers, image::Checksums::full}) {
    const bool ours = setting != image::Checksums::none;
    Site site(with(setting));
    EXPECT_EQ(told(site, good, 0).verdict, Verdict::kForward);
    EXPECT_EQ(told(site, bad, 0).reason, ours ? Reason::k_bad_ip_checksum : Reason::kNone) << int(setting);
    EXPECT_EQ(told(site, bad, RTE_MBUF_F_RX_IP_CKSUM_GOOD).verdict, Verdict::kForward) << "the NIC looked";
    EXPECT_EQ(told(site, good, RTE_MBUF_F_RX_IP_CKSUM_BAD).reason, Reason::k_bad_ip_checksum) << int(setting);
    EXPECT_EQ(told(site, bad, RTE_MBUF_F_RX_IP_CKSUM_NONE).reason, ours ? Reason::k_bad_ip_checksum : Reason::kNone);
  }
}

TEST(L4Checksum, IsTheNicsWordOrOurs) {
  for (const FlowTuple& t : {kTunnel, kTunnel6}) {
    const std::vector<std::byte> good = frame({t});
    std::vector<std::byte> bad = good;
    bad.back() ^= std::byte{1};
    for (const auto setting : {image::Checksums::none, image::Checksums::headers, image::Checksums::full}) {
      const bool ours = setting == image::Checksums::full;
      Site site(with(setting));
      EXPECT_EQ(told(site, good, 0).verdict, Verdict::kForward);
      EXPECT_EQ(told(site, bad, 0).reason, ours ? Reason::k_bad_l4_checksum : Reason::kNone) << int(setting);
      EXPECT_EQ(told(site, bad, RTE_MBUF_F_RX_L4_CKSUM_GOOD).verdict, Verdict::kForward);
      EXPECT_EQ(told(site, good, RTE_MBUF_F_RX_L4_CKSUM_BAD).reason, Reason::k_bad_l4_checksum);
    }
  }
}

Outcome with_blocks(std::initializer_list<const char*> sources, const std::vector<std::byte>& bytes) {
  std::vector<IpAddress> all;
  for (const char* source : sources) all.push_back(IpAddress::parse(source).value());
  const BlockList list({1, 2}, all);
  Site site;
  site.worker.blocks = &list;
  return run(site, bytes);
}

TEST(Blocked, IsWhoeverIsOnTheListAndNobodyElse) {
  EXPECT_EQ(with_blocks({"198.51.100.7"}, frame({kTunnel})).reason, Reason::k_blocked);
  EXPECT_EQ(with_blocks({"203.0.113.2", "198.51.100.6", "198.51.100.8"}, frame({kTunnel})).verdict, Verdict::kForward);
  EXPECT_EQ(with_blocks({"2001:db8:9::"}, frame({kTunnel6})).reason, Reason::k_blocked) << "a /64";
  EXPECT_EQ(with_blocks({"2001:db8:9:1::", "2001:db8:8::", "198.51.100.7"}, frame({kTunnel6})).verdict, Verdict::kForward);
  EXPECT_EQ(with_blocks({}, frame({kTunnel})).verdict, Verdict::kForward);
}

TEST(Blocked, WhatAnErrorQuotesIsNoPacketOfItsSender) {
  for (const FlowTuple& t : {kTunnel, kTunnel6}) {
    const bool v4 = t.source.is_v4();
    const auto error = error_about(frame({answer_to(frame({t}))}), v4 ? kTooBig4 : kTooBig6);
    EXPECT_NE(with_blocks({v4 ? "198.51.100.7" : "2001:db8:9::", v4 ? "203.0.113.2" : "2001:db8::"}, error).reason, Reason::k_blocked);
  }
}

TEST(IpChecksum, OfAHeaderWithOptionsIsOfAllOfIt) {
  Site site;
  std::vector<std::byte> bytes = frame({kTunnel});
  bytes.insert(bytes.begin() + 34, {std::byte{1}, std::byte{1}, std::byte{1}, std::byte{0}});
  bytes[14] = std::byte{0x46};
  store_be16(bytes.data() + 16, uint16_t(bytes.size() - 14));
  store_be16(bytes.data() + 24, 0);
  store_be16(bytes.data() + 24, uint16_t(~add_words(std::span(bytes).subspan(14, 24))));
  EXPECT_EQ(run(site, bytes).verdict, Verdict::kForward);
  bytes[34] = std::byte{0};
  EXPECT_EQ(name(run(site, bytes).reason), name(Reason::k_bad_ip_checksum));
}

struct Sender {
  const char* source;
  Verdict verdict;
};
class Senders : public testing::TestWithParam<Sender> {};

TEST_P(Senders, AreWhoTheyCanBe) {
  Site site;
  const bool v6 = std::string(GetParam().source).find(':') != std::string::npos;
  const std::string source = v6 ? "[" + std::string(GetParam().source) + "]" : GetParam().source;
  const Outcome outcome = run(site, frame({tuple(source + ":5555", v6 ? "[2001:db8::2]:80" : "203.0.113.2:80")}));
  EXPECT_EQ(outcome.verdict, GetParam().verdict) << GetParam().source << " " << name(outcome.reason);
  EXPECT_EQ(outcome.reason == Reason::k_martian_source, GetParam().verdict == Verdict::kDrop) << name(outcome.reason);
}

INSTANTIATE_TEST_SUITE_P(Boundaries, Senders,
                         testing::Values(Sender{"126.255.255.255", Verdict::kForward},
                                         Sender{"127.0.0.1", Verdict::kDrop}, Sender{"127.255.255.255", Verdict::kDrop},
                                         Sender{"128.0.0.0", Verdict::kForward},
                                         Sender{"223.255.255.255", Verdict::kForward},
                                         Sender{"224.0.0.0", Verdict::kDrop}, Sender{"240.0.0.1", Verdict::kDrop},
                                         Sender{"255.255.255.255", Verdict::kDrop}, Sender{"0.0.0.0", Verdict::kDrop},
                                         Sender{"0.255.255.255", Verdict::kDrop}, Sender{"1.0.0.0", Verdict::kForward},
                                         Sender{"203.0.113.2", Verdict::kDrop},
                                         Sender{"203.0.113.3", Verdict::kForward}, Sender{"::", Verdict::kDrop},
                                         Sender{"::1", Verdict::kDrop}, Sender{"::2", Verdict::kForward},
                                         Sender{"0:0:0:1::", Verdict::kForward}, Sender{"ff02::1", Verdict::kDrop},
                                         Sender{"fe80::1", Verdict::kForward}, Sender{"2001:db8::2", Verdict::kDrop},
                                         Sender{"2001:db8::3", Verdict::kForward}));

// As such an address IPv4's stand in our tables: a frame of IPv6 that has it would get to IPv4's services.
TEST(Receivers, AreNoIpv4AddressesInTheFormOfIpv6) {
  Site site;
  for (const char* destination : {"203.0.113.2", "203.0.113.99"}) {
    auto bytes = frame({kTunnel6});
    const auto mapped = IpAddress::parse(destination).value().bytes;  // ::ffff:203.0.113.2
    std::memcpy(bytes.data() + 14 + 24, mapped.data(), 16);
    EXPECT_EQ(name(run(site, bytes).reason), name(Reason::k_martian_source)) << destination;
  }
}

// NAT ports and their neighbours, at an address that is also the host's.
TEST(NatPortRange, EndsWhereTheKernelsPortsBegin) {
  Site site({.nat_port_first = 2000, .nat_port_last = 2999});
  const auto reason_at = [&](uint16_t port) {
    FlowTuple t = tuple("10.0.0.11:8080", "10.0.0.1:1");
    t.destination_port_be = __builtin_bswap16(port);
    return std::string(name(run(site, frame({t})).reason));
  };
  for (const uint16_t ours : {2000, 2999}) EXPECT_EQ(reason_at(ours), name(Reason::k_no_flow)) << ours;
  for (const uint16_t kernels : {1999, 3000}) EXPECT_EQ(reason_at(kernels), name(Reason::k_not_a_service)) << kernels;
}

TEST(Ttl, OfTwoIsForwardedAsOne) {
  for (const FlowTuple& t :
       {tuple("198.51.100.7:5555", "203.0.113.1:80"), tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:80")}) {
    Site site;
    const Outcome outcome = run(site, frame({.tuple = t, .tcp_flags = wire::kTcpSyn, .ttl = 2}));
    ASSERT_EQ(outcome.verdict, Verdict::kForward);
    FlowTuple out;
    EXPECT_EQ(wire::read_frame(outcome.frame, out).ttl, 1);
  }
}

// Every TTL, so every way its checksum can carry over.
TEST(Ttl, LeavesTheHeadersSumRight) {
  Site site;
  for (uint32_t ttl = 2; ttl < 256; ++ttl)
    for (const char* client : {"198.51.100.7:5555", "20.0.0.1:1", "1.2.3.4:5"}) {
      const Outcome outcome = run(site, frame({.tuple = tuple(client, "203.0.113.2:80"), .ttl = uint8_t(ttl)}));
      ASSERT_EQ(outcome.verdict, Verdict::kForward);
      EXPECT_EQ(add_words(std::span(outcome.frame).subspan(34, 20)), 0xffffu) << ttl;
    }
}

}  // namespace
}  // namespace cardea::dataplane::test
