#include "tests/unit/l7/runtime/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<uint64_t> count;
}

namespace cardea::l7 {
uint64_t allocations() {
  return count.load();
}
}  // namespace cardea::l7

// ThreadSanitizer brings its own operator new and does not let it be replaced; counts stay zero there.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CARDEA_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define CARDEA_THREAD_SANITIZER
#endif
#ifdef CARDEA_THREAD_SANITIZER
bool cardea::l7::allocations_are_counted() {
  return false;
}
#else
bool cardea::l7::allocations_are_counted() {
  return true;
}
void* operator new(size_t bytes) {
  count.fetch_add(1, std::memory_order_relaxed);
  if (void* at = std::malloc(bytes)) return at;
  throw std::bad_alloc();
}
// std::stable_sort asks for its room this way, and gives it back the usual one.
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  count.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(bytes);
}
void operator delete(void* at) noexcept {
  std::free(at);
}
void operator delete(void* at, size_t) noexcept {
  std::free(at);
}
#endif
