// Errors of routers on a tunnel's way, about the outer packet: control learns of them, and of nothing else.
#include <gtest/gtest.h>

#include <cstring>

#include "dataplane/wire/tunnel_quote.h"
#include "tests/packets/ends.h"
#include "tests/packets/fragments.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

const FlowTuple kTunnel = tuple("198.51.100.7:5555", "203.0.113.2:80"),
                kTunnel6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::2]:80");

// A router's, sent to the source of what it quotes.
Frame too_big(const Frame& about, uint16_t mtu, size_t quoted) {
  const bool v4 = load_be16(about.data() + 12) == 0x0800;
  IpAddress us;
  v4 ? std::memcpy(us.bytes.data() + 12, about.data() + 26, 4) : std::memcpy(us.bytes.data(), about.data() + 22, 16);
  if (v4) us.bytes[10] = us.bytes[11] = 0xff;
  const IpAddress router = IpAddress::parse(v4 ? "10.0.0.99" : "fd00::99").value();
  Frame bytes = frame({.tuple = {router, us, 1, 1, Protocol::kUdp}, .payload = uint16_t(quoted)});
  const size_t ip = 14, icmp = v4 ? 34 : 54;
  bytes[ip + (v4 ? 9 : 6)] = std::byte{v4 ? uint8_t{1} : uint8_t{58}};
  std::memset(bytes.data() + icmp, 0, 8);
  bytes[icmp] = std::byte{v4 ? uint8_t{3} : uint8_t{2}}, bytes[icmp + 1] = std::byte{v4 ? uint8_t{4} : uint8_t{0}};
  store_be16(bytes.data() + icmp + 6, mtu);
  std::memcpy(bytes.data() + icmp + 8, about.data() + 14, quoted);
  if (v4) bytes = without_id(bytes);
  const auto message = std::span(bytes).subspan(icmp);
  const uint32_t pseudo = v4 ? 0 : add_words(std::span(bytes).subspan(22, 32), 58 + uint32_t(message.size()));
  store_be16(bytes.data() + icmp + 2, internet_checksum(message, pseudo));
  return bytes;
}

std::vector<wire::TunnelTooBig> told(Site& site, const Frame& frame) {
  Ends ends;
  EXPECT_EQ(run(site, ends, {frame})[0].verdict, Verdict::kDoor);
  return ends.told;
}

TEST(TunnelTooBig, IsToldToControlHoweverLittleIsQuoted) {
  for (const FlowTuple& in : {kTunnel, kTunnel6})
    for (const size_t quoted : {size_t{in == kTunnel ? 28u : 48u}, size_t{200}}) {
      Site site;
      const Outcome sent = run(site, frame({in, 0x10, 1400}));
      const auto all = told(site, too_big(sent.frame, 1300, quoted));
      ASSERT_EQ(all.size(), 1u) << quoted;
      EXPECT_EQ(all[0].mtu, 1300);
      EXPECT_EQ(all[0].destination, site.plan->slots[sent.slot].address);
      EXPECT_EQ(all[0].source.text(), in == kTunnel ? "10.0.0.1" : "fd00::1");
    }
}

TEST(TunnelTooBig, IsNeverLessThanTunnelsAreMadeForAndHasADefault) {
  Site site;
  const Frame sent = run(site, frame({kTunnel, 0x10, 1400})).frame,
              sent6 = run(site, frame({kTunnel6, 0x10, 1400})).frame;
  EXPECT_EQ(told(site, too_big(sent, 68, 28)).at(0).mtu, 552);
  EXPECT_EQ(told(site, too_big(sent, 0, 28)).at(0).mtu, 1006) << "RFC 1191 7.1, of 1460 bytes";
  EXPECT_EQ(told(site, too_big(sent6, 600, 48)).at(0).mtu, 1280);
}

TEST(TunnelTooBig, IsToldOnce) {
  Site site;
  const Frame sent = run(site, frame({kTunnel, 0x10, 1400})).frame;
  EXPECT_EQ(told(site, too_big(sent, 1300, 28)).size(), 1u);
  Ends ends;
  run(site, ends, {frame({kTunnel})});
  EXPECT_TRUE(ends.told.empty()) << "the next burst has nothing to tell";
}

TEST(TunnelTooBig, WhatCannotBeSoIsNotBelieved) {
  Site site;
  const Frame sent = run(site, frame({kTunnel, 0x10, 1400})).frame;
  EXPECT_TRUE(told(site, too_big(sent, 1460, 28)).empty()) << "it would have fitted";
  Frame wrong = too_big(sent, 1300, 28);
  wrong.back() ^= std::byte{1};
  EXPECT_TRUE(told(site, wrong).empty()) << "its sum is wrong";
  Frame other = sent;
  other[23] = std::byte{47};
  EXPECT_TRUE(told(site, too_big(other, 1300, 28)).empty()) << "no tunnel of ours";
  EXPECT_TRUE(told(site, too_big(sent, 1300, 19)).empty()) << "not even the outer header";
  Frame elsewhere = too_big(sent, 1300, 28);
  elsewhere[33] ^= std::byte{2};
  EXPECT_TRUE(told(site, without_id(elsewhere)).empty()) << "not sent to whom it quotes";
}

}  // namespace
}  // namespace cardea::dataplane::test
