// What a route answers by itself: where the client is sent, what stands in the plan, or a file (files.cc). It goes out
// as a stored response does, in the client's framing, with the rest of a request's body treated as behind any answer of
// ours.
#include "l7/proxy/exchange.h"
#include "l7/proxy/own_head.h"
#include "l7/route/location.h"

namespace cardea::l7::proxy {
namespace {

struct Fixed {
  http::ResponseHead head;
  std::string_view body;
};

void fill(Exchange& x, const route::Redirect& redirect, Fixed& fixed) {
  const route::Target target{x.head, x.scheme(), x.admitted.path, x.admitted.match.prefix(), x.made};
  const size_t room = location_size(redirect, target);
  fixed.head.status = redirect.status;
  add_header(x, fixed.head.headers, http::HeaderId::kLocation, "Location",
      write_location({x.arena().characters(room), room}, redirect, target));
}

void fill(Exchange& x, const route::Respond& respond, Fixed& fixed) {
  fixed.head.status = respond.status;
  if (!respond.content_type.empty() && !respond.body.empty())
    add_header(x, fixed.head.headers, http::HeaderId::kContentType, "Content-Type", respond.content_type);
  fixed.body = respond.body;
}

void fill(Exchange&, const route::Proxy&, Fixed&) {}  // a backend answers
void fill(Exchange&, const route::Files&, Fixed&) {}  // files.cc

}  // namespace

Failure find_answer(Exchange& x) {
  const auto* redirect = std::get_if<route::Redirect>(&x.record.route->action);
  if (redirect == nullptr) return {};
  if (redirect->keeps_host() && x.head.authority.text.empty()) return failure(http::Fault::kHostMissing);
  if (redirect->made.empty()) return {};
  return make(x, redirect->made, redirect->keeps_query ? x.head.query : std::string_view());
}

Task<> answer_here(Exchange& x) {
  x.end().drop_body(x);
  x.close = x.end().ends_with(x, http::BodyKind::kLength);
  if (const auto* files = std::get_if<route::Files>(&x.record.route->action)) {
    co_await send_file(x, *files);
    co_return;
  }
  Fixed& fixed = *x.arena().make<Fixed>();
  std::visit([&x, &fixed](const auto& action) { fill(x, action, fixed); }, x.record.route->action);
  co_await send_own(x, fixed.head, fixed.body);
}

Task<> send_own(Exchange& x, const http::ResponseHead& head, std::string_view body) {
  x.answer.status = x.record.status = head.status;
  const std::string_view text = write_own_head(x, head, body.size());
  if (x.head.method == http::Method::kHead) body = {};
  iovec pieces[] = {{const_cast<char*>(text.data()), text.size()}, {const_cast<char*>(body.data()), body.size()}};
  if (x.compressing.under_way) {
    const Failure failed = co_await send_compressed(x, text, std::span(pieces + 1, 1));
    x.failure = failed;
    co_return;
  }
  co_await send_whole(x, std::span(pieces, body.empty() ? 1 : 2));
}

}  // namespace cardea::l7::proxy
