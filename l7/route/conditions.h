// What a route asks of a request beside host and path: method, headers, query parameters, cookies, the client's
// address, the protocols it offers in TLS. All of them have to hold. They are asked of the head as it was parsed, without allocating; a name that comes
// several times holds where one of its values does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/pattern.h"
#include "l7/http/head.h"

namespace cardea::l7::route {

// Who asks for what. Without a head nothing that is asked of one holds.
struct Asked {
  const http::RequestHead* head = nullptr;
  IpAddress client{};
  std::string_view alpn{};  // the protocols a client offers in TLS, each behind its length (RFC 7301 3.1)
};

// What is asked of one header, parameter or cookie.
struct Condition {
  enum class Rule : uint8_t { kPresent, kAbsent, kExact, kPrefix, kPattern };

  std::string name;
  Rule rule = Rule::kPresent;
  std::string text = {};                       // of kExact and kPrefix
  std::optional<Pattern> pattern = {};         // of kPattern: the whole value
  http::HeaderId id = http::HeaderId::kOther;  // of a header's name

  bool fits(std::string_view value) const;
};

struct Conditions {
  std::vector<std::string> methods;                // one of them; empty: any
  std::vector<Condition> headers, query, cookies;  // names of headers in any case, the others as they are written
  std::vector<Prefix> clients;                     // one of them; empty: any
  std::vector<std::string> alpn;                   // one of them; empty: any

  size_t count() const;  // the more, the earlier a route is asked
  bool hold(const Asked& asked) const;

 private:
  bool hold_of(const http::RequestHead& head) const;
};

}  // namespace cardea::l7::route
