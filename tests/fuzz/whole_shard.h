// A shard that takes any bytes of one peer, for targets that are its client or its backend.
#pragma once

#include <algorithm>
#include <chrono>
#include <string_view>

#include "base/check.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::fuzz {

// In pieces of that size, as far as the shard wants them.
inline void pour(proxy::test::Site& into, proxy::test::Peer& peer, std::string_view bytes, size_t piece) {
  for (; !bytes.empty() && !peer.ended(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    peer.send_what_fits(bytes.substr(0, piece));
    into.loop().run_until_idle();
  }
}

// Behind its peers, who have gone.
inline void check_nothing_left(proxy::test::Site& of) {
  const auto gone = [&of] { return of.shard->connections() == 0 && of.buffers_lent() == 0; };
  CHECK(proxy::test::run_until(of.loop(), gone), "something of the connection is left");
}

}  // namespace cardea::l7::fuzz
