#include "l7/proxy/early_hints.h"

#include "l7/http/edit.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/header_changes.h"
#include "l7/proxy/single_header.h"

namespace cardea::l7::proxy {
namespace {

constexpr size_t kAddedBytes = 128;  // to the lines, at most: a status line and the end

// Browsers take hints to pages that they navigate to, by HTTP/2 and newer alone.
bool takes_hints(const Exchange& x) {
  return !x.caller.is_nobody() && x.head.version == http::Version::kHttp20 && x.head.method == http::Method::kGet &&
         single_header(x.head.headers, "sec-fetch-mode") == "navigate";
}

}  // namespace

void send_early_hints(Exchange& x) {
  const std::string_view lines = policies_of(x).early_hints;
  if (lines.empty() || !takes_hints(x)) return;
  auto& head = *x.arena().make<http::ResponseHead>();
  head.status = 103;
  const http::ResponseEdit edit{.options = {},
                                .method = x.head.method,
                                .client_version = x.head.version,
                                .via = {},
                                .changes = {.lines = {&lines, 1}, .bytes = lines.size()}};
  const size_t room = lines.size() + kAddedBytes;
  // By HTTP/2 the end sends a head itself and leaves nothing to write.
  if (x.end().write_head({x.arena().characters(room), room}, head, edit)) count(x.shard(), x.service.rows.early_hints);
}

}  // namespace cardea::l7::proxy
