#include "l7/proxy/trailers.h"

#include "l7/http/edit.h"
#include "l7/http/forwarding.h"
#include "l7/http/serialise.h"
#include "l7/http/trailers.h"
#include "l7/http2/backend_stream.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/header_changes.h"
#include "l7/proxy/identify.h"
#include "l7/proxy/shard.h"

namespace cardea::l7::proxy {
namespace {

// `goes_on`: asked of what may be a trailer.
template <typename GoesOn>
std::string_view filter(Exchange& x, std::string_view section, GoesOn goes_on) {
  if (section.empty()) return {};
  const size_t room = 2 * section.size();  // a line gets a blank at most, and has four bytes
  http::HeadWriter out({x.arena().characters(room), room});
  uint64_t dropped = 0;
  while (!section.empty()) {
    const http::TrailerField field = http::next_trailer(section);
    if (http::may_be_trailer(field.name) && goes_on(field.name)) {
      out.field(field.name, field.value);
    } else {
      ++dropped;
    }
  }
  if (dropped != 0) count(x.shard(), x.shard().shared().rows.trailers_dropped, dropped);
  return *out.finish();
}

std::string_view take_none(Exchange& x, std::string_view section) {
  return filter(x, section, [](std::string_view) { return false; });
}

bool is_strangers_word(const Exchange& x, std::string_view name) {
  return x.stranger && http::tells_of_forwarding(name, x.service.policies->trusted_proxies.header());
}

bool reads_like(std::string_view name, const http::IdHeader& id) {
  return !id.name.empty() && http::reads_alike(name, id.name);
}

}  // namespace

std::string_view request_trailers(Exchange& x) {
  if (x.caller.is_nobody()) return {};
  const std::string_view came = x.end().trailers(x);
  // A body of a length that the client said is over with its last byte, whether its stream's end is here by then or not.
  const bool has_length = x.admitted.body.kind == http::BodyKind::kLength;
  const policy::Policies& policies = policies_of(x);
  if (policies.waf) return take_none(x, came);  // no rule looks at them
  if (has_length || (!x.lease.http2() && !x.upload.chunked)) return take_none(x, came);
  const http::NameSet& ruled = policies.request_headers.dropped();
  return filter(x, came, [&](std::string_view name) {
    const bool ends_here = x.admitted.options.names(name) || is_strangers_word(x, name);
    return !ends_here && !ruled.has(name) && !reads_like(name, id_for_backend(x));
  });
}

std::string_view response_trailers(Exchange& x) {
  const http2::BackendStream* const call = x.lease ? x.lease.http2() : nullptr;
  const std::string_view came = call ? call->trailers() : x.answer.trailers.lines();
  if (!x.end().takes_trailers(x)) return take_none(x, came);
  const http::NameSet& ruled = policies_of(x).response_headers.dropped();
  return filter(x, came, [&](std::string_view name) {
    const bool ends_here = x.answer.options && x.answer.options->names(name);
    const bool of_other_bytes = x.compressing.coded() && http::tells_of_bytes(name);
    return !ends_here && !of_other_bytes && !ruled.has(name) && !reads_like(name, id_for_client(x));
  });
}

std::string_view last_chunk(Exchange& x, std::string_view trailers) {
  if (trailers.empty()) return http::kLastChunk;
  return x.arena().join({"0\r\n", trailers, "\r\n"});
}

std::string_view end_of_request(Exchange& x) {
  if (x.lease.http2()) return {};
  const std::string_view trailers = request_trailers(x);
  return x.upload.chunked ? last_chunk(x, trailers) : std::string_view();
}

}  // namespace cardea::l7::proxy
