#include "l7/http2/client_end.h"

namespace cardea::l7::http2 {
namespace {

bool has_body(const http::ResponseHead& head, const http::ResponseEdit& edit) {
  if (edit.method == http::Method::kHead || head.status == 204 || head.status == 304) return false;
  return edit.body != http::BodyFraming{} && edit.body != http::BodyFraming{http::BodyKind::kLength};
}

// A WebSocket that stands is a 200 (RFC 8441 5); what it was asked for with stays on the other hop.
http::ResponseHead as_success(http::ResponseHead head) {
  head.status = 200;
  head.reason = {};
  return head;
}

std::span<char> writable(std::span<char> into, std::string_view written) {
  return into.first(written.size());
}

}  // namespace

// Where a body of unknown length ends, END_STREAM says.
http::BodyFraming ClientEnd::framing_of(const proxy::Exchange&, http::BodyFraming response) const {
  return response.kind == http::BodyKind::kChunked ? http::BodyFraming{http::BodyKind::kUntilClose} : response;
}

http::BodyFraming ClientEnd::arriving(http::BodyFraming request) const {
  return request.kind == http::BodyKind::kChunked ? http::BodyFraming{http::BodyKind::kUntilClose} : request;
}

void ClientEnd::cut(const proxy::Exchange&) {
  stream_.reset(NGHTTP2_INTERNAL_ERROR);
}

Result<std::string_view> ClientEnd::write_head(std::span<char> into, const http::ResponseHead& head,
                                               const http::ResponseEdit& edit) {
  const bool upgraded = head.status == 101;
  const auto text = http::write_response(into, upgraded ? as_success(head) : head, edit);
  if (!text) return text;
  const auto fields = fields_.of(writable(into, *text));
  if (upgraded) {
    stream_.send_response(fields, true);
    stream_.tell_end_again();
  } else if (head.status < 200) {
    stream_.send_informational(fields);
  } else {
    stream_.send_response(fields, has_body(head, edit));
  }
  return text->substr(0, 0);  // it was sent, and its memory may be given back
}

Result<std::string_view> ClientEnd::write_reply(std::span<char> into, const http::Reply& reply) {
  const auto text = http::write_reply(into, reply);
  if (!text) return text;
  const size_t head = text->find("\r\n\r\n") + 4;
  const std::string_view body = text->substr(head);
  stream_.send_response(fields_.of(into.first(head)), !body.empty());
  return body;
}

}  // namespace cardea::l7::http2
