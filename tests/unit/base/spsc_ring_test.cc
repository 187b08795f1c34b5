#include "base/spsc_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

namespace cardea {
namespace {

using testing::ElementsAre;

TEST(SpscRing, KeepsTheOrderAndItsBound) {
  SpscRing<int> ring(4);
  EXPECT_EQ(ring.capacity(), 4u);
  EXPECT_TRUE(ring.empty());
  const std::array values{1, 2, 3, 4, 5, 6};
  EXPECT_EQ(ring.push(values), 4u);
  EXPECT_FALSE(ring.push(7));
  EXPECT_EQ(ring.size(), 4u);
  std::array<int, 3> out{};
  EXPECT_EQ(ring.pop(out), 3u);
  EXPECT_THAT(out, ElementsAre(1, 2, 3));
  EXPECT_TRUE(ring.push(7));
  EXPECT_EQ(ring.pop(out), 2u);
  EXPECT_EQ(out[0], 4);
  EXPECT_EQ(out[1], 7);
  EXPECT_EQ(ring.pop(out), 0u);
}

TEST(SpscRing, RoundsItsCapacityUp) {
  EXPECT_EQ(SpscRing<char>(1).capacity(), 1u);
  EXPECT_EQ(SpscRing<char>(5).capacity(), 8u);
  SpscRing<char> one(1);
  EXPECT_TRUE(one.push('a'));
  EXPECT_FALSE(one.push('b'));
}

TEST(SpscRing, PassesEverythingBetweenTwoThreads) {
  constexpr uint64_t kValues = 200'000;
  SpscRing<uint64_t> ring(64);
  std::thread producer([&] {
    std::vector<uint64_t> burst;
    for (uint64_t next = 0; next < kValues;) {
      burst.clear();
      for (uint64_t i = 0; i < 1 + next % 50 && next + i < kValues; ++i) burst.push_back(next + i);
      const uint32_t pushed = ring.push(burst);
      next += pushed;
      if (pushed == 0) std::this_thread::yield();
    }
  });
  std::array<uint64_t, 32> burst;
  uint64_t expected = 0, wrong = 0;
  while (expected < kValues) {
    const uint32_t count = ring.pop(burst);
    for (uint32_t i = 0; i < count; ++i) wrong += burst[i] != expected++;
    if (count == 0) std::this_thread::yield();
  }
  producer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace cardea
