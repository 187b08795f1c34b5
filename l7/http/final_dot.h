// Names as TLS has them.
#pragma once

#include <string_view>

namespace cardea::l7::http {

// The host as a certificate and SNI have it: without the dot that only says that a name is whole (RFC 6066 3).
inline std::string_view without_final_dot(std::string_view host) {
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

}  // namespace cardea::l7::http
