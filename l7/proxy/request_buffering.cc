#include "l7/proxy/request_buffering.h"

#include "l7/proxy/exchange.h"
#include "l7/proxy/hold_body.h"

namespace cardea::l7::proxy {
namespace {

// It would be held in vain.
bool goes_on_as_it_comes(const Exchange& x, size_t bytes) {
  const http::BodyFraming body = x.admitted.body;
  return is_stream(x) || (body.kind == http::BodyKind::kLength && body.length > bytes);
}

}  // namespace

Task<Failure> buffer_request(Exchange& x, size_t bytes) {
  if (!has_body(x)) co_return Failure{};
  Gathered body;
  if (!goes_on_as_it_comes(x, bytes)) body = co_await gather_body(x, bytes, HoldIn::kSpare);
  if (body.failure && !body.failure.is(Reason::kMemory)) co_return body.failure;
  count(x.shard(), body.whole ? x.service.rows.bodies_buffered : x.service.rows.bodies_unbuffered);
  co_return Failure{};
}

}  // namespace cardea::l7::proxy
