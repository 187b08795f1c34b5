// The cache under pressure: its limit holds whatever is stored, read and written at once; what nobody uses goes first.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "l7/cache/cache.h"
#include "l7/cache/object.h"
#include "tests/unit/l7/cache/exchange.h"

namespace cardea::l7::cache {
namespace {

using test::Answer;
using test::ask;
using test::Asked;
using test::body_of;
using test::kNow;
using test::store;

constexpr std::string_view kMinute = "Cache-Control: max-age=60\r\n";

Asked numbered(int i) {
  return Asked("GET /" + std::to_string(i));
}

TEST(CacheMemory, NeverPassesItsLimit) {
  constexpr uint64_t kLimit = 300'000;
  Cache cache({.memory_bytes = kLimit, .object_bytes_max = 100'000});
  std::mt19937 random(1);
  const Answer answer("200 OK", kMinute);
  for (int i = 0; i < 3000; ++i) {
    const std::string body(random() % 20'000, 'x');
    const auto framing = random() % 2 ? test::length(body.size()) : test::kChunked;
    const auto writer = cache.begin(*numbered(i), *answer, framing);
    ASSERT_TRUE(writer && writer->append(body));
    ASSERT_LE(cache.figures().bytes, kLimit);
    if (random() % 4) writer->finish();
    ASSERT_LE(cache.figures().bytes, kLimit);
  }
  const Figures figures = cache.figures();
  EXPECT_GT(figures.bytes, kLimit * 8 / 10);
  EXPECT_EQ(figures.stored, figures.objects + figures.evicted);
  EXPECT_EQ(figures.refused, 0u);
}

TEST(CacheMemory, WhatWasStoredFirstAndNotUsedAgainGoes) {
  Cache cache({.memory_bytes = 200'000, .object_bytes_max = 10'000});
  const std::string body(1000, 'x');
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(store(cache, numbered(i), body, kMinute));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 10; ++i) EXPECT_NE(ask(cache, numbered(i)), "miss");
  }
  for (int i = 50; i < 2000; ++i) ASSERT_TRUE(store(cache, numbered(i), body, kMinute));  // a scan
  for (int i = 0; i < 10; ++i) EXPECT_NE(ask(cache, numbered(i)), "miss") << i;
  for (int i = 10; i < 50; ++i) EXPECT_EQ(ask(cache, numbered(i)), "miss") << i;
  EXPECT_NE(ask(cache, numbered(1999)), "miss");
}

TEST(CacheMemory, LargerThanAllowedIsRefusedAndCounted) {
  Cache cache({.memory_bytes = 200'000, .object_bytes_max = 1000});
  EXPECT_FALSE(store(cache, numbered(1), std::string(1001, 'x'), kMinute));
  EXPECT_TRUE(store(cache, numbered(1), std::string(1000, 'x'), kMinute));
  const Answer answer("200 OK", kMinute);
  const auto writer = cache.begin(*numbered(2), *answer, test::kChunked);
  EXPECT_TRUE(writer->append(std::string(1000, 'x')));
  EXPECT_FALSE(writer->append("x"));
  EXPECT_FALSE(writer->append("x"));
  writer->finish();
  EXPECT_EQ(ask(cache, numbered(2)), "miss");
  EXPECT_EQ(cache.figures().refused, 2u);
  // What can never fit makes nobody leave.
  cache.set_limits({.memory_bytes = 200'000, .object_bytes_max = 1 << 30});
  EXPECT_FALSE(store(cache, numbered(3), std::string(300'000, 'x'), kMinute));
  EXPECT_EQ(cache.figures().evicted, 0u);
  EXPECT_NE(ask(cache, numbered(1)), "miss");
}

TEST(CacheMemory, WhatIsBeingReadStaysAndCountsAndTheRestIsRefused) {
  Cache cache({.memory_bytes = 100'000, .object_bytes_max = 10'000});
  std::vector<ObjectPointer> readers;
  const std::string body(9000, 'x');
  for (int i = 0; i < 100; ++i) {
    store(cache, numbered(i), body, kMinute);
    Lookup lookup = cache.find(*numbered(i));
    if (lookup.object) readers.push_back(std::move(lookup.object));
    ASSERT_LE(cache.figures().bytes, 100'000u);
  }
  EXPECT_EQ(readers.size(), 10u);
  EXPECT_EQ(cache.figures().refused, 90u);
  EXPECT_EQ(cache.figures().objects, 10u);
  EXPECT_EQ(cache.figures().evicted, 0u) << "what is being read frees nothing by leaving";
  for (const ObjectPointer& reader : readers) EXPECT_TRUE(body_of(*reader) == body);
  readers.clear();
  EXPECT_TRUE(store(cache, numbered(200), body, kMinute));
}

TEST(CacheMemory, ReadersMayOutliveTheCache) {
  ObjectPointer reader;
  {
    Cache cache(test::kRoomy);
    ASSERT_TRUE(store(cache, numbered(1), "body", kMinute));
    reader = cache.find(*numbered(1)).object;
    ASSERT_TRUE(store(cache, numbered(2), "body", kMinute));
  }
  EXPECT_EQ(body_of(*reader), "body");
}

TEST(CacheMemory, LowerLimitsMakeRoomAtOnce) {
  Cache cache({.memory_bytes = 1'000'000, .object_bytes_max = 10'000});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(store(cache, numbered(i), std::string(5000, 'x'), kMinute));
  cache.set_limits({.memory_bytes = 100'000, .object_bytes_max = 10'000});
  EXPECT_LE(cache.figures().bytes, 100'000u);
  EXPECT_GT(cache.figures().objects, 10u);
}

TEST(CacheMemory, TooLittleForAnythingIsNoCache) {
  Cache cache({.memory_bytes = 0, .object_bytes_max = 10'000});
  EXPECT_FALSE(store(cache, numbered(1), "body", kMinute));
  EXPECT_EQ(ask(cache, numbered(1)), "miss");
}

TEST(CacheMemory, AThousandRefreshesCostTwoHeads) {
  Cache cache(test::kRoomy);
  ASSERT_TRUE(store(cache, numbered(1), std::string(100'000, 'x'), "Cache-Control: max-age=1\r\nETag: \"1\"\r\n"));
  const uint64_t before = cache.figures().bytes;
  for (int i = 1; i <= 1000; ++i) {
    const Asked asked("GET /1", "", kNow + 10 * i);
    const Answer answer("304 Not Modified", "ETag: \"1\"\r\n");
    ASSERT_TRUE(cache.refresh(*asked, cache.find(*asked).object, *answer));
  }
  EXPECT_LT(cache.figures().bytes, before + 1000);
  EXPECT_EQ(cache.figures().objects, 1u);
}

// Shards that store, read, purge and refresh the same few URLs while the control thread changes limits. What is read is
// always one body as it was written.
TEST(CacheMemory, AnyThread) {
  constexpr uint64_t kLimit = 400'000;
  Cache cache({.memory_bytes = kLimit, .object_bytes_max = 100'000});
  std::atomic<int> wrong{0}, hits{0};
  const auto shard = [&](unsigned seed) {
    std::mt19937 random(seed);
    const Answer fresh("200 OK", "Cache-Control: max-age=60\r\nETag: \"1\"\r\n"), same("304 Not Modified", "");
    for (int i = 0; i < 4000; ++i) {
      Asked asked("GET /" + std::to_string(random() % 50), "", kNow + int(random() % 90));
      Lookup lookup = cache.find(*asked);
      asked.since(lookup.since);
      if (lookup.object) {
        const std::string body = body_of(*lookup.object);
        wrong += body.find_first_not_of(body.substr(0, 1)) != body.npos;
        hits += lookup.result == Result::kHit;
      }
      if (lookup.result == Result::kStale) cache.refresh(*asked, std::move(lookup.object), *same);
      if (lookup.result == Result::kMiss) {
        const std::string body(1000 + random() % 20'000, char('a' + random() % 26));
        const auto framing = random() % 2 ? test::length(body.size()) : test::kChunked;
        const auto writer = cache.begin(*asked, *fresh, framing);
        if (writer && writer->append(body)) writer->finish();
      }
      if (random() % 64 == 0) cache.invalidate(*asked);
      wrong += cache.figures().bytes > kLimit;
    }
  };
  std::vector<std::jthread> shards;
  for (unsigned seed = 0; seed < 4; ++seed) shards.emplace_back(shard, seed);
  for (int i = 0; i < 100; ++i) {
    cache.purge("https", "shop.com", "/" + std::to_string(i % 50));
    cache.set_limits({.memory_bytes = kLimit, .object_bytes_max = 50'000u + unsigned(i) * 100});
  }
  shards.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(hits, 1000);
}

}  // namespace
}  // namespace cardea::l7::cache
