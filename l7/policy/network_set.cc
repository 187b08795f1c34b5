#include "l7/policy/network_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "l7/http/fields.h"
#include "l7/policy/address_number.h"

namespace cardea::l7::policy {

namespace {

template <typename Number>
typename RangeSet<Number>::Range range_of(Number address, unsigned length) {
  const auto rest = behind_prefix<Number>(length);
  return {Number(address & Number(~rest)), Number(address | rest)};
}

}  // namespace

template <typename Number>
RangeSet<Number>::RangeSet(std::vector<Range> ranges) {
  std::ranges::sort(ranges, {}, &Range::first);
  for (const Range& next : ranges) {
    const bool touches = !ranges_.empty() && (next.first <= ranges_.back().last || next.first - 1 == ranges_.back().last);
    if (touches) {
      ranges_.back().last = std::max(ranges_.back().last, next.last);
    } else {
      ranges_.push_back(next);
    }
  }
  ranges_.shrink_to_fit();
  uint32_t at = 0;
  for (uint32_t top = 0; top <= 0xffff; ++top) {
    while (at < ranges_.size() && (ranges_[at].last >> kShift) < top) ++at;
    from_.push_back(at);
  }
  from_.push_back(uint32_t(ranges_.size()));
}

// The last of those that begin at or before it is the one it may be in.
template <typename Number>
bool RangeSet<Number>::has(Number asked) const {
  if (ranges_.empty()) return false;
  const auto top = size_t(asked >> kShift);
  const auto first = ranges_.begin() + from_[top];
  // The first of those that end behind these bits may begin within them.
  const auto end = ranges_.begin() + std::min<size_t>(from_[top + 1] + 1, ranges_.size());
  const auto behind = std::ranges::upper_bound(first, end, asked, {}, &Range::first);
  return behind != first && asked <= std::prev(behind)->last;
}

template class RangeSet<uint32_t>;
template class RangeSet<V6Number>;

NetworkSet::NetworkSet(const std::vector<Prefix>& networks) {
  std::vector<RangeSet<uint32_t>::Range> v4;
  std::vector<RangeSet<V6Number>::Range> v6;
  for (const Prefix& network : networks) {
    const V6Number number = number_of(network.address);
    if (network.address.is_v4()) {
      v4.push_back(range_of(uint32_t(number), network.length));
    } else {
      v6.push_back(range_of(number, network.length));
    }
  }
  if (!v4.empty()) v4_ = RangeSet<uint32_t>(std::move(v4));
  if (!v6.empty()) v6_ = RangeSet<V6Number>(std::move(v6));
}

bool NetworkSet::has(const IpAddress& address) const {
  const V6Number number = number_of(address);
  return address.is_v4() ? v4_.has(uint32_t(number)) : v6_.has(number);
}

Result<std::vector<Prefix>> read_networks(std::string_view text) {
  std::vector<Prefix> networks;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    word = word.substr(0, word.find_first_of("#;\r"));
    word = http::trim(word);
    if (word.empty()) continue;
    if (const auto network = Prefix::parse(word)) {
      networks.push_back(*network);
    } else if (const auto lone = IpAddress::parse(word)) {
      networks.push_back({*lone, uint8_t(lone->is_v4() ? 32 : 128)});
    } else {
      return fail(fmt::format("line {}: \"{}\" is neither a network nor an address", line, word.substr(0, 64)));
    }
  }
  return networks;
}

}  // namespace cardea::l7::policy
