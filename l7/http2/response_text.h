// A response's header block as the head of the same response in HTTP/1.1, to be read by the strict parser of HTTP/1
// (http/parse_head.h), as request_text.h does for requests.
#pragma once

#include <string>

#include "l7/http/fault.h"
#include "l7/http2/header_block.h"

namespace cardea::l7::http2 {

struct ResponseKind {
  bool ended = false;      // nothing follows the block
  bool head_only = false;  // nor would it, whatever the block says of a length: it was asked for by HEAD
  // Asked for was a WebSocket: any success opens it (RFC 8441 5), as 101 does in HTTP/1, with this as what fits the key.
  std::string_view websocket_accept{};
};

// Replaces `into`. A body without a length is told by what is not there: it lasts as long as its stream.
http::Fault write_response_text(std::string& into, const HeaderBlock& block, ResponseKind kind);

}  // namespace cardea::l7::http2
