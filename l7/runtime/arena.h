// Memory of a connection or an exchange: bump allocation out of chunks that come from the shard's pool and go back to
// it as a whole. Coroutine frames live here (l7/runtime/task.h), so an exchange costs no malloc once the shard is warm.
// Nothing in an Arena is destroyed by it: put values there whose destructors you call, or that need none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <string_view>
#include <utility>

namespace cardea::l7 {

// Chunks of one size, kept in a LIFO list so that the next exchange gets memory that is still in the processor's cache.
// One pool a shard; not for two threads.
class ChunkPool {
 public:
  static constexpr size_t kChunkBytes = 4096;

  explicit ChunkPool(size_t idle_max = 1024) : idle_max_(idle_max) {}
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  ~ChunkPool();

  void* take();
  void give(void* chunk);
  size_t idle() const { return idle_; }
  size_t lent() const { return lent_; }

 private:
  struct Free {
    Free* next;
  };
  Free* free_ = nullptr;
  size_t idle_ = 0, lent_ = 0, idle_max_;
};

class Arena {
 public:
  // `first`: memory of the caller's (a buffer inside the connection, say) that is used before any chunk is taken.
  explicit Arena(ChunkPool& pool, void* first = nullptr, size_t first_bytes = 0);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  // Aligned to 16. Takes a chunk when the current one is full; what does not fit into a chunk gets a block of its own.
  void* allocate(size_t bytes);
  // Gives the memory back when it was the last to be allocated (as frames of awaited coroutines are), else only reset
  // does.
  void free(void* at, size_t bytes);
  // Everything allocated is gone, every chunk is back in the pool. Nothing allocated may still be in use.
  void reset();

  template <typename T, typename... Args>
  T* make(Args&&... args) {
    static_assert(alignof(T) <= kAlignment);
    return new (allocate(sizeof(T))) T(std::forward<Args>(args)...);
  }
  char* characters(size_t count) { return static_cast<char*>(allocate(count)); }
  std::string_view copy(std::string_view text);
  std::string_view join(std::initializer_list<std::string_view> texts);  // one behind the other

  size_t used() const { return used_; }  // bytes allocated and not given back
  Arena& arena() { return *this; }       // an Arena is where its own coroutines' frames go

 private:
  static constexpr size_t kAlignment = 16;
  struct alignas(kAlignment) Chunk {
    Chunk* next;
    size_t own_bytes;  // 0: from the pool
  };
  void grow();
  void* allocate_alone(size_t bytes);

  ChunkPool& pool_;
  std::byte *at_ = nullptr, *end_ = nullptr;
  std::byte *first_ = nullptr, *first_end_ = nullptr;
  Chunk* chunks_ = nullptr;
  size_t used_ = 0;
};

}  // namespace cardea::l7
