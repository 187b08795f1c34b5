#include "l7/runtime/arena.h"

#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "l7/runtime/poison.h"

namespace cardea::l7 {
namespace {

void* allocate_or_die(size_t bytes) {
  void* at = std::aligned_alloc(16, (bytes + 15) / 16 * 16);
  CHECK(at != nullptr, "out of memory");
  return at;
}

}  // namespace

ChunkPool::~ChunkPool() {
  while (Free* chunk = free_) {
    unpoison(chunk, kChunkBytes);
    free_ = chunk->next;
    std::free(chunk);
  }
}

void* ChunkPool::take() {
  lent_++;
  if (!free_) return allocate_or_die(kChunkBytes);
  Free* chunk = free_;
  unpoison(chunk, kChunkBytes);
  free_ = chunk->next;
  idle_--;
  return chunk;
}

void ChunkPool::give(void* chunk) {
  lent_--;
  unpoison(chunk, kChunkBytes);
  if (idle_ >= idle_max_) return std::free(chunk);
  free_ = new (chunk) Free{free_};
  idle_++;
  poison(static_cast<std::byte*>(chunk) + sizeof(Free), kChunkBytes - sizeof(Free));
}

Arena::Arena(ChunkPool& pool, void* first, size_t first_bytes) : pool_(pool) {
  const auto address = reinterpret_cast<uintptr_t>(first);
  const size_t skip = first ? (kAlignment - address % kAlignment) % kAlignment : 0;
  if (first && first_bytes > skip) {
    first_ = static_cast<std::byte*>(first) + skip;
    first_end_ = static_cast<std::byte*>(first) + first_bytes;
    poison(first_, first_end_ - first_);
  }
  at_ = first_;
  end_ = first_end_;
}

Arena::~Arena() {
  reset();
  unpoison(first_, first_end_ - first_);
}

void* Arena::allocate(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  used_ += bytes;
  if (bytes > static_cast<size_t>(end_ - at_)) {
    if (bytes > ChunkPool::kChunkBytes - sizeof(Chunk)) return allocate_alone(bytes);
    grow();
  }
  std::byte* result = at_;
  at_ += bytes;
  unpoison(result, bytes);
  return result;
}

void Arena::grow() {
  auto* chunk = new (pool_.take()) Chunk{chunks_, 0};
  chunks_ = chunk;
  at_ = reinterpret_cast<std::byte*>(chunk + 1);
  end_ = reinterpret_cast<std::byte*>(chunk) + ChunkPool::kChunkBytes;
  poison(at_, end_ - at_);
}

// Larger than a chunk: a block of its own. The current chunk goes on being filled.
void* Arena::allocate_alone(size_t bytes) {
  chunks_ = new (allocate_or_die(sizeof(Chunk) + bytes)) Chunk{chunks_, bytes};
  return chunks_ + 1;
}

void Arena::free(void* at, size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  used_ -= bytes;
  auto* start = static_cast<std::byte*>(at);
  if (start + bytes == at_) at_ = start;
  poison(start, bytes);
}

void Arena::reset() {
  while (Chunk* chunk = chunks_) {
    chunks_ = chunk->next;
    if (chunk->own_bytes != 0) {
      unpoison(chunk, sizeof(Chunk) + chunk->own_bytes);
      std::free(chunk);
    } else {
      pool_.give(chunk);
    }
  }
  at_ = first_;
  end_ = first_end_;
  used_ = 0;
  poison(first_, first_end_ - first_);
}

std::string_view Arena::join(std::initializer_list<std::string_view> texts) {
  size_t size = 0;
  for (const std::string_view text : texts) size += text.size();
  char* const room = characters(size);
  char* at = room;
  for (const std::string_view text : texts) at = std::ranges::copy(text, at).out;
  return {room, size};
}

std::string_view Arena::copy(std::string_view text) {
  char* at = characters(text.size());
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return {at, text.size()};
}

}  // namespace cardea::l7
