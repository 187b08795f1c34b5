// A request's header block as the head of the same request in HTTP/1.1, to be read by the strict parser of HTTP/1
// (http/parse_head.h): every rule about heads has one place, and nothing goes on that a reader of HTTP/1 could frame in
// two ways. The session (nghttp2) has refused what RFC 9113 8.2 and 8.3 call malformed; what is left to say is said
// here.
#pragma once

#include <expected>
#include <span>
#include <string_view>

#include "l7/http/fault.h"
#include "l7/http2/header_block.h"
#include "l7/http2/websocket_key.h"

namespace cardea::l7::http2 {

// Room that is always enough for write_request_text.
size_t request_text_max(const HeaderBlock& block);

// The target is in absolute form, so that scheme and authority are judged as a proxy's are; Host comes first, cookies
// are one line (RFC 9113 8.2.3). `ended`: no body follows; else a body without a length is chunked for who reads it
// next (RFC 9112 6.3). A WebSocket's opening (RFC 8441 4) becomes that of HTTP/1, asked for with the key that
// `websocket` makes.
std::expected<std::string_view, http::Fault> write_request_text(std::span<char> into, const HeaderBlock& block,
                                                                bool ended, WebsocketKey* websocket = nullptr);

}  // namespace cardea::l7::http2
