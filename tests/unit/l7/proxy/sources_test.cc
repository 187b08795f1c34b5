// Connections counted by their clients' addresses.
#include "l7/proxy/sources.h"

#include <gtest/gtest.h>

#include <vector>

namespace cardea::l7::proxy {
namespace {

IpAddress ip(const char* text) {
  return IpAddress::parse(text).value();
}

TEST(Sources, AnAddressHasItsConnectionsAndNoMore) {
  Sources sources;
  std::vector<Sources::Place> places;
  for (int i = 0; i < 3; ++i) places.push_back(sources.enter("shop", ip("192.0.2.1"), 3));
  EXPECT_TRUE(places[2]);
  EXPECT_FALSE(sources.enter("shop", ip("192.0.2.1"), 3));
  EXPECT_FALSE(sources.enter("shop", ip("192.0.2.1"), 3)) << "a refusal is not counted";
  EXPECT_TRUE(sources.enter("shop", ip("192.0.2.2"), 3));
  EXPECT_TRUE(sources.enter("mail", ip("192.0.2.1"), 3)) << "each service has its own";
  places.pop_back();
  EXPECT_TRUE(sources.enter("shop", ip("192.0.2.1"), 3));
}

TEST(Sources, AnIpv6NetworkIsOneClient) {
  Sources sources;
  const auto first = sources.enter("shop", ip("2001:db8:0:1::1"), 1);
  EXPECT_FALSE(sources.enter("shop", ip("2001:db8:0:1:ffff::9"), 1));
  EXPECT_TRUE(sources.enter("shop", ip("2001:db8:0:2::1"), 1));
}

// However many there are: the two tables are larger than what one host serves.
TEST(Sources, ManyAddressesAreNotTakenForOne) {
  Sources sources;
  std::vector<Sources::Place> places;
  for (uint32_t i = 0; i < 20'000; ++i) {
    places.push_back(sources.enter("shop", IpAddress::v4(0x0a000000 + i), 8));
    EXPECT_TRUE(places.back()) << i;
  }
}

}  // namespace
}  // namespace cardea::l7::proxy
