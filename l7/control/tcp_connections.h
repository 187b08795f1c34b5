// The connections of the shards' own TCPs as rows: what `ss -ti` tells of the kernel's.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "l7/control/running.h"

namespace cardea::l7 {

// At most `limit`, of all shards in turn; `peer`: only of this address, empty: all. Each shard's own thread copies what
// it has, so that a limit also bounds how long it is held up.
nlohmann::ordered_json tcp_connections(Running& running, const std::string& peer, size_t limit);

}  // namespace cardea::l7
