// A response's head in HTTP/1.1, as http/edit.h and http/reply_text.h write it, as the fields of a header block: names
// in lower case, the status as a pseudo-header field, and nothing that is about a connection (RFC 9113 8.2.2, 8.3.2).
#pragma once

#include <nghttp2/nghttp2.h>

#include <span>
#include <string_view>
#include <vector>

namespace cardea::l7::http2 {

class ResponseFields {
 public:
  // `head`: from the status line to the empty line; its names become lower case where they are. The fields point into
  // it, and are valid until the next call.
  std::span<const nghttp2_nv> of(std::span<char> head);

 private:
  std::vector<nghttp2_nv> all_;
};

}  // namespace cardea::l7::http2
