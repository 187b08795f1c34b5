// What a route answers by itself: where the client is sent, or what stands in the plan. It goes out as a stored
// response does, in the client's framing, with the rest of a request's body treated as behind any answer of ours.
#include <algorithm>

#include "l7/http/edit.h"
#include "l7/proxy/exchange.h"
#include "l7/route/location.h"

namespace cardea::l7::proxy {
namespace {

constexpr size_t kAddedBytes = 512;  // to a head, at most

struct Fixed {
  http::ResponseHead head;
  std::string_view body;
};

// One header, its name and value as a line of the arena's.
void add(Exchange& x, http::Headers& headers, http::HeaderId id, std::string_view name, std::string_view value) {
  const size_t size = name.size() + 2 + value.size() + 2;
  char* const line = x.arena().characters(size);
  char* at = std::ranges::copy(name, line).out;
  at = std::ranges::copy(std::string_view(": "), at).out;
  at = std::ranges::copy(value, at).out;
  std::ranges::copy(std::string_view("\r\n"), at);
  headers.add(id, {line, name.size()}, {line + name.size() + 2, value.size()});
}

void fill(Exchange& x, const route::Redirect& redirect, Fixed& fixed) {
  const route::Target target{x.head, x.caller.tls ? "https" : "http", x.admitted.path, x.admitted.match.prefix()};
  const size_t room = location_size(redirect, target);
  fixed.head.status = redirect.status;
  add(x, fixed.head.headers, http::HeaderId::kLocation, "Location",
      write_location({x.arena().characters(room), room}, redirect, target));
}

void fill(Exchange& x, const route::Respond& respond, Fixed& fixed) {
  fixed.head.status = respond.status;
  if (!respond.content_type.empty() && !respond.body.empty())
    add(x, fixed.head.headers, http::HeaderId::kContentType, "Content-Type", respond.content_type);
  fixed.body = respond.body;
}

void fill(Exchange&, const route::Proxy&, Fixed&) {}  // a backend answers

std::string_view write_head(Exchange& x, const Fixed& fixed) {
  const uint16_t status = fixed.head.status;
  const bool bodiless = status == 204 || status == 304;
  const http::ResponseEdit edit{
      .body = bodiless ? http::BodyFraming{} : http::BodyFraming{http::BodyKind::kLength, fixed.body.size()},
      .options = {},
      .method = x.head.method,
      .client_version = x.head.version,
      .close = x.close,
      .via = {},
      .date = x.shard().date(x.record.unix_ms / 1000)};
  size_t room = kAddedBytes;
  for (const http::Header& header : fixed.head.headers) room += header.line().size();
  const auto written = x.end().write_head({x.arena().characters(room), room}, fixed.head, edit);
  return written ? *written : std::string_view();
}

}  // namespace

Failure find_answer(const Exchange& x) {
  const auto* redirect = std::get_if<route::Redirect>(&x.record.route->action);
  const bool nowhere = redirect != nullptr && redirect->keeps_host() && x.head.authority.text.empty();
  return nowhere ? failure(http::Fault::kHostMissing) : Failure{};
}

Task<> answer_here(Exchange& x) {
  x.end().drop_body(x);
  x.close = x.end().ends_with(x, http::BodyKind::kLength);
  Fixed& fixed = *x.arena().make<Fixed>();
  std::visit([&x, &fixed](const auto& action) { fill(x, action, fixed); }, x.record.route->action);
  x.answer.status = x.record.status = fixed.head.status;
  const std::string_view head = write_head(x, fixed);
  const std::string_view body = x.head.method == http::Method::kHead ? std::string_view() : fixed.body;
  iovec pieces[] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}};
  co_await send_whole(x, std::span(pieces, body.empty() ? 1 : 2));
}

}  // namespace cardea::l7::proxy
