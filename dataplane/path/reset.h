// What becomes of a packet for a cardea-l7 that has ended: its sender gets a reset.
#pragma once

#include "dataplane/path/batch.h"
#include "dataplane/path/worker_state.h"

namespace cardea::dataplane::path {

inline constexpr uint32_t kResetsASecond = 20'000;  // of a worker

// The row is dropped, and its buffer holds the reset. Without one where nothing may be said (RFC 9293 3.10.7.1), the
// packet is not sound, the way to its sender is not known, or kResetsASecond are sent: the reason says so then.
void answer_by_reset(WorkerState& worker, Batch& batch, uint32_t row);

}  // namespace cardea::dataplane::path
