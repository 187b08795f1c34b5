// The header Forwarded (RFC 7239), by which backends are told of a request's way in one place.
#pragma once

#include <cstdint>
#include <string_view>

#include "l7/http/headers.h"
#include "l7/http/serialise.h"

namespace cardea::l7::http {

// Left out; written anew; the peer put behind what it said, which is believed.
enum class ForwardedRule : uint8_t { kDrop, kWrite, kAppend };

struct ForwardedHop {
  std::string_view client, peer;  // addresses; an empty peer: the client itself
  std::string_view host, scheme;  // that the client asked for, and how; an empty host: it asked for none
};

// One line: "Forwarded: for=192.0.2.7;host=shop.example;proto=https, for=10.0.0.1". `before`: what the peer said; empty where it
// is not believed.
void write_forwarded(HeadWriter& out, const Headers* before, const ForwardedHop& hop);

}  // namespace cardea::l7::http
