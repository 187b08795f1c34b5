// Host and port of a target or a Host header (RFC 3986 3.2, less what no site uses: user information, percent-encoding
// and zones). What passes here may be looked up, logged and sent on as it is.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "l7/http/head.h"

namespace cardea::l7::http {

// Nothing for an empty or malformed one.
std::optional<Authority> parse_authority(std::string_view text);

// A host and its port in the one spelling that is sent to backends and looked up in caches: small letters, no final dot,
// no port where it is the scheme's own (RFC 3986 6.2.2, 6.2.3). Whatever spelling a client chooses, its backend sees what
// it sees of every other client of that host.
class HostText {
 public:
  HostText(const Authority& authority, std::string_view scheme);  // an empty authority: empty
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 264> text_;
  size_t size_;
};

}  // namespace cardea::l7::http
