#include "l7/proxy/record_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "l7/proxy/clock_text.h"
#include "l7/proxy/endpoint_text.h"
#include "l7/proxy/haproxy_state.h"

namespace cardea::l7::proxy {
namespace {

using enum ExchangeField;

FieldValue cut(std::string_view text, size_t max) {
  return FieldValue::of(text.substr(0, max));
}

FieldValue always(std::string_view text) {
  return {.present = true, .text = text};
}

FieldValue lasted(std::chrono::nanoseconds time) {
  return time.count() != 0 ? FieldValue::of(time) : FieldValue();
}

bool was_dialled(const Record& record) {
  return record.dialled != Instant{} && record.connected >= record.dialled;
}

// The client's network: its /24, or /48.
IpAddress network_of(IpAddress address) {
  const size_t kept = address.is_v4() ? 15 : 6;
  std::fill(address.bytes.begin() + kept, address.bytes.end(), uint8_t{0});
  return address;
}

// In whole milliseconds; -1: it did not come so far.
int64_t span(Instant from, Instant to) {
  if (from == Instant{} || to == Instant{}) return -1;
  return std::max<int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count(), 0);
}

template <typename... Values>
FieldValue written(std::array<char, 2048>& into, fmt::format_string<Values...> form, Values&&... values) {
  const auto result = fmt::format_to_n(into.data(), into.size(), form, std::forward<Values>(values)...);
  return {.present = true, .text = {into.data(), std::min(result.size, into.size())}};
}

}  // namespace

FieldValue RecordFields::since_began(Instant when) const {
  return when != Instant{} ? FieldValue::of(when - record_.began) : FieldValue();
}

FieldValue RecordFields::join(std::initializer_list<std::string_view> pieces) {
  char* at = scratch_.data();
  for (std::string_view piece : pieces) {
    piece = piece.substr(0, size_t(scratch_.data() + scratch_.size() - at));
    at = std::ranges::copy(piece, at).out;
  }
  return always({scratch_.data(), size_t(at - scratch_.data())});
}

FieldValue RecordFields::client(bool with_port) {
  Endpoint client = record_.client;
  if (masks_.client) client = {network_of(client.address), 0};
  return with_port ? join({EndpointText(client).view()}) : join({AddressText(client.address).view()});
}

std::string_view RecordFields::query() const {
  return masks_.query && !record_.query.empty() ? "***" : record_.query.substr(0, kQueryMax);
}

std::string_view RecordFields::referer() {
  const size_t end = masks_.query ? record_.referer.find_first_of("?#") : record_.referer.npos;
  return record_.referer.substr(0, std::min(end, kHeaderMax));
}

FieldValue RecordFields::target() {
  if (record_.path.empty()) return {};
  return join({record_.path.substr(0, kPathMax), query().empty() ? "" : "?", query()});
}

FieldValue RecordFields::request(std::string_view none) {
  if (record_.method.empty()) return FieldValue::of(none);
  return join({record_.method.substr(0, kMethodMax), " ", record_.path.substr(0, kPathMax), query().empty() ? "" : "?",
               query(), " ", record_.protocol});
}

FieldValue RecordFields::timers() {
  const int64_t dialled = record_.reused ? 0 : span(record_.dialled, record_.connected);
  return written(scratch_, "{}/{}/{}/{}/{}", span(record_.began, record_.head_read),
                 record_.queued / std::chrono::milliseconds(1), record_.connected == Instant{} ? -1 : dialled,
                 span(record_.connected, record_.response_head), span(record_.began, record_.ended));
}

FieldValue RecordFields::haproxy_value(ExchangeField field) {
  const auto pool = record_.pool ? std::string_view(record_.pool->name) : std::string_view(record_.service->name);
  switch (field) {
    case kClfTime:
      return join({ClockText::clf(record_.unix_ms).view()});
    case kHaproxyTime:
      return join({ClockText::haproxy(record_.unix_ms).view()});
    case kHaproxyFrontend:
      return join({record_.service->name, record_.tls_version.empty() ? "" : "~"});
    case kHaproxyServer:
      return join({pool, "/", record_.backend.empty() ? "<NOSRV>" : record_.backend});
    case kHaproxyTimers:
      return timers();
    case kHaproxyState: {
      const auto state = haproxy_state(record_);
      return join({{state.data(), state.size()}});
    }
    case kHaproxyCounts: {
      const uint32_t connections = record_.service->connections->now();
      return written(scratch_, "{0}/{0}/0/0/{1} 0/0", connections, record_.attempts > 1 ? record_.attempts - 1 : 0);
    }
    default:
      return request("<BADREQ>");
  }
}

FieldValue RecordFields::text_value(ExchangeField field) {
  switch (field) {
    case kTs:
      return join({ClockText::rfc3339(record_.unix_ms).view()});
    case kId:
      return FieldValue::of(record_.id());
    case kClient:
      return client(true);
    case kClientAddress:
      return client(false);
    case kCountry:
      return FieldValue::of(geo() ? geo()->country(record_.client.address) : std::string_view());
    case kPeer:
      return record_.peer != record_.client ? join({EndpointText(record_.peer).view()}) : FieldValue();
    case kListener:
      return join({EndpointText(record_.listener).view()});
    case kService:
      return cut(record_.service->name, kHeaderMax);
    case kHost:
      return cut(record_.host, kHostMax);
    case kMethod:
      return cut(record_.method, kMethodMax);
    case kPath:
      return cut(record_.path, kPathMax);
    case kQuery:
      return FieldValue::of(query());
    case kTarget:
      return target();
    case kRequest:
      return request("");
    case kProto:
      return cut(record_.protocol, kHeaderMax);
    case kTlsJa4:
      return cut(record_.tls_ja4, kHeaderMax);
    case kTls:
      return cut(record_.tls_version, kHeaderMax);
    case kUser:
      return cut(record_.user, kHeaderMax);
    case kReason:
      return always(record_.reason);
    case kDetail:
      return cut(record_.detail, kHeaderMax);
    case kRoute:
      return record_.route ? cut(record_.route->name, kHeaderMax) : FieldValue();
    case kPool:
      return record_.pool ? cut(record_.pool->name, kHeaderMax) : FieldValue();
    case kBackend:
      return cut(record_.backend, kHeaderMax);
    case kChoice:
      return FieldValue::of(record_.choice);
    case kCache:
      return FieldValue::of(record_.cache);
    case kCompression:
      return FieldValue::of(record_.compression);
    case kWaf:
      return FieldValue::of(record_.waf);
    case kWafRules:
      return FieldValue::of(record_.waf_rules);
    case kUserAgent:
      return cut(record_.user_agent, kHeaderMax);
    case kReferer:
      return FieldValue::of(referer());
    case kTrace:
      return FieldValue::of(record_.trace);
    default:
      return haproxy_value(field);
  }
}

FieldValue RecordFields::value(ExchangeField field) {
  switch (field) {
    case kGen:
      return FieldValue::of(record_.generation);
    case kAsNumber: {
      const uint32_t number = geo() ? geo()->as_number(record_.client.address) : 0;
      return number != 0 ? FieldValue::of(uint64_t{number}) : FieldValue();
    }
    case kWafScore:
      return record_.waf_rules.empty() ? FieldValue() : FieldValue::of(uint64_t{record_.waf_score});
    case kClientPort:
      return FieldValue::of(uint64_t{masks_.client ? uint16_t{0} : record_.client.port});
    case kStatus:
      return FieldValue::of(uint64_t{record_.status});
    case kAttempts:
      return record_.attempts != 0 ? FieldValue::of(uint64_t{record_.attempts}) : FieldValue();
    case kReused:
      return record_.attempts != 0 ? FieldValue::of(uint64_t{record_.reused}) : FieldValue();
    case kBytesIn:
      return FieldValue::of(record_.bytes_in);
    case kBytesOut:
      return FieldValue::of(record_.bytes_out);
    case kTlsMs:
      return lasted(record_.handshake);
    case kHeadMs:
      return since_began(record_.head_read);
    case kQueueMs:
      return lasted(record_.queued);
    case kDialMs:
      return was_dialled(record_) ? FieldValue::of(record_.connected - record_.dialled) : FieldValue();
    case kConnectMs:
      return since_began(record_.connected);
    case kFirstMs:
      return since_began(record_.response_head);
    case kTotalMs:
      return since_began(record_.ended);
    default:
      return text_value(field);
  }
}

}  // namespace cardea::l7::proxy
