// The head of a request in HTTP/1, as this proxy writes it, as the fields of a header block (RFC 9113 8.3.1): the other
// way round than request_text.h.
#pragma once

#include <nghttp2/nghttp2.h>

#include <span>
#include <vector>

namespace cardea::l7::http2 {

class RequestFields {
 public:
  // `head`: from the request line to the empty line; its names become lower case where they are. The fields point into
  // it, and are valid until the next call; the first is :method.
  struct Hop {
    bool secure = false;    // TLS to the backend
    bool trailers = false;  // "te: trailers", which gRPC asks for (RFC 9110 10.1.4)
    bool websocket = false;  // which it is asked for by extended CONNECT (RFC 8441 4, 5)
  };
  std::span<const nghttp2_nv> of(std::span<char> head, Hop hop);

 private:
  std::vector<nghttp2_nv> all_;
};

}  // namespace cardea::l7::http2
