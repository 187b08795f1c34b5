// What a message says about its connection (RFC 9110 7.6 to 7.8, 10.1.1; RFC 9112 9): whether it stays open, which
// headers end here, whether the client waits for 100 Continue, whether it wants a WebSocket. Connection may name only
// headers that nobody but the next hop reads: a client must not be able to strip what authenticates, routes or frames
// its request.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string_view>

#include "l7/http/fault.h"
#include "l7/http/framing.h"
#include "l7/http/head.h"

namespace cardea::l7::http {

struct ConnectionOptions {
  static constexpr size_t kNamedMax = 16;
  bool close = false, keep_alive = false, upgrade = false;
  uint8_t named_count = 0;
  std::array<std::string_view, kNamedMax> named;  // headers that are in no row of header_names.def

  bool names(std::string_view header) const;
};

std::expected<ConnectionOptions, Fault> connection_options(const Headers& headers);

// Whether the sender of this head keeps the connection open behind it.
bool keeps_alive(Version version, const ConnectionOptions& options);
// The same for a backend, which must also have left nothing in doubt about where its response ended.
bool backend_keeps_alive(const ResponseHead& head, const ConnectionOptions& options, BodyFraming body);

// Whether a header ends at this hop. Framing is written anew, so its headers end here too.
bool is_hop_by_hop(const Header& header, const ConnectionOptions& options);

enum class Expectation : uint8_t { kNone, kContinue };
std::expected<Expectation, Fault> expectation(const RequestHead& head, BodyFraming body);

// A complete and unambiguous wish for a WebSocket (RFC 6455 4.1). Any other Upgrade is ignored and not forwarded: h2c
// would carry requests past this proxy.
bool wants_websocket(const RequestHead& head, const ConnectionOptions& options, BodyFraming body);
// Whether a 101 accepts it.
bool accepts_websocket(const ResponseHead& head, const ConnectionOptions& options);

}  // namespace cardea::l7::http
