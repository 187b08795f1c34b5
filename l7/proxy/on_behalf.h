// What an exchange of nobody's begins with that is made for a client's, in memory of its own: what of that one is told to
// whom it goes to, and what was found out about its client.
#pragma once

#include <memory>
#include <string_view>

#include "l7/http/head.h"
#include "l7/policy/trusted_proxies.h"
#include "l7/proxy/record.h"

namespace cardea::l7 {
class Arena;
}

namespace cardea::l7::policy {
struct AuthAnswer;
struct Claims;
}

namespace cardea::l7::proxy {

class Exchange;

// With the client's id and trace.
Record record_on_behalf(const Exchange& exchange, Arena& arena);
policy::ToldByProxy told_on_behalf(const Exchange& exchange, Arena& arena);

// Of the same client, to whom the same request is admitted as the first time.
struct ClientOnBehalf {
  ClientOnBehalf(const Exchange& exchange, Arena& arena);
  void give_to(Exchange& exchange) const;  // whose head is parsed

  const std::shared_ptr<const policy::Claims> claims;
  const std::shared_ptr<const policy::AuthAnswer> permission;
  const bool authorized, stranger;
  const std::string_view api_key;
  const policy::ToldByProxy told;
  const http::Version version;  // its lines are HTTP/1.1's, whatever it spoke
};

// The head's lines as they came.
std::string_view head_as_it_came(const Exchange& exchange);
// Its answer was heard, or there is none: what becomes of the backend's connection.
void leave_backend(Exchange& exchange);

}  // namespace cardea::l7::proxy
