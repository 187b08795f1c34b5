// Names of hosts as routing compares them: small letters, no trailing dot; and the patterns an operator writes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cardea::l7::route {

enum class HostRule : uint8_t { kExact, kWildcard, kAny };
std::string_view name(HostRule rule);  // "exact", "wildcard", "any"

struct HostPattern {
  HostRule rule = HostRule::kAny;
  std::string name;  // kWildcard: with its dot, ".example.com"; kAny: empty
};

// "shop.com", "*.shop.com", "*", "[2001:db8::1]" or "2001:db8::1"; in any case.
Result<HostPattern> parse_host_pattern(std::string_view text);

// A request's host made comparable, without allocation.
class HostName {
 public:
  explicit HostName(std::string_view host);  // longer than 255 bytes: empty, which only "any" matches
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, 256> text_;
  uint16_t size_ = 0;
};

}  // namespace cardea::l7::route
