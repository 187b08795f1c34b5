// The shard's buffers: bounded, sized by what they are for, lent and given back.
#include "l7/proxy/buffers.h"

#include <gtest/gtest.h>

namespace cardea::l7::proxy {
namespace {

constexpr size_t kPiece = Buffers::kPiece, kFirst = Buffers::kFirst;

TEST(Buffers, NothingIsLentOverTheBound) {
  Buffers buffers(3 * kPiece + kPiece / 2);
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
  Buffers buffers(4 * kFirst);
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
  Buffers buffers(1 << 20);
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
  Buffers buffers(2 * kPiece);
  Buffer first = buffers.take(), second = buffers.take();
  first = std::move(second);
  EXPECT_EQ(buffers.lent(), kPiece);
  first = {};
  EXPECT_EQ(buffers.lent(), 0u);
}

TEST(Buffers, ASmallerBoundHoldsAtOnce) {
  Buffers buffers(4 * kPiece);
  Buffer old = buffers.take();
  buffers.set_bound(kPiece);
  EXPECT_FALSE(buffers.take(1));
  old = {};
  EXPECT_TRUE(buffers.take());
}

}  // namespace
}  // namespace cardea::l7::proxy
