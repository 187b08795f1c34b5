// Sets of ASCII bytes and the search for the first byte outside one, sixteen at a time: a byte is a member when the row
// of its low nibble has the bit of its high nibble (Mula's classification by two shuffles). Without SSSE3 a table
// answers, byte by byte; both are compiled, so that tests can compare them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

#ifdef __SSSE3__
#include <immintrin.h>
#endif

namespace cardea::l7::http {

class ByteSet {
 public:
  template <typename Predicate>
  consteval explicit ByteSet(Predicate member) {
    for (unsigned c = 0; c < 128; ++c) {
      if (!member(static_cast<unsigned char>(c))) continue;
      rows_[c & 15] |= uint8_t(1u << (c >> 4));
      table_[c] = true;
    }
  }

  constexpr bool has(char c) const { return table_[static_cast<unsigned char>(c)]; }

  // The first byte of [at, end) that is no member, or `end`. Reads nothing outside.
  const char* skip_slowly(const char* at, const char* end) const {
    while (at != end && has(*at)) ++at;
    return at;
  }
  const char* skip(const char* at, const char* end) const {
#ifdef __SSSE3__
    const __m128i rows = _mm_load_si128(reinterpret_cast<const __m128i*>(rows_.data()));
    const __m128i bits = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, char(128), 0, 0, 0, 0, 0, 0, 0, 0);
    for (; end - at >= 16; at += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      const __m128i row = _mm_shuffle_epi8(rows, _mm_and_si128(bytes, _mm_set1_epi8(15)));
      const __m128i bit = _mm_shuffle_epi8(bits, _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15)));
      const __m128i outside = _mm_cmpeq_epi8(_mm_and_si128(row, bit), _mm_setzero_si128());
      const unsigned mask = unsigned(_mm_movemask_epi8(outside));
      if (mask != 0) return at + __builtin_ctz(mask);
    }
#endif
    return skip_slowly(at, end);
  }
  bool holds_all(std::string_view text) const {
    return skip(text.data(), text.data() + text.size()) == text.data() + text.size();
  }

 private:
  alignas(16) std::array<uint8_t, 16> rows_{};
  std::array<bool, 256> table_{};
};

constexpr bool is_alpha(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_digit(unsigned char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_one_of(unsigned char c, std::string_view list) {
  return list.find(char(c)) != list.npos;
}

// RFC 9110 5.6.2.
inline constexpr ByteSet kTokenBytes([](unsigned char c) {
  return is_alpha(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
});
// What browsers leave unencoded in a path, less what some backend takes for a separator or for markup.
inline constexpr ByteSet kPathBytes([](unsigned char c) {
  return c > 0x20 && c < 0x7f && !is_one_of(c, "\"#<>?\\`{}");
});
// A query is the backend's own language: every visible ASCII byte but the fragment's mark.
inline constexpr ByteSet kQueryBytes([](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; });
// A host's name in a request: RFC 3986 3.2.2 but for percent-encoding.
inline constexpr ByteSet kHostBytes([](unsigned char c) {
  return is_alpha(c) || is_digit(c) || is_one_of(c, "-._~!$&'()*+,;=");
});

// -1 when `c` is no hexadecimal digit.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = char(c | 0x20);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c;
}

// Eight characters at once; the top bit of each byte of a sum says whether it is at or behind a letter.
constexpr uint64_t lower_word(uint64_t word) {
  constexpr uint64_t kEach = 0x0101010101010101;
  const uint64_t low = word & kEach * 0x7f;
  const uint64_t from_a = low + kEach * (0x80 - 'A'), behind_z = low + kEach * (0x80 - 'Z' - 1);
  return word | (from_a & ~behind_z & ~word & kEach * 0x80) >> 2;
}
// Behind what was written.
inline char* to_lower(std::string_view text, char* to) {
  for (; text.size() >= 8; text.remove_prefix(8), to += 8)
    store_native(to, lower_word(load_native<uint64_t>(text.data())));
  for (const char c : text) *to++ = lower(c);
  return to;
}

}  // namespace cardea::l7::http
