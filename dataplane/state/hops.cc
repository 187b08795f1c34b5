// Prefixes to disjoint ranges: at each address where any prefix starts or ends, the longest one open there decides.
#include "dataplane/state/hops.h"

#include <algorithm>
#include <optional>

namespace cardea::dataplane {
namespace {

using Key = std::array<uint8_t, 16>;

struct Span {
  Key first, last;
  uint8_t length;
  HopId hop;
};

Span span_of(const Route& route) {
  const unsigned bits = route.prefix.length + (route.prefix.address.is_v4() ? 96u : 0u);
  Span span{route.prefix.address.bytes, route.prefix.address.bytes, uint8_t(bits), route.hop};
  for (unsigned bit = bits; bit < 128; ++bit) {
    const auto mask = uint8_t(0x80 >> bit % 8);
    span.first[bit / 8] &= uint8_t(~mask);
    span.last[bit / 8] |= mask;
  }
  return span;
}

std::optional<Key> after(Key key) {
  for (int i = 15; i >= 0; --i)
    if (++key[size_t(i)] != 0) return key;
  return std::nullopt;
}

// `spans` sorted by first address, shorter prefixes first: nested spans form a stack.
template <typename Put>
void flatten(const std::vector<Span>& spans, Put&& put) {
  std::vector<const Span*> open;
  auto close_until = [&](const Key* limit) {
    while (!open.empty() && (limit == nullptr || open.back()->last < *limit)) {
      const std::optional<Key> next = after(open.back()->last);
      open.pop_back();
      if (next) put(*next, open.empty() ? kNoHop : open.back()->hop);
    }
  };
  for (const Span& span : spans) {
    close_until(&span.first);
    if (!open.empty() && open.back()->first == span.first && open.back()->length == span.length) continue;
    put(span.first, span.hop);
    open.push_back(&span);
  }
  close_until(nullptr);
}

std::vector<Span> sorted_spans(std::span<const Route> routes, bool v4) {
  std::vector<Span> spans;
  for (const Route& route : routes)
    if (route.prefix.address.is_v4() == v4) spans.push_back(span_of(route));
  std::ranges::stable_sort(
      spans, [](const Span& a, const Span& b) { return a.first != b.first ? a.first < b.first : a.length < b.length; });
  return spans;
}

}  // namespace

Routes::Routes(std::span<const Route> routes) {
  flatten(sorted_spans(routes, true), [&](const Key& first, HopId hop) {
    if (!IpAddress{first}.is_v4()) return;  // one past 255.255.255.255
    const uint32_t start = IpAddress{first}.v4_host_order();
    if (!v4_.empty() && v4_.back().first == start) v4_.pop_back();
    v4_.push_back({start, hop});
  });
  flatten(sorted_spans(routes, false), [&](const Key& first, HopId hop) {
    if (!v6_.empty() && v6_.back().first == first) v6_.pop_back();
    v6_.push_back({first, hop});
  });
}

HopId Routes::lookup(const IpAddress& address) const {
  if (address.is_v4()) {
    const auto it = std::ranges::upper_bound(v4_, address.v4_host_order(), {}, &Range4::first);
    return it == v4_.begin() ? kNoHop : std::prev(it)->hop;
  }
  const auto it = std::ranges::upper_bound(v6_, address.bytes, {}, &Range6::first);
  return it == v6_.begin() ? kNoHop : std::prev(it)->hop;
}

}  // namespace cardea::dataplane
