#include "l7/policy/admit.h"

#include "l7/http/fields.h"

namespace cardea::l7::policy {
namespace {

using Why = Refusal::Why;

std::unexpected<Refusal> refuse(http::Fault fault) {
  return std::unexpected(Refusal{Why::kFault, fault});
}

// Of the two methods that have it: the least that is said, and no more than parse_seconds() holds (RFC 9110 7.6.2 lets
// a recipient have a maximum). What is no number says nothing.
std::optional<uint64_t> forwards_left(const http::RequestHead& head) {
  if (head.method != http::Method::kTrace && head.method != http::Method::kOptions) return {};
  std::optional<uint64_t> least;
  for (const http::Header& header : head.headers) {
    if (header.id() != http::HeaderId::kMaxForwards) continue;
    const auto said = http::parse_seconds(header.value());
    if (said && (!least || *said < *least)) least = *said;
  }
  return least;
}

// What the head says about framing and connection; nothing of it depends on the plan.
std::expected<Admitted, Refusal> read_semantics(const http::RequestHead& head) {
  Admitted admitted;
  const auto body = http::request_body(head);
  if (!body) return refuse(body.error());
  admitted.body = *body;
  const auto options = http::connection_options(head.headers);
  if (!options) return refuse(options.error());
  admitted.options = *options;
  const auto expected = http::expectation(head, *body);
  if (!expected) return refuse(expected.error());
  admitted.expects_continue = *expected == http::Expectation::kContinue;
  admitted.keep_alive = http::keeps_alive(head.version, *options);
  admitted.websocket = http::wants_websocket(head, *options, *body);
  return admitted;
}

}  // namespace

std::expected<Admitted, Refusal> admit(const ServicePlan& service, const http::RequestHead& head,
                                       const IpAddress& client, std::span<char> scratch) {
  std::expected<Admitted, Refusal> admitted = read_semantics(head);
  if (!admitted) return admitted;
  // RFC 9110 7.4: what https promises was not kept on the way here.
  if (!service.has_tls() && http::equal_without_case(head.scheme, "https")) return refuse(http::Fault::kMisdirected);
  if (const auto left = forwards_left(head)) {
    if (*left == 0) return std::unexpected(Refusal{Why::kMaxForwards, http::Fault::kNone, *admitted});
    admitted->max_forwards = *left - 1;
  }
  if (service.body_bytes_max != 0 && admitted->body.kind == http::BodyKind::kLength &&
      admitted->body.length > service.body_bytes_max) {
    return std::unexpected(Refusal{Why::kBodyTooLarge, http::Fault::kNone, *admitted});
  }
  const auto path = route::read_path(head.path, scratch);
  if (!path) return refuse(path.error());
  admitted->path = *path;
  const auto match = service.table.match(head.authority.host, *path, {&head, client});
  if (!match) {
    if (match.error() == route::NoRoute::kAmbiguous) return refuse(http::Fault::kPathAmbiguous);
    return std::unexpected(Refusal{Why::kNoRoute, http::Fault::kNone, *admitted});
  }
  admitted->match = *match;
  return admitted;
}

}  // namespace cardea::l7::policy
