// TLS that is passed through: which way a connection of a tcp service with routes takes, by the ClientHello that it
// begins with. What was looked at stays in the connection's input, to be carried on untouched.
#pragma once

#include <string_view>

#include "l7/proxy/connection.h"
#include "l7/proxy/failure.h"

namespace cardea::l7::proxy {

struct TlsWay {
  const RoutePlan* route = nullptr;
  std::string_view server_name;  // in the connection's exchange arena
  std::string_view ja4;          // likewise
  Failure failure;               // there is no way
  std::string_view alert;        // that tells the client so; empty: it is no TLS, or nobody waits for one
};

// Its input is not touched by anybody meanwhile.
Task<> read_way(Arena& arena, Connection& connection, const ServicePlan& service, TlsWay& way);

}  // namespace cardea::l7::proxy
