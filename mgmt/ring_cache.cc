#include "mgmt/ring_cache.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace cardea::mgmt {
namespace {

// Only spreads entries over the map; equality is checked on the whole content.
uint64_t content_of(const RingRequest& request) {
  uint64_t content = request.size;
  for (const auto& member : request.members)
    content = (content ^ member.key ^ uint64_t{member.weight} << 17) * 0x9e3779b97f4a7c15ull + (content >> 29);
  return content;
}

Result<std::shared_ptr<const Ring>> build(const RingRequest& request) {
  auto slots = build_ring(request.members, request.size);
  if (!slots) return std::unexpected(std::move(slots.error()));
  auto ring = std::make_shared<Ring>();
  ring->slots_of.resize(request.members.size());
  for (const uint16_t member : *slots)
    if (member != kRingEmpty) ++ring->slots_of[member];
  ring->slots = std::move(*slots);
  return ring;
}

// Threads that pay: below a handful of rings starting one costs more than it brings.
size_t builders_for(size_t rings) {
  return std::clamp<size_t>(rings / 4, 1, std::max(1u, std::thread::hardware_concurrency()));
}

std::vector<Result<std::shared_ptr<const Ring>>> build_all(const std::vector<const RingRequest*>& requests) {
  std::vector<Result<std::shared_ptr<const Ring>>> built(requests.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i; (i = next.fetch_add(1)) < requests.size();) built[i] = build(*requests[i]);
  };
  std::vector<std::jthread> builders;
  for (size_t i = 1; i < builders_for(requests.size()); ++i) builders.emplace_back(work);
  work();
  builders.clear();  // joins
  return built;
}

}  // namespace

bool RingRequest::operator==(const RingRequest& other) const {
  return size == other.size && std::ranges::equal(members, other.members, [](const auto& a, const auto& b) {
           return a.key == b.key && a.weight == b.weight;
         });
}

RingCache::RingPointer RingCache::find(const RingRequest& request, uint64_t content) const {
  const auto [first, last] = rings_.equal_range(content);
  for (auto at = first; at != last; ++at)
    if (at->second.request == request) return at->second.ring;
  return nullptr;
}

Result<std::vector<RingCache::RingPointer>> RingCache::rings(std::span<const RingRequest> requests) {
  std::vector<uint64_t> contents(requests.size());
  std::unordered_multimap<uint64_t, const RingRequest*> distinct;
  std::vector<const RingRequest*> missing;
  for (size_t i = 0; i < requests.size(); ++i) {
    contents[i] = content_of(requests[i]);
    const auto [first, last] = distinct.equal_range(contents[i]);
    const bool asked = std::any_of(first, last, [&](const auto& other) { return *other.second == requests[i]; });
    if (asked || find(requests[i], contents[i])) continue;
    distinct.emplace(contents[i], &requests[i]);
    missing.push_back(&requests[i]);
  }
  auto built = build_all(missing);
  for (size_t i = 0; i < missing.size(); ++i) {
    if (!built[i]) return std::unexpected(std::move(built[i].error()));
    rings_.emplace(content_of(*missing[i]), Entry{*missing[i], *built[i]});
  }
  built_ += missing.size();
  std::vector<RingPointer> found(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) found[i] = find(requests[i], contents[i]);
  return found;
}

void RingCache::trim() {
  std::erase_if(rings_, [](const auto& entry) { return entry.second.ring.use_count() == 1; });
}

}  // namespace cardea::mgmt
