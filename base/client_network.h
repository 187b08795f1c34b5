// By what clients are counted, limited and blocked: an IPv4 address, of IPv6 the /64, in which a client has as many addresses as
// it likes.
#pragma once

#include <algorithm>

#include "base/ip.h"

namespace cardea {

inline IpAddress client_network(IpAddress client) {
  if (!client.is_v4()) std::fill(client.bytes.begin() + 8, client.bytes.end(), decltype(client.bytes)::value_type{});
  return client;
}

}  // namespace cardea
