// A call of a backend as a connection to a backend that speaks HTTP/1 would be read and written: the heads of its
// response come as text for the strict parser (response_text.h), its body as it is, and its end is the stream's. The
// request's head is sent as fields, its body is what is written, and shutdown_write() its end.
#pragma once

#include "l7/http2/call_stream.h"
#include "l7/runtime/intrusive_list.h"

namespace cardea::l7::http2 {

struct Client;

class BackendStream final : public CallStream, public Link {
 public:
  BackendStream(Client& client, proxy::Buffers& buffers, const Stream& connection);
  ~BackendStream() override;

  struct Request {
    bool body = false;               // else nothing may be written
    bool trailers = false;           // whoever asks knows what to do with them
    std::string_view websocket_key;  // what is asked for is a WebSocket, with this key; empty: it is not
  };
  // `head`: in HTTP/1, its names become lower case where they are. A WebSocket is asked for as RFC 8441 has it; where the
  // backend opens it, its answer reads as the 101 of HTTP/1 that fits the key.
  void send_request(std::span<char> head, const Request& request);
  // Nobody wants what is left of it.
  void give_up();
  bool asks_for_head_only() const { return head_only_; }
  // Of the WebSocket that is asked for; empty: none is.
  std::string_view websocket_accept() const { return websocket_accept_; }

  // The backend has not acted on it, and it may be asked again: it never left, or the backend said so (RFC 9113 8.7).
  bool unprocessed() const { return unprocessed_; }
  // It was this call that the backend broke off, not its connection.
  bool was_reset() const { return was_reset_; }
  // What was wrong with what it answered; empty: nothing.
  std::string_view malformed() const { return malformed_; }

  // From the session.
  void received_head(std::string_view text);
  void session_closed(uint32_t code) override;
  void request_left() { left_ = true; }
  void backend_reset() { was_reset_ = true; }
  void is_malformed(std::string_view why) { malformed_ = why; }

 private:
  // Heads before the final one that nobody read yet.
  static constexpr size_t kUnreadTextMax = 16 * 1024;

  Client& client_;
  std::string_view malformed_;
  std::string websocket_accept_;
  bool head_only_ = false, left_ = false, unprocessed_ = false, was_reset_ = false;
};

}  // namespace cardea::l7::http2
