#include "l7/http1/client_end.h"

#include "l7/proxy/exchange.h"
#include "l7/proxy/trailers.h"

namespace cardea::l7::http1 {

using proxy::Exchange;

http::BodyFraming ClientEnd::framing_of(const Exchange& x, http::BodyFraming response) const {
  return http::framing_towards(response, x.head.version);
}

// As far as the body is here: it is not waited for.
void ClientEnd::drop_body(Exchange& x) {
  proxy::Input& input = x.caller.input;
  if (x.upload.complete || x.upload.under_way || !x.framed) return;
  for (;;) {
    const http::BodyStep step = x.upload.reader.next(input.left());
    input.at += step.consumed;
    x.upload.complete = step.state == http::BodyStep::State::kEnd;
    if (step.state == http::BodyStep::State::kTrailers) continue;
    x.upload.body_bytes += step.data.size();
    const bool more = step.state == http::BodyStep::State::kNeedMore && input.empty() && proxy::take_held(x);
    if (step.state != http::BodyStep::State::kData && !more) return;
  }
}

bool ClientEnd::ends_with(const Exchange& x, http::BodyKind out) const {
  return !x.framed || !x.admitted.keep_alive || !x.upload.complete || out == http::BodyKind::kUntilClose ||
         x.caller.leaves() || x.caller.lost_own();
}

// Where the end of the connection would pass for the end of the body, only a reset tells; and who did not take what it
// was sent is not left with it either.
void ClientEnd::cut(const Exchange& x) {
  if (x.answer.until_close || x.failure.origin == Origin::kClient) stream().close(Close::kReset);
}

std::string_view ClientEnd::trailers(const Exchange& x) const {
  return x.upload.trailers.lines();
}

// Who did not ask for trailers may take them for anything (RFC 9110 6.5.1).
bool ClientEnd::takes_trailers(const Exchange& x) const {
  return x.answer.chunked && x.wants_trailers;
}

std::string_view ClientEnd::last(Exchange& x, std::string_view trailers) {
  return x.answer.chunked ? proxy::last_chunk(x, trailers) : std::string_view();
}

Result<std::string_view> ClientEnd::write_head(std::span<char> into, const http::ResponseHead& head,
                                               const http::ResponseEdit& edit) {
  return http::write_response(into, head, edit);
}

Result<std::string_view> ClientEnd::write_reply(std::span<char> into, const http::Reply& reply) {
  return http::write_reply(into, reply);
}

}  // namespace cardea::l7::http1
