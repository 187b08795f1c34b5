#include "l7/compress/kept_memory.h"

#include <algorithm>
#include <cstdlib>

namespace cardea::l7::compress {

KeptMemory::~KeptMemory() {
  for (const Block& block : blocks_) std::free(block.at);
}

// Not one of more than twice the size: what asks for that comes next.
KeptMemory::Block* KeptMemory::smallest_fit(size_t bytes) {
  Block* best = nullptr;
  for (Block& block : blocks_) {
    if (block.used || block.size < bytes || block.size > 2 * bytes) continue;
    if (best == nullptr || block.size < best->size) best = &block;
  }
  return best;
}

void* KeptMemory::take(size_t bytes) {
  if (Block* kept = smallest_fit(bytes)) {
    kept->used = true;
    return kept->at;
  }
  // What is kept and of no use for this goes before there is more.
  std::erase_if(blocks_, [this, bytes](const Block& block) {
    if (block.used || block.size > bytes) return false;
    std::free(block.at);
    bytes_ -= block.size;
    return true;
  });
  void* const at = std::malloc(bytes);
  if (at == nullptr) return nullptr;
  blocks_.push_back({at, bytes, true});
  bytes_ += bytes;
  return at;
}

void KeptMemory::give(void* at) {
  if (at != nullptr) std::ranges::find(blocks_, at, &Block::at)->used = false;
}

}  // namespace cardea::l7::compress
