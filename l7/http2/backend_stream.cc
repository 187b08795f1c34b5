#include "l7/http2/backend_stream.h"

#include "l7/http2/client.h"
#include "l7/http2/websocket_key.h"

namespace cardea::l7::http2 {

BackendStream::BackendStream(Client& client, proxy::Buffers& buffers, const Stream& connection)
    : CallStream(client.session, 0, buffers, connection), client_(client) {}

BackendStream::~BackendStream() {
  give_up();
}

void BackendStream::give_up() {
  if (id_ > 0) reset(NGHTTP2_CANCEL);
}

void BackendStream::send_request(std::span<char> head, const Request& request) {
  const bool websocket = !request.websocket_key.empty(), body = request.body || websocket;
  if (websocket) websocket_accept_ = accept_of(request.websocket_key);
  const auto fields =
      client_.fields.of(head, {.secure = client_.secure, .trailers = request.trailers, .websocket = websocket});
  head_only_ = fields[0].valuelen == 4 && std::string_view(reinterpret_cast<char*>(fields[0].value), 4) == "HEAD";
  id_ = client_.ended ? 0 : session_.request(fields, body, this);
  finished_ = !body;
  if (id_ > 0) return client_.began(*this);
  unprocessed_ = true;
  break_off();
}

void BackendStream::received_head(std::string_view text) {
  if (broken_) return;
  if (text_left() + text.size() > client_.head_bytes_max + kUnreadTextMax) {
    malformed_ = "unread_heads";
    return reset(NGHTTP2_ENHANCE_YOUR_CALM);
  }
  if (!put_text(text)) run_short();
}

// Whose response is whole is read to its end, however its request ended.
void BackendStream::session_closed(uint32_t code) {
  gone_ = true;
  unlink();
  if (broken_) return;
  if (input_ended_) return wake(Direction::kWrite);
  unprocessed_ = !left_ || code == NGHTTP2_REFUSED_STREAM;
  break_off();
}

}  // namespace cardea::l7::http2
