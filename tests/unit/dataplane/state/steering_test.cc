// The vectors of Microsoft's "Verifying the RSS Hash Calculation", which every NIC's documentation refers to.
#include "dataplane/state/steering.h"

#include <gtest/gtest.h>

#include <set>

namespace cardea::dataplane {
namespace {

const std::vector<uint8_t> kKey = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                                   0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                                   0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

FlowTuple tuple(const char* source, const char* destination, Protocol protocol = Protocol::kTcp) {
  const Endpoint s = Endpoint::parse(source).value(), d = Endpoint::parse(destination).value();
  return {s.address, d.address, __builtin_bswap16(s.port), __builtin_bswap16(d.port), protocol};
}

struct Vector {
  const char *source, *destination;
  uint32_t addresses, with_ports;
};
const Vector kVectors[] = {
    {"66.9.149.187:2794", "161.142.100.80:1766", 0x323e8fc2, 0x51ccc178},
    {"199.92.111.2:14230", "65.69.140.83:4739", 0xd718262a, 0xc626b0ea},
    {"24.19.198.95:12898", "12.22.207.184:38024", 0xd2d0a5de, 0x5c2b394a},
    {"[3ffe:2501:200:1fff::7]:2794", "[3ffe:2501:200:3::1]:1766", 0x2cc18cd5, 0x40207d3d},
    {"[3ffe:501:8::260:97ff:fe40:efab]:14230", "[ff02::1]:4739", 0x0f0c461c, 0xdde51bbf},
};

TEST(Steering, HashesAsNicsDo) {
  for (const Vector& v : kVectors)
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
      const FlowTuple t = tuple(v.source, v.destination, protocol);
      EXPECT_EQ((Steering{.key = kKey, .table = {0}}.hash_of(t)), v.with_ports) << v.source;
      const bool tcp = protocol == Protocol::kTcp;
      EXPECT_EQ((Steering{.key = kKey, .table = {0}, .tcp_ports = !tcp, .udp_ports = tcp}.hash_of(t)), v.addresses);
    }
}

TEST(Steering, TheHashsLowBitsNameTheQueue) {
  Steering steering{.key = kKey, .table = std::vector<uint16_t>(128)};
  for (size_t i = 0; i < 128; ++i) steering.table[i] = uint16_t(i * 3);
  for (const Vector& v : kVectors)
    EXPECT_EQ(steering.queue_of(tuple(v.source, v.destination)), (v.with_ports % 128) * 3) << v.source;
}

TEST(Steering, QueuesAreDealtToTheWorkersInTurn) {
  const Steering steering{.key = kKey, .table = {0, 1, 2, 3}};
  for (const Vector& v : kVectors)
    EXPECT_EQ(steering.worker_of(tuple(v.source, v.destination), 3), v.with_ports % 4 % 3) << v.source;
}

TEST(Steering, WithoutATableItIsNotKnown) {
  EXPECT_FALSE(Steering{}.known());
  EXPECT_TRUE((Steering{.key = kKey, .table = {0}}.known()));
}

}  // namespace
}  // namespace cardea::dataplane
