#include "dataplane/state/begun_flows.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

uint64_t hash(uint64_t n) {
  return (n + 1) * 0x9e3779b97f4a7c15ull;
}

TEST(BegunFlows, KnowsThoseThatBeganAndNoOthers) {
  BegunFlows flows;
  for (uint64_t n = 0; n < 300'000; ++n) flows.add(hash(n));
  uint32_t lost = 0, strangers = 0;
  for (uint64_t n = 0; n < 300'000; ++n) lost += !flows.has(hash(n));
  for (uint64_t n = 300'000; n < 600'000; ++n) strangers += flows.has(hash(n));
  EXPECT_LT(lost, 3000u) << "of a third of its room one in a hundred at most";
  EXPECT_LT(strangers, 3u);
}

TEST(BegunFlows, OneThatIsAddedAgainTakesNoFurtherPlace) {
  BegunFlows flows;
  const uint64_t others[] = {1ull << 40, 2ull << 40, 3ull << 40, 4ull << 40, 5ull << 40, 6ull << 40, 7ull << 40};
  for (const uint64_t one : others) flows.add(one);
  for (int i = 0; i < 100; ++i) flows.add(9ull << 40);
  for (const uint64_t one : others) EXPECT_TRUE(flows.has(one));
}

}  // namespace
}  // namespace cardea::dataplane
