// Addresses that no peer can have: neither a place nor an answer is spent on them.
#include <gtest/gtest.h>

#include <vector>

#include "l7/tcp/stack.h"

namespace cardea::l7::tcp {
namespace {

constexpr Instant kNow = Instant(std::chrono::seconds(1000));

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

// A SYN, then a stray ACK, of that peer: how many packets answer.
unsigned answers(const char* ours, const char* peers, uint16_t port = 40000) {
  Stack stack(Settings{}, kNow);
  EXPECT_TRUE(stack.listen({address(ours), 443}).has_value());
  for (const uint8_t flags : {kSyn, kAck}) {
    const Outgoing segment{.tuple = {address(peers), address(ours), port, 443}, .flags = flags, .window = 1000};
    std::vector<std::byte> packet(headers_size(segment));
    write_headers(segment, packet);
    stack.receive(packet, kNow);
  }
  std::byte room[2048];
  unsigned count = 0;
  while (stack.transmit(room, kNow)) count++;
  EXPECT_EQ(stack.counters().bad_address, count ? 0u : 2u);
  return count;
}

TEST(Addresses, OfPeersAreAnswered) {
  EXPECT_GT(answers("192.0.2.1", "198.51.100.7"), 0u);
  EXPECT_GT(answers("2001:db8::1", "2001:db8::7"), 0u);
  EXPECT_GT(answers("192.0.2.1", "192.0.2.1", 444), 0u);
}

TEST(Addresses, OfGroupsNobodyAndLoopsAreNot) {
  for (const char* peers : {"224.0.0.1", "239.1.2.3", "255.255.255.255", "240.0.0.1", "0.0.0.0", "127.0.0.1"})
    EXPECT_EQ(answers("192.0.2.1", peers), 0u) << peers;
  for (const char* peers : {"ff02::1", "::", "::1"}) EXPECT_EQ(answers("2001:db8::1", peers), 0u) << peers;
  EXPECT_EQ(answers("192.0.2.1", "192.0.2.1", 443), 0u) << "a connection with itself";
}

TEST(Addresses, OfGroupsAreNotDialled) {
  Stack stack(Settings{}, kNow);
  const auto id = stack.connect({address("192.0.2.1"), 1000}, {address("224.0.0.1"), 80}, kNow);
  ASSERT_FALSE(id.has_value());
  EXPECT_EQ(id.error(), OpenFault::kBadTuple);
}

}  // namespace
}  // namespace cardea::l7::tcp
