#include "l7/door/write_blocks.h"

#include <utility>

#include "base/check.h"

namespace cardea::l7::door {

WriteBlocks::WriteBlocks(uint32_t count)
    : memory_(std::make_unique_for_overwrite<std::byte[]>(size_t{count} * kBlockSize)),
      next_(count, BlockChain::kNone),
      left_(count) {}

uint32_t WriteBlocks::take() {
  if (left_ == 0) return BlockChain::kNone;
  --left_;
  if (free_ == BlockChain::kNone) return fresh_++;
  return std::exchange(free_, std::exchange(next_[free_], BlockChain::kNone));
}

MutableBytes WriteBlocks::room(BlockChain& chain) {
  if (chain.last == BlockChain::kNone || chain.end == kBlockSize) {
    const uint32_t block = take();
    if (block == BlockChain::kNone) return {};
    if (chain.last == BlockChain::kNone)
      chain = {.first = block, .last = block};
    else
      next_[chain.last] = block;
    chain.last = block;
    chain.end = 0;
  }
  return {at(chain.last) + chain.end, kBlockSize - chain.end};
}

void WriteBlocks::grow(BlockChain& chain, uint32_t count) {
  DCHECK(count <= kBlockSize - chain.end);
  chain.end += count;
  chain.size += count;
}

void WriteBlocks::give_first(BlockChain& chain) {
  const uint32_t block = chain.first;
  chain.first = next_[block];
  chain.begin = 0;
  next_[block] = free_;
  free_ = block;
  ++left_;
}

bool WriteBlocks::drop(BlockChain& chain, uint32_t count) {
  DCHECK(count <= chain.size);
  const uint32_t left_before = left_;
  chain.size -= count;
  while (chain.first != chain.last && count >= kBlockSize - chain.begin) {
    count -= kBlockSize - chain.begin;
    give_first(chain);
  }
  chain.begin += count;
  if (chain.size == 0) {
    while (chain.first != BlockChain::kNone) give_first(chain);
    chain = {};
  }
  return left_ != left_before;
}

}  // namespace cardea::l7::door
