// Memory that a pool holds for later: with AddressSanitizer, whoever still uses it is told so, although it was never freed.
// Nothing without it.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CARDEA_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CARDEA_ADDRESS_SANITIZER
#endif
#ifdef CARDEA_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace cardea::l7 {

inline void poison([[maybe_unused]] const volatile void* at, [[maybe_unused]] size_t bytes) {
#ifdef CARDEA_ADDRESS_SANITIZER
  ASAN_POISON_MEMORY_REGION(at, bytes);
#endif
}

inline void unpoison([[maybe_unused]] const volatile void* at, [[maybe_unused]] size_t bytes) {
#ifdef CARDEA_ADDRESS_SANITIZER
  ASAN_UNPOISON_MEMORY_REGION(at, bytes);
#endif
}

}  // namespace cardea::l7
