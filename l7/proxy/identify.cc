#include "l7/proxy/identify.h"

#include <algorithm>

#include "l7/http/fields.h"
#include "l7/http/trace_context.h"
#include "l7/proxy/exchange.h"

namespace cardea::l7::proxy {
namespace {

constexpr size_t kIdMax = 128;

// One value of visible characters that nothing has to escape; else it is no id of anybody's.
bool is_id(std::string_view value) {
  return !value.empty() && value.size() <= kIdMax &&
         std::ranges::all_of(value, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ','; });
}

// The only header of that name; empty: there is none, or several.
std::string_view only_value(const http::Headers& headers, std::string_view name) {
  const http::Header* found = nullptr;
  for (const http::Header& header : headers) {
    if (!http::equal_without_case(header.name(), name)) continue;
    if (found) return {};
    found = &header;
  }
  return found ? found->value() : std::string_view();
}

// Of a proxy in front that is believed whom it speaks for.
void keep_id(Exchange& x) {
  if (x.service.policies->trusted_proxies.empty() || x.stranger) return;
  const std::string_view sent = only_value(x.head.headers, x.service.id.header);
  if (is_id(sent)) x.record.kept_id = x.arena().copy(sent);
}

std::optional<http::TraceParent> clients_trace(const http::Headers& headers) {
  if (!headers.has(http::HeaderId::kTraceparent) || headers.repeated(http::HeaderId::kTraceparent)) return std::nullopt;
  return http::parse_traceparent(headers.value(http::HeaderId::kTraceparent));
}

// Its number is the exchange's, so that who has the one has the other.
void begin_trace(Exchange& x) {
  const auto span = x.shard().ids().next_span();
  const std::string_view made(x.record.made_id.data(), x.record.made_id.size());
  const bool sampled = x.shard().chance().below(1'000'000) < x.service.trace.sampled;
  const auto text = http::write_traceparent({made, {span.data(), span.size()}, sampled});
  x.record.traceparent = x.arena().copy({text.data(), text.size()});
  x.record.trace = x.record.traceparent.substr(3, made.size());
}

}  // namespace

void identify(Exchange& x) {
  keep_id(x);
  const TracePlan::Rule rule = x.service.trace.rule;
  const auto theirs = rule == TracePlan::Rule::kBegin ? std::nullopt : clients_trace(x.head.headers);
  if (theirs) {
    x.record.trace = x.arena().copy(theirs->trace_id);
  } else if (rule != TracePlan::Rule::kPass) {
    begin_trace(x);
  }
}

http::IdHeader id_for_backend(const Exchange& x) {
  return {x.service.id.header, x.record.id()};
}

http::IdHeader id_for_client(const Exchange& x) {
  return x.service.id.answers ? id_for_backend(x) : http::IdHeader{};
}

}  // namespace cardea::l7::proxy
