// The header Forwarded (RFC 7239), by which backends are told of a request's way in one place. It is written anew: of what came,
// what is believed of the client is in it, and nothing that a stranger wrote further left.
#pragma once

#include <string_view>

#include "l7/http/serialise.h"

namespace cardea::l7::http {

struct ForwardedHop {
  std::string_view client, peer;  // addresses; an empty peer: the client itself
  std::string_view host, scheme;  // that the client asked for, and how; an empty host: it asked for none
};

// One line: "Forwarded: for=192.0.2.7;host=shop.example;proto=https, for=10.0.0.1".
void write_forwarded(HeadWriter& out, const ForwardedHop& hop);

}  // namespace cardea::l7::http
