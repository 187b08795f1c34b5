#include "l7/http/header_id.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "l7/http/byte_set.h"

namespace cardea::l7::http {
namespace {

constexpr std::string_view kNames[] = {
    "",
#define HTTP_HEADER(id, name) name,
#include "l7/http/header_names.def"
#undef HTTP_HEADER
};
constexpr size_t kNamesCount = std::size(kNames);
constexpr unsigned kSlotBits = 9;
constexpr size_t kNameMax = 32;

constexpr size_t slot_of(std::string_view name, uint64_t multiplier) {
  uint64_t key = name.size();
  for (const char c : {name[0], name[name.size() / 2], name[name.size() - 2], name[name.size() - 1]}) {
    key = key << 8 | static_cast<unsigned char>(c | 0x20);
  }
  return size_t(key * multiplier >> (64 - kSlotBits));
}

// Finds one of a fixed list of names by one comparison.
struct PerfectHash {
  uint64_t multiplier = 0;
  std::array<uint8_t, size_t{1} << kSlotBits> ids{};
  constexpr size_t id(std::string_view name) const { return ids[slot_of(name, multiplier)]; }
};

template <typename Names>
constexpr bool fill(const Names& names, PerfectHash& hash) {
  hash.ids = {};
  for (size_t id = 1; id < kNamesCount; ++id) {
    uint8_t& slot = hash.ids[slot_of(names[id], hash.multiplier)];
    if (slot != 0) return false;
    slot = uint8_t(id);
  }
  return true;
}

// Tries odd multipliers from a Weyl sequence until no two names meet; about thirty tries for fifty names.
template <typename Names>
consteval PerfectHash search(const Names& names) {
  PerfectHash hash;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    hash.multiplier = (seed * 0x9e3779b97f4a7c15ull ^ seed << 7) | 1;
    if (fill(names, hash)) return hash;
  }
  return {};
}
constexpr PerfectHash kHash = search(kNames);
static_assert(kHash.multiplier != 0,
              "no perfect hash found: two names share length and all four bytes, or kSlotBits is too small");
static_assert(std::ranges::all_of(kNames, [](std::string_view name) { return name.size() <= kNameMax; }));

// Rows hold letters, digits and hyphens; no other token byte becomes one of these by setting bit 5, so setting it in
// both is an exact comparison without case.
[[gnu::always_inline]] inline bool same_token(std::string_view a, std::string_view row) {
  constexpr uint64_t kCase = 0x2020202020202020ull;
  const auto differ = [&]<typename Word>(size_t at, Word) {
    return ((load_native<Word>(a.data() + at) ^ load_native<Word>(row.data() + at)) | Word(kCase)) != Word(kCase);
  };
  const size_t size = row.size();
  if (size < 4) return !differ(0, uint16_t{}) && !differ(size - 2, uint16_t{});
  if (size < 8) return !differ(0, uint32_t{}) && !differ(size - 4, uint32_t{});
  for (size_t at = 0; at + 8 < size; at += 8) {
    if (differ(at, uint64_t{})) return false;
  }
  return !differ(size - 8, uint64_t{});  // the last words overlap instead of going on byte by byte
}

constexpr size_t kAlphabet = 36;

// 0 to 35 for digits and letters in any case; kAlphabet for what is neither.
constexpr size_t place_of(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (is_digit(byte)) return size_t(c - '0');
  return is_alpha(byte) ? size_t(lower(c) - 'a') + 10 : kAlphabet;
}

// A name's letters and digits. `fits` falls where there are more than any row has.
struct Letters {
  std::array<char, kNameMax> text{};
  size_t size = 0;
  bool fits = true;

  constexpr Letters() = default;
  constexpr explicit Letters(std::string_view name) {
    for (const char c : name) {
      if (place_of(c) == kAlphabet) continue;
      fits = size < kNameMax;
      if (!fits) return;
      text[size++] = c;
    }
  }
  constexpr operator std::string_view() const { return {text.data(), size}; }
};

constexpr auto kLetters = [] {
  std::array<Letters, kNamesCount> rows{};
  for (size_t id = 1; id < kNamesCount; ++id) rows[id] = Letters(kNames[id]);
  return rows;
}();
constexpr PerfectHash kLettersHash = search(kLetters);
static_assert(kLettersHash.multiplier != 0, "two names have the same letters, or see above");

// For each first letter the last letters that rows have with it: most names are told apart from all rows by these two.
constexpr auto kEnds = [] {
  std::array<uint64_t, kAlphabet> ends{};
  for (size_t id = 1; id < kNamesCount; ++id) {
    ends[place_of(kNames[id].front())] |= uint64_t{1} << place_of(kNames[id].back());
  }
  return ends;
}();

bool may_be_like_a_row(std::string_view name) {
  const size_t first = place_of(name.front()), last = place_of(name.back());
  if (first == kAlphabet || last == kAlphabet) return true;
  return (kEnds[first] >> last & 1) != 0;
}

}  // namespace

HeaderId header_id(std::string_view name) {
  if (name.size() < 2 || name.size() > kNameMax) return HeaderId::kOther;
  const size_t id = kHash.id(name);
  if (kNames[id].size() != name.size() || !same_token(name, kNames[id])) return HeaderId::kOther;
  return HeaderId(id);
}

HeaderId look_alike_of(std::string_view name) {
  if (!may_be_like_a_row(name)) return HeaderId::kOther;
  const Letters letters(name);
  if (!letters.fits || letters.size < 2) return HeaderId::kOther;
  const size_t id = kLettersHash.id(letters);
  if (kLetters[id].size != letters.size || !same_token(letters, kLetters[id])) return HeaderId::kOther;
  return HeaderId(id);
}

bool reads_alike(std::string_view name, std::string_view other) {
  const auto next = [](std::string_view& text) {  // kAlphabet: none is left
    size_t place = kAlphabet;
    for (; !text.empty() && place == kAlphabet; text.remove_prefix(1)) place = place_of(text.front());
    return place;
  };
  for (;;) {
    const size_t place = next(name);
    if (place != next(other)) return false;
    if (place == kAlphabet) return true;
  }
}

std::string_view canonical_name(HeaderId id) {
  CHECK(size_t(id) < kNamesCount);
  return kNames[size_t(id)];
}

}  // namespace cardea::l7::http
