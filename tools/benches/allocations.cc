// The C library's allocator behind counters; glibc exports it under these names for exactly this.
#include "tools/benches/allocations.h"

#include <atomic>
#include <cstddef>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* at, size_t size);
}

namespace {
std::atomic<uint64_t> count{0};
}

extern "C" {
void* malloc(size_t size) {
  count.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
void* calloc(size_t n, size_t size) {
  count.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(n, size);
}
void* realloc(void* at, size_t size) {
  count.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(at, size);
}
}

namespace cardea::bench {
uint64_t allocations() {
  return count.load(std::memory_order_relaxed);
}
}  // namespace cardea::bench
