#include "base/maglev.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/maglev_fill.h"

namespace cardea {
namespace {

constexpr uint32_t kSizeMin = 251, kSizeMax = 5'000'011;

bool is_prime(uint32_t n) {
  if (n < 2 || n % 2 == 0) return n == 2;
  for (uint32_t d = 3; d <= n / d; d += 2)
    if (n % d == 0) return false;
  return true;
}

// Steele, Lea and Flood 2014 (SplitMix64's finalizer): one key gives offset and skip that have nothing in common.
uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

maglev::Walk walk_of(uint64_t key, uint32_t size) {
  return {share_of(mix(key), size), 1 + share_of(mix(key + 0x9e3779b97f4a7c15ull), size - 1)};
}

Result<> check(std::span<const RingMember> members, uint32_t size) {
  if (size < kSizeMin || size > kSizeMax || !is_prime(size))
    return fail(fmt::format("a ring of {} slots cannot be built: the size has to be a prime from {} to {}", size,
                            kSizeMin, kSizeMax),
                Origin::kOperator);
  if (members.size() > kRingBackendsMax)
    return fail(fmt::format("{} backends do not fit in one ring: at most {}", members.size(), kRingBackendsMax),
                Origin::kOperator);
  return {};
}

// Indices in the order of their keys.
Result<std::vector<uint16_t>> sort_by_key(std::span<const RingMember> members) {
  std::vector<uint16_t> sorted(members.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  const auto key = [&](uint16_t i) { return members[i].key; };
  std::ranges::sort(sorted, {}, key);
  if (const auto twice = std::ranges::adjacent_find(sorted, {}, key); twice != sorted.end())
    return fail(fmt::format("two backends of a ring have the same key {:016x}: give them different names", key(*twice)),
                Origin::kOperator);
  return sorted;
}

}  // namespace

uint64_t ring_member_key(HashKey key, std::string_view backend_name) {
  flow_hash_detail::Sip sip(key);
  uint64_t last = uint64_t{backend_name.size()} << 56;
  for (; backend_name.size() >= 8; backend_name.remove_prefix(8)) sip.add(load_native<uint64_t>(backend_name.data()));
  for (size_t i = 0; i < backend_name.size(); ++i) last |= uint64_t{uint8_t(backend_name[i])} << 8 * i;
  sip.add(last);
  return sip.finish();
}

Result<std::vector<uint16_t>> build_ring(std::span<const RingMember> members, uint32_t size) {
  if (auto good = check(members, size); !good) return std::unexpected(std::move(good.error()));
  auto sorted = sort_by_key(members);
  if (!sorted) return sorted;
  std::erase_if(*sorted, [&](uint16_t i) { return members[i].weight == 0; });
  if (sorted->empty()) return std::vector<uint16_t>(size, kRingEmpty);

  std::vector<maglev::Walk> walks;
  std::vector<uint32_t> weights;
  for (const uint16_t i : *sorted) {
    walks.push_back(walk_of(members[i].key, size));
    weights.push_back(members[i].weight);
  }
  std::vector<uint16_t> ring = maglev::fill(walks, maglev::turns(weights, size));
  for (uint16_t& slot : ring) slot = (*sorted)[slot];
  return ring;
}

}  // namespace cardea
