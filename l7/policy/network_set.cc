#include "l7/policy/network_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "l7/http/fields.h"

namespace cardea::l7::policy {

NetworkSet::Number NetworkSet::number(const IpAddress& address) {
  Number number = 0;
  for (const auto byte : address.bytes) number = number << 8 | uint8_t(byte);
  return number;
}

// IPv4 is mapped into IPv6, 96 bits further down.
NetworkSet::Range NetworkSet::range(const Prefix& network) {
  const unsigned length = network.length + (network.address.is_v4() ? 96u : 0u);
  const Number mask = length == 0 ? ~Number{0} : length == 128 ? Number{0} : ~Number{0} >> length;
  const Number first = number(network.address) & ~mask;
  return {first, first | mask};
}

NetworkSet::NetworkSet(std::vector<Prefix> networks) {
  std::array<std::vector<Range>, 2> all;
  for (const Prefix& network : networks) all[network.address.is_v4()].push_back(range(network));
  for (size_t family = 0; family < all.size(); ++family) {
    std::ranges::sort(all[family], {}, &Range::first);
    std::vector<Range>& joined = of_[family];
    for (const Range& next : all[family]) {
      const bool touches = !joined.empty() && (next.first <= joined.back().last || next.first - 1 == joined.back().last);
      if (touches) {
        joined.back().last = std::max(joined.back().last, next.last);
      } else {
        joined.push_back(next);
      }
    }
    joined.shrink_to_fit();
  }
}

bool NetworkSet::has(const IpAddress& address) const {
  const std::vector<Range>& ranges = of_[address.is_v4()];
  const Number asked = number(address);
  const auto behind = std::ranges::upper_bound(ranges, asked, {}, &Range::first);
  return behind != ranges.begin() && asked <= std::prev(behind)->last;
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
