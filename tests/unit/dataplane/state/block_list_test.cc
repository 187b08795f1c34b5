// Who is on the list is found, and nobody else, however full it is.
#include "dataplane/state/block_list.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"

namespace cardea::dataplane {
namespace {

IpAddress of(const char* text) {
  return IpAddress::parse(text).value();
}

TEST(BlockList, KnowsAddressesAndNetworks) {
  const std::vector<IpAddress> sources = {of("192.0.2.7"), of("0.0.0.0"), of("2001:db8:1::"), of("192.0.2.7")};
  const BlockList list({3, 4}, sources);
  EXPECT_EQ(list.size(), 3u);
  EXPECT_TRUE(list.has(of("192.0.2.7")));
  EXPECT_TRUE(list.has(of("0.0.0.0")));
  EXPECT_TRUE(list.has(of("2001:db8:1::ffff")));
  EXPECT_FALSE(list.has(of("192.0.2.8")));
  EXPECT_FALSE(list.has(of("2001:db8:1:1::")));
  EXPECT_FALSE(list.has(of("::")));
  EXPECT_FALSE(list.has(of("::1")));
}

TEST(BlockList, NobodyAtAll) {
  const BlockList list({3, 4}, {});
  EXPECT_EQ(list.size(), 0u);
  for (const char* source : {"192.0.2.7", "::", "2001:db8::1"}) EXPECT_FALSE(list.has(of(source)));
}

TEST(BlockList, AsManyAsMayBe) {
  Random random(7);
  std::set<IpAddress> sources;
  while (sources.size() < BlockList::kMax) sources.insert(IpAddress::v4(uint32_t(random.next())));
  const std::vector<IpAddress> all(sources.begin(), sources.end());
  const BlockList list({random.next(), random.next()}, all);
  EXPECT_EQ(list.size(), BlockList::kMax);
  for (const IpAddress& one : all) ASSERT_TRUE(list.has(one));
  for (int i = 0; i < 1'000'000; ++i) {
    const IpAddress other = IpAddress::v4(uint32_t(random.next()));
    ASSERT_EQ(list.has(other), sources.contains(other));
  }
}

}  // namespace
}  // namespace cardea::dataplane
