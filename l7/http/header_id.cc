#include "l7/http/header_id.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"

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

struct PerfectHash {
  uint64_t multiplier = 0;
  std::array<uint8_t, size_t{1} << kSlotBits> ids{};
};

constexpr bool fill(PerfectHash& hash) {
  hash.ids = {};
  for (size_t id = 1; id < kNamesCount; ++id) {
    uint8_t& slot = hash.ids[slot_of(kNames[id], hash.multiplier)];
    if (slot != 0) return false;
    slot = uint8_t(id);
  }
  return true;
}

// Tries odd multipliers from a Weyl sequence until no two names meet; about thirty tries for fifty names.
consteval PerfectHash search() {
  PerfectHash hash;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    hash.multiplier = (seed * 0x9e3779b97f4a7c15ull ^ seed << 7) | 1;
    if (fill(hash)) return hash;
  }
  return {};
}
constexpr PerfectHash kHash = search();
static_assert(kHash.multiplier != 0,
              "no perfect hash found: two names share length and all four bytes, or kSlotBits is too small");
static_assert(std::ranges::all_of(kNames, [](std::string_view name) { return name.size() <= kNameMax; }));

// Rows hold letters, digits and hyphens; no other token byte becomes one of these by setting bit 5, so setting it in
// both is an exact comparison without case.
bool same_token(std::string_view a, std::string_view row) {
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

}  // namespace

HeaderId header_id(std::string_view name) {
  if (name.size() < 2 || name.size() > kNameMax) return HeaderId::kOther;
  const uint8_t id = kHash.ids[slot_of(name, kHash.multiplier)];
  if (kNames[id].size() != name.size() || !same_token(name, kNames[id])) return HeaderId::kOther;
  return HeaderId(id);
}

HeaderId look_alike_of(std::string_view name) {
  if (name.size() > kNameMax || name.find('_') == name.npos) return HeaderId::kOther;
  char hyphens[kNameMax];
  std::ranges::transform(name, hyphens, [](char c) { return c == '_' ? '-' : c; });
  return header_id({hyphens, name.size()});
}

std::string_view canonical_name(HeaderId id) {
  CHECK(size_t(id) < kNamesCount);
  return kNames[size_t(id)];
}

}  // namespace cardea::l7::http
