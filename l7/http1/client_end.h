// HTTP/1 towards a client: heads as text before the bytes of the body, and a connection that carries one exchange at a
// time, so that what is left of one decides whether another can follow.
#pragma once

#include "l7/proxy/client_end.h"
#include "l7/proxy/connection.h"

namespace cardea::l7::http1 {

class ClientEnd final : public proxy::ClientEnd {
 public:
  explicit ClientEnd(proxy::Connection& connection) : connection_(connection) {}

  Stream& stream() override { return connection_.stream(); }
  http::BodyFraming framing_of(const proxy::Exchange& exchange, http::BodyFraming response) const override;
  http::BodyFraming arriving(http::BodyFraming request) const override { return request; }
  bool hears_behind_end() const override { return false; }
  bool may_be_answered_by(const http::ResponseHead&) const override { return true; }  // it sees for itself
  void drop_body(proxy::Exchange& exchange) override;
  bool ends_with(const proxy::Exchange& exchange, http::BodyKind out) const override;
  void cut(const proxy::Exchange& exchange) override;
  std::string_view trailers(const proxy::Exchange& exchange) const override;
  bool takes_trailers(const proxy::Exchange& exchange) const override;
  std::string_view last(proxy::Exchange& exchange, std::string_view trailers) override;
  Result<std::string_view> write_head(std::span<char> into, const http::ResponseHead& head,
                                      const http::ResponseEdit& edit) override;
  Result<std::string_view> write_reply(std::span<char> into, const http::Reply& reply) override;

 private:
  proxy::Connection& connection_;
};

}  // namespace cardea::l7::http1
