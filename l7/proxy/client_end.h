// An exchange's end towards its client, in the words of the client's protocol: heads, our own answers, and what becomes
// of the connection. Bytes of bodies travel on the stream, in the framing that is asked for here.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "l7/http/edit.h"
#include "l7/http/framing.h"
#include "l7/http/reply_text.h"
#include "l7/runtime/stream.h"

namespace cardea::l7::proxy {

class Exchange;

class ClientEnd {
 public:
  virtual ~ClientEnd() = default;

  // The request's body and the response's.
  virtual Stream& stream() = 0;

  // How a response's body that came in this framing goes on.
  virtual http::BodyFraming framing_of(const Exchange& exchange, http::BodyFraming response) const = 0;
  // How the request's body arrives, that goes on in this framing.
  virtual http::BodyFraming arriving(http::BodyFraming request) const = 0;
  // Behind the end of the request the client can still be heard to go.
  virtual bool hears_behind_end() const = 0;
  // Whether the backend's head is an answer that the client can be given to what it asked.
  virtual bool may_be_answered_by(const http::ResponseHead& head) const = 0;
  // So much of the request's body was taken by its backend.
  virtual void body_went_on(size_t) {}
  // Nobody wants the rest of the request's body, so that the connection may go on behind it.
  virtual void drop_body(Exchange& exchange) = 0;
  // Whether the connection ends behind a response of this framing.
  virtual bool ends_with(const Exchange& exchange, http::BodyKind out) const = 0;
  // The client saw a part of the response and gets no more: it must not take that for all.
  virtual void cut(const Exchange& exchange) = 0;

  // Behind the request's body, as lines that came; empty: none.
  virtual std::string_view trailers(const Exchange& exchange) const = 0;
  // Whether the response, as it goes out, can have any, and the client knows what to do with them.
  virtual bool takes_trailers(const Exchange& exchange) const = 0;
  // It was ended for want of memory.
  virtual bool ran_short() const { return false; }
  // What has to be written behind the response's body; `trailers` are none where it takes none.
  virtual std::string_view last(Exchange& exchange, std::string_view trailers) = 0;

  // Both return what has to be written to the stream before the body, in `into`.
  virtual Result<std::string_view> write_head(std::span<char> into, const http::ResponseHead& head,
                                              const http::ResponseEdit& edit) = 0;
  virtual Result<std::string_view> write_reply(std::span<char> into, const http::Reply& reply) = 0;
};

}  // namespace cardea::l7::proxy
