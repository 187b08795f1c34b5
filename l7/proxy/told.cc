#include "l7/proxy/told.h"

#include <algorithm>

#include "l7/http/authority.h"
#include "l7/http/fields.h"
#include "l7/http/forwarding.h"
#include "l7/policy/forward_auth.h"
#include "l7/policy/one_request.h"
#include "l7/proxy/endpoint_text.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/variables.h"
#include "l7/tls/peer_certificate.h"

namespace cardea::l7::proxy {
namespace {

bool is_told_another_host(const Exchange& x) {
  return !x.told.host.empty() && x.told.host != http::HostText(x.head.authority, x.scheme()).view();
}

bool is_told_another_port(const Exchange& x) {
  return !x.told.port.empty() && x.told.port != PortText(x.record.listener.port).view();
}

bool is_of_certificates(const Variable& variable) {
  switch (variable.id) {
    case VariableId::kTlsClientSubject:
    case VariableId::kTlsClientIssuer:
    case VariableId::kTlsClientSerial:
    case VariableId::kTlsClientFingerprint:
      return true;
    default:
      return false;
  }
}

// A header in its own place where it is absent: nothing.
bool is_itself(const policy::HeaderRules::Line& line, const Variable& variable) {
  return line.if_absent && variable.id == VariableId::kHeader &&
         http::equal_without_case(variable.name, line.name());
}

template <typename Do>
void for_each_variable(const policy::HeaderRules& rules, Do&& act) {
  for (const policy::HeaderRules::Line& line : rules.lines())
    for (const Template::Piece& piece : line.value.pieces())
      if (piece.variable.id != VariableId::kNone && !is_itself(line, piece.variable)) act(piece.variable);
}

const policy::HeaderRules& rules_of(const Exchange& x) {
  return x.record.route->policies->request_headers;
}

// What it says there is not sent on, and what another one says is: Vary cannot be compared.
bool loses_words(const Exchange& x) {
  const std::string_view chosen = x.service.policies->trusted_proxies.header();
  const auto is_lost = [chosen](const http::Header& header) { return http::tells_of_forwarding(header, chosen); };
  return x.stranger && std::ranges::any_of(x.head.headers, is_lost);
}

}  // namespace

// No value has a CR in it, and no line of a share's origin begins with one.
std::string_view origin_of(Exchange& x) {
  std::string_view origin = x.share->origin;
  const bool host = is_told_another_host(x), port = is_told_another_port(x);
  if (host || port)
    origin = x.arena().join({origin, "\n\rtold ", host ? x.told.host : "", "\r", port ? x.told.port : ""});
  if (loses_words(x)) origin = x.arena().join({origin, "\n\rstranger"});
  for_each_variable(rules_of(x), [&](const Variable& variable) {
    if (!policy::is_of_one_request(variable)) origin = x.arena().join({origin, "\n\r=", value_of(x, variable)});
  });
  if (x.permission) origin = x.arena().join({origin, "\n\r!", x.permission->backend_lines});
  return origin;
}

bool is_known_by_certificate(const Exchange& x) {
  if (x.caller.is_nobody() || !x.caller.connection->tls()) return false;
  if (!tls::has_peer_certificate(x.caller.connection->tls()->ssl())) return false;
  if (!x.service.client_trust || !x.service.client_trust->required) return true;
  bool told = false;
  for_each_variable(rules_of(x), [&told](const Variable& variable) { told = told || is_of_certificates(variable); });
  return told;
}

}  // namespace cardea::l7::proxy
