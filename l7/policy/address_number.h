// Addresses as numbers, by which networks are ranges.
#pragma once

#include <cstdint>

#include "base/ip.h"

namespace cardea::l7::policy {

using V6Number = unsigned __int128;

// Its sixteen bytes; of an IPv4 address the last 32 bits are the address.
inline V6Number number_of(const IpAddress& address) {
  V6Number number = 0;
  for (const auto byte : address.bytes) number = number << 8 | uint8_t(byte);
  return number;
}

// The bits that a prefix of this length leaves open, all of them set.
template <typename Number>
constexpr Number behind_prefix(unsigned length) {
  return length == sizeof(Number) * 8 ? Number{0} : Number(Number(~Number{0}) >> length);
}

}  // namespace cardea::l7::policy
