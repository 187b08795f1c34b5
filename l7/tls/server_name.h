// The name in a client's server_name extension, read before OpenSSL reads it: which certificate answers must be known
// before a session is resumed, because a session belongs to what made it.
#pragma once

#include <string_view>

namespace cardea::l7::tls {

// `extension`: its data as on the wire (RFC 6066 3). Empty: no host name in it, or nothing that OpenSSL will accept.
std::string_view host_name_of(std::string_view extension);

}  // namespace cardea::l7::tls
