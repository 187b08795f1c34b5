#include "l7/http/head_end.h"

#include <bit>
#include <cstring>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace cardea::l7::http {
namespace {

constexpr size_t kBlock = 32;

// One bit a byte of a block.
struct Masks {
  uint32_t cr, lf, control;
};

Masks masks_slowly(const char* at) {
  Masks masks{};
  for (size_t i = 0; i < kBlock; ++i) {
    const auto c = static_cast<unsigned char>(at[i]);
    const uint32_t bit = uint32_t{1} << i;
    if (c == '\r') {
      masks.cr |= bit;
    } else if (c == '\n') {
      masks.lf |= bit;
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
      masks.control |= bit;
    }
  }
  return masks;
}

#ifdef __AVX2__
inline Masks masks_fast(const char* at) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const auto equal = [bytes](char c) {
    return uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c))));
  };
  const __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
  const uint32_t cr = equal('\r'), lf = equal('\n');
  return {cr, lf, (uint32_t(_mm256_movemask_epi8(low)) & ~(cr | lf | equal('\t'))) | equal(0x7f)};
}
#else
Masks masks_fast(const char* at) {
  return masks_slowly(at);
}
#endif

// What the bytes before a block leave to be finished in it.
struct Carry {
  uint32_t cr = 0;  // bit 0: the byte before is CR
  uint32_t lf = 0;  // bit 1: the byte before is LF, bit 0: the one before that is

  static Carry before(std::string_view bytes, size_t at) {
    Carry carry;
    if (at >= 1) carry.cr = bytes[at - 1] == '\r', carry.lf = uint32_t{bytes[at - 1] == '\n'} << 1;
    if (at >= 2) carry.lf |= bytes[at - 2] == '\n';
    return carry;
  }
};

// What of a block ends the search. With every CR followed by LF and every LF preceded by CR, two LFs at a distance of
// two are CR LF CR LF.
struct Stops {
  uint32_t torn, control, end;
  Stops(const Masks& masks, Carry carry)
      : torn((masks.cr << 1 | carry.cr) ^ masks.lf),
        control(masks.control),
        end(masks.lf & (masks.lf << 2 | carry.lf)) {}
  uint32_t any() const { return torn | control | end; }
};

HeadEnd judge(const Masks& masks, const Stops& stops, uint32_t stop, size_t base) {
  const int i = std::countr_zero(stop);
  const uint32_t bit = uint32_t{1} << i;
  if (stops.torn & bit) {
    if (masks.lf & bit) return {HeadEnd::State::kFault, Fault::kBareLf, base + i};
    return {HeadEnd::State::kFault, Fault::kBareCr, base + i - 1};
  }
  if (stops.control & bit) return {HeadEnd::State::kFault, Fault::kControlByte, base + i};
  return {HeadEnd::State::kFound, Fault::kNone, base + i + 1};
}

template <Masks (*masks_of)(const char*)>
HeadEnd find(std::string_view bytes, HeadScan& scan) {
  size_t at = scan.searched;
  Carry carry = Carry::before(bytes, at);
  for (; bytes.size() - at >= kBlock; at += kBlock) {
    const Masks masks = masks_of(bytes.data() + at);
    const Stops stops(masks, carry);
    if (const uint32_t stop = stops.any(); stop != 0) return judge(masks, stops, stop, at);
    carry = {masks.cr >> 31, masks.lf >> 30};
  }
  if (const size_t rest = bytes.size() - at; rest != 0) {
    char block[kBlock] = {};
    std::memcpy(block, bytes.data() + at, rest);
    const Masks masks = masks_of(block);
    const Stops stops(masks, carry);
    const uint32_t stop = stops.any() & ((uint32_t{1} << rest) - 1);
    if (stop != 0) return judge(masks, stops, stop, at);
  }
  scan.searched = bytes.size();
  return {};
}

}  // namespace

HeadEnd find_head_end(std::string_view bytes, HeadScan& scan) {
  return find<masks_fast>(bytes, scan);
}
HeadEnd find_head_end_slowly(std::string_view bytes, HeadScan& scan) {
  return find<masks_slowly>(bytes, scan);
}

}  // namespace cardea::l7::http
