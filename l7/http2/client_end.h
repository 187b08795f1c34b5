// HTTP/2 towards a client: heads as header blocks, bodies as DATA of the call's own stream. What one call comes to says
// nothing about the connection.
#pragma once

#include "l7/http2/call_stream.h"
#include "l7/http2/response_fields.h"
#include "l7/http2/websocket_key.h"
#include "l7/proxy/client_end.h"

namespace cardea::l7::http2 {

class ClientEnd final : public proxy::ClientEnd {
 public:
  // `fields` is the connection's: heads are made one at a time.
  ClientEnd(CallStream& stream, ResponseFields& fields) : stream_(stream), fields_(fields) {}

  // What its backend is asked with, where the call is a WebSocket.
  WebsocketKey& websocket() { return websocket_; }

  Stream& stream() override { return stream_; }
  http::BodyFraming framing_of(const proxy::Exchange& exchange, http::BodyFraming response) const override;
  http::BodyFraming arriving(http::BodyFraming request) const override;
  bool hears_behind_end() const override { return true; }
  bool may_be_answered_by(const http::ResponseHead& head) const override { return websocket_.is_answered_by(head); }
  void body_went_on(size_t bytes) override { stream_.went_on(bytes); }
  void drop_body(proxy::Exchange&) override {}
  bool ends_with(const proxy::Exchange&, http::BodyKind) const override { return false; }
  void cut(const proxy::Exchange& exchange) override;
  std::string_view trailers(const proxy::Exchange&) const override { return stream_.trailers(); }
  bool takes_trailers(const proxy::Exchange&) const override { return true; }
  bool ran_short() const override { return stream_.ran_short(); }
  std::string_view last(proxy::Exchange&, std::string_view trailers) override {
    stream_.send_trailers(trailers);
    return {};
  }
  Result<std::string_view> write_head(std::span<char> into, const http::ResponseHead& head,
                                      const http::ResponseEdit& edit) override;
  Result<std::string_view> write_reply(std::span<char> into, const http::Reply& reply) override;

 private:
  CallStream& stream_;
  ResponseFields& fields_;
  WebsocketKey websocket_;
};

}  // namespace cardea::l7::http2
