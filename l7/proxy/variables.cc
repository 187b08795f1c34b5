#include "l7/proxy/variables.h"

#include <fmt/format.h>

#include <algorithm>

#include "l7/http/fields.h"
#include "l7/http/pairs.h"
#include "l7/policy/token.h"
#include "l7/proxy/endpoint_text.h"
#include "l7/proxy/exchange.h"
#include "l7/tls/peer_certificate.h"

namespace cardea::l7::proxy {
namespace {

std::string_view header_of(const http::Headers& headers, std::string_view name) {
  for (const http::Header& header : headers)
    if (http::equal_without_case(header.name(), name)) return header.value();
  return {};
}

std::string_view parameter_of(std::string_view query, std::string_view name) {
  while (const auto pair = http::next_pair(query, '&'))
    if (pair->name == name) return pair->value;
  return {};
}

// Both as they came, which lie beside each other.
std::string_view uri_of(const http::RequestHead& head) {
  if (!head.has_query) return head.path;
  return {head.path.data(), size_t(head.query.data() + head.query.size() - head.path.data())};
}

std::string_view address(Exchange& x, const Endpoint& of) {
  return x.arena().copy(AddressText(of.address).view());
}

std::string_view as_number(Exchange& x) {
  const uint32_t number = x.service.geo ? x.service.geo->as_number(x.record.client.address) : 0;
  const fmt::format_int text(number);
  return number == 0 ? std::string_view() : x.arena().copy({text.data(), text.size()});
}

std::string_view port(Exchange& x, const Endpoint& of) {
  return x.arena().copy(PortText(of.port).view());
}

std::string_view name_of(const auto* part) {
  return part == nullptr ? std::string_view() : std::string_view(part->name);
}

std::string_view of_certificate(Exchange& x, std::string (*fact)(const SSL*)) {
  if (!x.caller.tls || x.caller.is_nobody()) return {};
  return x.arena().copy(fact(x.caller.connection->tls()->ssl()));
}

// Of the route's expression; nothing where it has none, or none of that name.
std::string_view path_group(const Exchange& x, std::string_view name) {
  const Pattern* const of = x.record.route == nullptr ? nullptr : x.record.route->pattern();
  const auto group = of == nullptr ? std::nullopt : of->group(name);
  Pattern::Groups groups;
  return group && of->find(x.admitted.path.match, groups) ? groups[*group] : std::string_view();
}

// Of those that go by a name of their own.
std::string_view one_of_many(const Exchange& x, const Variable& variable) {
  switch (variable.id) {
    case VariableId::kHeader:
      return header_of(x.head.headers, variable.name);
    case VariableId::kCookie:
      return http::find_cookie(x.head.headers, variable.name).value_or("");
    case VariableId::kQueryParameter:
      return parameter_of(x.head.query, variable.name);
    case VariableId::kJwtClaim:
      return x.claims ? x.claims->text(variable.name) : std::string_view();
    case VariableId::kPathGroup:
      return path_group(x, variable.name);
    default:
      return {};
  }
}

}  // namespace

std::string_view value_of(Exchange& x, const Variable& variable) {
  switch (variable.id) {
    case VariableId::kNone:
      return {};
    case VariableId::kClientAddress:
      return address(x, x.record.client);
    case VariableId::kClientPort:
      return port(x, x.record.client);
    case VariableId::kClientCountry:
      return x.service.geo ? x.service.geo->country(x.record.client.address) : std::string_view();
    case VariableId::kClientAsNumber:
      return as_number(x);
    case VariableId::kListenerAddress:
      return address(x, x.record.listener);
    case VariableId::kListenerPort:
      return port(x, x.record.listener);
    case VariableId::kScheme:
      return x.scheme();
    case VariableId::kProtocol:
      return x.record.protocol;
    case VariableId::kMethod:
      return x.head.method_text;
    case VariableId::kHost:
      return x.head.authority.text;
    case VariableId::kPath:
      return x.head.path;
    case VariableId::kQuery:
      return x.head.query;
    case VariableId::kUri:
      return uri_of(x.head);
    case VariableId::kRequestId:
      return x.record.id();
    case VariableId::kService:
      return x.service.name;
    case VariableId::kRoute:
      return name_of(x.record.route);
    case VariableId::kTlsVersion:
      return x.record.tls_version;
    case VariableId::kTlsJa4:
      return x.record.tls_ja4;
    case VariableId::kTlsClientSubject:
      return of_certificate(x, tls::peer_subject);
    case VariableId::kTlsClientIssuer:
      return of_certificate(x, tls::peer_issuer);
    case VariableId::kTlsClientSerial:
      return of_certificate(x, tls::peer_serial);
    case VariableId::kTlsClientFingerprint:
      return of_certificate(x, tls::peer_fingerprint);
    case VariableId::kUser:
      return x.record.user;
    case VariableId::kApiKey:
      return x.api_key;
    case VariableId::kPool:
      return name_of(x.record.pool);
    case VariableId::kBackend:
      return x.record.backend;
    case VariableId::kCacheResult:
      return x.record.cache;
    case VariableId::kHeader:
    case VariableId::kCookie:
    case VariableId::kQueryParameter:
    case VariableId::kJwtClaim:
    case VariableId::kPathGroup:
      return one_of_many(x, variable);
  }
  return {};
}

std::string_view write_text(Exchange& x, const Template& text, std::string_view front, std::string_view end) {
  const auto& pieces = text.pieces();
  auto* const values = static_cast<std::string_view*>(x.arena().allocate(pieces.size() * sizeof(std::string_view)));
  size_t size = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    values[i] = value_of(x, pieces[i].variable);
    size += pieces[i].text.size() + values[i].size();
  }
  if (size == 0) return {};
  const size_t whole = front.size() + size + end.size();
  char* const written = x.arena().characters(whole);
  char* at = std::ranges::copy(front, written).out;
  for (size_t i = 0; i < pieces.size(); ++i)
    at = std::ranges::copy(values[i], std::ranges::copy(pieces[i].text, at).out).out;
  std::ranges::copy(end, at);
  return {written, whole};
}

}  // namespace cardea::l7::proxy
