// The shards' buffers: bounded together, sized by what they are for, lent and given back.
#include "l7/proxy/buffers.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <thread>

namespace cardea::l7::proxy {
namespace {

constexpr size_t kPiece = Buffers::kPiece, kFirst = Buffers::kFirst;

TEST(Buffers, NothingIsLentOverTheBound) {
  BufferBound bound(3 * kPiece + kPiece / 2);
  Buffers buffers(bound);
  std::vector<Buffer> taken;
  for (int i = 0; i < 5; ++i) taken.push_back(buffers.take());
  EXPECT_TRUE(taken[2]);
  EXPECT_FALSE(taken[3]);
  EXPECT_EQ(buffers.lent(), 3 * kPiece);
  EXPECT_EQ(taken[0].span().size(), kPiece);
  taken.clear();
  EXPECT_EQ(buffers.lent(), 0u);
  EXPECT_TRUE(buffers.take());
}

TEST(Buffers, WhatBeginsTakesLittleAndLeavesAQuarter) {
  BufferBound bound(4 * kFirst);
  Buffers buffers(bound);
  std::vector<Buffer> taken;
  for (int i = 0; i < 3; ++i) {
    taken.push_back(buffers.take_for_new());
    EXPECT_EQ(taken.back().span().size(), kFirst);
  }
  EXPECT_FALSE(buffers.take_for_new());
  const Buffer last = buffers.take(1);
  EXPECT_EQ(last.span().size(), kFirst);
  EXPECT_FALSE(buffers.take(1));
}

TEST(Buffers, AnySizeIsLentAndComesBack) {
  BufferBound bound(1 << 20);
  Buffers buffers(bound);
  for (const size_t bytes : {kFirst, kFirst + 1, kPiece, kPiece + 1, size_t{100'000}}) {
    for (int i = 0; i < 3; ++i) {
      const Buffer one = buffers.take(bytes), other = buffers.take(bytes);
      EXPECT_GE(one.span().size(), bytes);
      one.span().back() = other.span().front() = 'x';
      EXPECT_EQ(buffers.lent(), one.span().size() + other.span().size());
    }
    EXPECT_EQ(buffers.lent(), 0u);
  }
}

TEST(Buffers, AMovedBufferIsGivenBackOnce) {
  BufferBound bound(2 * kPiece);
  Buffers buffers(bound);
  Buffer first = buffers.take(), second = buffers.take();
  first = std::move(second);
  EXPECT_EQ(buffers.lent(), kPiece);
  first = {};
  EXPECT_EQ(buffers.lent(), 0u);
}

TEST(Buffers, ASmallerBoundHoldsAtOnce) {
  BufferBound bound(4 * kPiece);
  Buffers buffers(bound);
  Buffer old = buffers.take();
  bound.set(kPiece, 1);
  EXPECT_FALSE(buffers.take(1));
  old = {};
  EXPECT_TRUE(buffers.take());
}

// As many as there are to be had, in the way that `take` asks.
template <typename Take>
std::vector<Buffer> all_of(const Take& take) {
  std::vector<Buffer> taken;
  for (Buffer next = take(); next; next = take()) taken.push_back(std::move(next));
  return taken;
}

TEST(Buffers, OneShardMayUseWhatTheOthersLeave) {
  constexpr size_t kShards = 4, kBound = 16 << 20;
  BufferBound bound(kBound, kShards);
  std::deque<Buffers> shards;
  for (size_t i = 0; i < kShards; ++i) shards.emplace_back(bound);
  for (Buffers& idle : shards) {
    {
      const Buffer once = idle.take();
    }
    idle.settle();
  }
  const std::vector<Buffer> taken = all_of([&] { return shards[2].take(); });
  EXPECT_GE(shards[2].lent(), kBound / 8 * 7);
  EXPECT_LE(bound.borrowed(), kBound);
}

TEST(Buffers, WhatOneGivesBackAnotherGets) {
  constexpr size_t kBound = 4 << 20;
  BufferBound bound(kBound, 2);
  Buffers one(bound), other(bound);
  std::vector<Buffer> taken = all_of([&] { return one.take(); });
  EXPECT_GT(one.lent(), kBound - 2 * kPiece);
  EXPECT_FALSE(other.take());
  taken.clear();
  one.settle();
  EXPECT_LE(bound.borrowed(), kBound / 16) << "an idle shard keeps little";
  taken = all_of([&] { return other.take(); });
  EXPECT_GE(other.lent(), kBound / 8 * 7);
}

TEST(Buffers, TheQuarterThatIsKeptFromBeginnersIsTheHosts) {
  constexpr size_t kBound = 4 << 20;
  BufferBound bound(kBound, 2);
  Buffers one(bound), other(bound);
  const std::vector<Buffer> under_way = all_of([&] { return one.lent() < kBound / 4 * 3 ? one.take() : Buffer(); });
  EXPECT_FALSE(other.take_for_new());
  EXPECT_TRUE(other.overdrawn() || bound.borrowed() >= kBound / 4 * 3);
  EXPECT_TRUE(other.take());
}

// Small bounds on many shards: every byte is borrowed alone.
TEST(Buffers, TheSmallestBoundServesOnHostsOfManyShards) {
  constexpr size_t kBound = 1 << 20, kShards = 128;
  BufferBound bound(kBound, kShards);
  std::deque<Buffers> shards;
  for (size_t i = 0; i < kShards; ++i) shards.emplace_back(bound);
  for (Buffers& idle : shards) {
    {
      const Buffer once = idle.take();
    }
    idle.settle();
  }
  EXPECT_LE(bound.borrowed(), kBound / 8);
  EXPECT_TRUE(shards[0].take());
}

// Shards that take and give in threads of their own, at the bound all the time.
TEST(Buffers, TogetherNeverMoreThanTheBound) {
  constexpr size_t kShards = 3, kBound = 2 << 20;
  BufferBound bound(kBound, kShards);
  std::atomic<size_t> most = 0;
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kShards; ++i) {
      threads.emplace_back([&bound, &most, i] {
        std::mt19937 random{unsigned(i)};
        Buffers buffers(bound);
        std::deque<Buffer> taken;
        for (int step = 0; step < 20'000; ++step) {
          if (Buffer next = random() % 3 ? buffers.take(random() % 40'000) : buffers.take_for_new())
            taken.push_back(std::move(next));
          while (!taken.empty() && random() % 2) taken.pop_front();
          if (step % 7 == 0) buffers.settle();
          most = std::max(most.load(), bound.borrowed());
        }
        taken.clear();
      });
    }
  }
  EXPECT_LE(most, kBound);
  EXPECT_GT(most, kBound / 2);
  EXPECT_EQ(bound.borrowed(), 0u) << "all was given back";
}

}  // namespace
}  // namespace cardea::l7::proxy
