// IPv4-mapped addresses (base/ip.h) made and told apart without a call: these run for every packet.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ip.h"

namespace cardea::dataplane::wire {

inline constexpr uint32_t kMappedPrefix = 0xffff0000;  // bytes 8..11 of a mapped address, loaded natively

inline void set_v4(IpAddress& address, const void* four_bytes) {
  store_native<uint64_t>(address.bytes.data(), 0);
  store_native<uint64_t>(address.bytes.data() + 8, kMappedPrefix | uint64_t{load_native<uint32_t>(four_bytes)} << 32);
}
inline void set_v6(IpAddress& address, const void* sixteen_bytes) {
  __builtin_memcpy(address.bytes.data(), sixteen_bytes, 16);
}
inline bool is_mapped(const IpAddress& address) {
  return load_native<uint64_t>(address.bytes.data()) == 0 &&
         load_native<uint32_t>(address.bytes.data() + 8) == kMappedPrefix;
}

}  // namespace cardea::dataplane::wire
