// Which rules of a web application firewall are meant: "942100", or "942000-942999", read alike by the check and cardea-l7.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cardea {

struct RuleIds {
  uint32_t first = 0, last = 0;
};

inline std::optional<RuleIds> read_rule_ids(std::string_view text) {
  constexpr uint32_t kMax = 0x7fffffff;
  const auto number = [](std::string_view digits) -> std::optional<uint32_t> {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value == 0 || value > kMax) return {};
    return value;
  };
  const size_t dash = text.find('-');
  const auto first = number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
  if (!first || !last || *last < *first) return {};
  return RuleIds{*first, *last};
}

}  // namespace cardea
