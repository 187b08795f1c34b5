// Blocks end on time, whoever is asked, and a new word stands in place of the last.
#include "dataplane/control/blocks.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

using namespace std::chrono_literals;

IpAddress of(const char* text) {
  return IpAddress::parse(text).value();
}

TEST(Blocks, EndOnTime) {
  const Instant now{1000s};
  Blocks blocks;
  EXPECT_EQ(blocks.list(), nullptr) << "nobody costs nothing";
  ASSERT_TRUE(blocks.set(Blocks::Sources{{of("192.0.2.1"), now + 1s}, {of("2001:db8::"), now + 3s}}));
  EXPECT_FALSE(blocks.expire(now + 999ms));
  EXPECT_TRUE(blocks.list()->has(of("192.0.2.1")));
  EXPECT_TRUE(blocks.expire(now + 1s));
  EXPECT_FALSE(blocks.list()->has(of("192.0.2.1")));
  EXPECT_TRUE(blocks.list()->has(of("2001:db8::1")));
  ASSERT_TRUE(blocks.set(Blocks::Sources{{of("192.0.2.9"), now + 9s}}));
  EXPECT_FALSE(blocks.list()->has(of("2001:db8::1")));
  EXPECT_TRUE(blocks.expire(now + 9s));
  EXPECT_EQ(blocks.list(), nullptr);
}

TEST(Blocks, AnErrorChangesNothing) {
  Blocks blocks;
  ASSERT_TRUE(blocks.set(Blocks::Sources{{of("192.0.2.1"), Instant{5s}}}));
  EXPECT_FALSE(blocks.set(fail("no address")));
  Blocks::Sources many;
  for (uint32_t i = 0; i <= BlockList::kMax; ++i) many[IpAddress::v4(i)] = Instant{5s};
  EXPECT_FALSE(blocks.set(std::move(many)));
  EXPECT_EQ(blocks.size(), 1u);
}

}  // namespace
}  // namespace cardea::dataplane
