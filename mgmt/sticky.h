// What the cookie of a client says that stays with a backend (pools[].sticky): a signature of the backend's name, so
// that nobody makes one for a backend of his choice or learns a name from it, and every node of a cluster knows it.
#pragma once

#include <string>

#include "conf/config.h"

namespace cardea::mgmt {

// 32 hexadecimal digits: half of HMAC-SHA-256 over pool and backend; by the key of the pool, or of the cluster. Empty:
// the pool's clients do not stay.
std::string sticky_value(const conf::Cluster& cluster, const conf::Pool& pool, const conf::Backend& backend);

}  // namespace cardea::mgmt
