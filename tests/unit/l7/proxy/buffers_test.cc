// The shard's buffers: bounded, lent and given back, of another size after a reload.
#include "l7/proxy/buffers.h"

#include <gtest/gtest.h>

namespace cardea::l7::proxy {
namespace {

TEST(Buffers, NothingIsLentOverTheBound) {
  Buffers buffers(1000, 3500);
  std::vector<Buffer> taken;
  for (int i = 0; i < 5; ++i) taken.push_back(buffers.take());
  EXPECT_TRUE(taken[2]);
  EXPECT_FALSE(taken[3]);
  EXPECT_EQ(buffers.lent(), 3000u);
  EXPECT_EQ(taken[0].span().size(), 1000u);
  taken.clear();
  EXPECT_EQ(buffers.lent(), 0u);
  EXPECT_TRUE(buffers.take());
}

TEST(Buffers, WhatBeginsLeavesAQuarter) {
  Buffers buffers(1000, 4000);
  std::vector<Buffer> taken;
  for (int i = 0; i < 3; ++i) {
    taken.push_back(buffers.take_for_new());
    EXPECT_TRUE(taken.back());
  }
  EXPECT_FALSE(buffers.take_for_new());
  const Buffer last = buffers.take();
  EXPECT_TRUE(last);
  EXPECT_FALSE(buffers.take());
}

TEST(Buffers, AMovedBufferIsGivenBackOnce) {
  Buffers buffers(1000, 2000);
  Buffer first = buffers.take(), second = buffers.take();
  first = std::move(second);
  EXPECT_EQ(buffers.lent(), 1000u);
  first = {};
  EXPECT_EQ(buffers.lent(), 0u);
}

TEST(Buffers, ThoseThatAreOutSurviveAnotherSize) {
  Buffers buffers(1000, 4000);
  Buffer old = buffers.take();
  { const Buffer idle = buffers.take(); }
  old.span()[999] = 'x';
  buffers.resize(2000, 5000);
  EXPECT_EQ(old.span()[999], 'x');
  const Buffer fresh = buffers.take();
  EXPECT_EQ(fresh.span().size(), 2000u);
  EXPECT_EQ(buffers.lent(), 3000u);
  old = {};
  EXPECT_EQ(buffers.lent(), 2000u);
  EXPECT_EQ(buffers.take().span().size(), 2000u) << "the old one is not lent for a new one";
  buffers.resize(2000, 1000);
  EXPECT_FALSE(buffers.take()) << "a smaller bound holds at once";
}

}  // namespace
}  // namespace cardea::l7::proxy
