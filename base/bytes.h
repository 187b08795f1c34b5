// Bytes on the wire: big-endian loads and stores that need no alignment, and the span types everyone passes around.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace cardea {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

template <typename T>
T load_native(const void* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
inline uint16_t load_be16(const void* at) { return __builtin_bswap16(load_native<uint16_t>(at)); }
inline uint32_t load_be32(const void* at) { return __builtin_bswap32(load_native<uint32_t>(at)); }
inline uint64_t load_be64(const void* at) { return __builtin_bswap64(load_native<uint64_t>(at)); }

template <typename T>
void store_native(void* at, T value) {
  std::memcpy(at, &value, sizeof value);
}
inline void store_be16(void* at, uint16_t value) { store_native(at, __builtin_bswap16(value)); }
inline void store_be32(void* at, uint32_t value) { store_native(at, __builtin_bswap32(value)); }

}  // namespace cardea
