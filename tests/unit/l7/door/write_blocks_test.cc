#include "l7/door/write_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cardea::l7::door {
namespace {

constexpr uint32_t kBlock = WriteBlocks::kBlockSize;

uint32_t fill(WriteBlocks& blocks, BlockChain& chain, uint32_t bytes) {
  uint32_t done = 0;
  while (done < bytes) {
    const auto part = uint32_t(std::min<size_t>(blocks.room(chain).size(), bytes - done));
    if (part == 0) break;
    blocks.grow(chain, part);
    done += part;
  }
  return done;
}

TEST(WriteBlocks, SmallWritesShareABlockAndItComesBackWhenAllIsAcknowledged) {
  WriteBlocks blocks(2);
  BlockChain chain;
  EXPECT_EQ(fill(blocks, chain, 100), 100u);
  EXPECT_EQ(fill(blocks, chain, 100), 100u);
  EXPECT_EQ(blocks.left(), 1u);
  EXPECT_FALSE(blocks.drop(chain, 150));
  EXPECT_TRUE(blocks.drop(chain, 50));
  EXPECT_EQ(blocks.left(), 2u);
}

TEST(WriteBlocks, WhatIsAcknowledgedComesBackBlockByBlock) {
  WriteBlocks blocks(3);
  BlockChain chain;
  EXPECT_EQ(fill(blocks, chain, 4 * kBlock), 3 * kBlock);
  EXPECT_FALSE(blocks.has_room(chain));
  EXPECT_FALSE(blocks.drop(chain, kBlock - 1));
  EXPECT_TRUE(blocks.drop(chain, 1));
  EXPECT_TRUE(blocks.has_room(chain));
  EXPECT_EQ(fill(blocks, chain, 10), 10u);
  EXPECT_EQ(chain.size, 2 * kBlock + 10);
  EXPECT_TRUE(blocks.drop(chain, chain.size));
  EXPECT_EQ(blocks.left(), 3u);
}

TEST(WriteBlocks, ABlockThatNothingWasWrittenToComesBack) {
  WriteBlocks blocks(1);
  BlockChain chain;
  EXPECT_EQ(blocks.room(chain).size(), kBlock);
  EXPECT_TRUE(blocks.drop(chain, 0));
  EXPECT_EQ(blocks.left(), 1u);
  EXPECT_EQ(chain.first, BlockChain::kNone);
}

TEST(WriteBlocks, ChainsDoNotTouchEachOther) {
  WriteBlocks blocks(8);
  BlockChain one, other;
  const MutableBytes first = blocks.room(one);
  blocks.grow(one, 10);
  const MutableBytes second = blocks.room(other);
  EXPECT_TRUE(second.data() >= first.data() + kBlock || second.data() + kBlock <= first.data());
}

}  // namespace
}  // namespace cardea::l7::door
