// base64url as RFC 7515 2 has it: without padding, blanks or line ends, and each text in one spelling alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cardea::l7::policy {

// Nothing where it is no such text: so also where bits are set behind the last byte.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace cardea::l7::policy
