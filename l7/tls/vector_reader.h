// Vectors of RFC 8446 3.4, taken off the front. Once something was missing nothing more is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cardea::l7::tls {

struct VectorReader {
  std::string_view left;
  bool good = true;

  std::string_view bytes(size_t size) {
    good &= left.size() >= size;
    if (!good) return {};
    const std::string_view taken = left.substr(0, size);
    left.remove_prefix(size);
    return taken;
  }
  size_t number(size_t size) {
    size_t value = 0;
    for (const char c : bytes(size)) value = value << 8 | uint8_t(c);
    return value;
  }
  std::string_view vector(size_t length_size) {
    const size_t size = number(length_size);
    return bytes(size);
  }
};

}  // namespace cardea::l7::tls
