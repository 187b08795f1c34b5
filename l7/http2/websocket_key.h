// What a WebSocket that is opened by HTTP/2 is asked for with as the rooms know it, by HTTP/1: the key is ours, and so
// is the look at its answer (RFC 8441 5, RFC 6455 4.1).
#pragma once

#include <string>
#include <string_view>

#include "l7/http/head.h"

namespace cardea::l7::http2 {

// Sec-WebSocket-Accept for a key (RFC 6455 4.2.2).
std::string accept_of(std::string_view key);

class WebsocketKey {
 public:
  std::string_view make();
  // A 101 has to have looked at the key, and another success is none: the client would take it for the WebSocket's.
  // Without a key nothing was asked, and everything answers.
  bool is_answered_by(const http::ResponseHead& head) const;

 private:
  std::string key_;
};

}  // namespace cardea::l7::http2
