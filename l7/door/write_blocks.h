// What streams have written and their peers not acknowledged yet: each stream a chain of blocks, of one memory with a
// fixed number of them, so that many small writes share a block and what is lent to a TCP stays where it is. Memory is
// the host's only from the first time that a block is lent.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace cardea::l7::door {

struct BlockChain {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t first = kNone, last = kNone;
  uint32_t begin = 0, end = 0;  // in the first block, in the last
  uint32_t size = 0;            // bytes
};

class WriteBlocks {
 public:
  static constexpr uint32_t kBlockSize = 4096;
  explicit WriteBlocks(uint32_t count);

  // Memory behind what is written, at least a byte of it; nothing when no block is left.
  MutableBytes room(BlockChain& chain);
  // Whether room() would give some.
  bool has_room(const BlockChain& chain) const {
    return left_ > 0 || (chain.last != BlockChain::kNone && chain.end < kBlockSize);
  }
  // The first `count` bytes of room() were written.
  void grow(BlockChain& chain, uint32_t count);
  // The first `count` bytes, at most all, are needed no longer. True: blocks came back.
  bool drop(BlockChain& chain, uint32_t count);

  uint32_t left() const { return left_; }
  uint32_t count() const { return uint32_t(next_.size()); }

 private:
  uint32_t take();
  void give_first(BlockChain& chain);
  std::byte* at(uint32_t block) { return memory_.get() + size_t{block} * kBlockSize; }

  std::unique_ptr<std::byte[]> memory_;
  std::vector<uint32_t> next_;  // by block: in its chain, or of those that are free
  uint32_t free_ = BlockChain::kNone, fresh_ = 0, left_;
};

}  // namespace cardea::l7::door
