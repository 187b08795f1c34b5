// IP identifications that this host gives: to datagrams that leave under an address that many senders share, and to
// packets that it cuts or that may be cut. Two workers never give the same one at a time: each takes those whose rest by
// their number is its own, in turn (RFC 6864 4.3 asks for that as far as 16 bits allow).
#pragma once

#include "dataplane/path/worker_state.h"

namespace cardea::dataplane::path {

inline uint16_t own_id(WorkerState& worker) {
  worker.own_id += worker.workers;
  if (worker.own_id + worker.workers > 65536) worker.own_id = 0;
  return uint16_t(worker.own_id + worker.index);
}

}  // namespace cardea::dataplane::path
