// What a backend is told of the client before a byte of its own: the header of the PROXY protocol, where the backend's
// pool asks for one.
#pragma once

#include <string_view>

#include "base/proxy_header.h"
#include "l7/proxy/record.h"
#include "l7/runtime/arena.h"

namespace cardea::l7::proxy {

// Empty: none. `connection`: the client's; null where the cache asks by itself, for the client that `record` has.
std::string_view announce(Arena& arena, ProxyVersion version, const Record& record, const Connection* connection);

}  // namespace cardea::l7::proxy
