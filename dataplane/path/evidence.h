// What a packet proves about its flow, and what it may end. A flow is established by what only its two sides can know;
// it closes by FINs of both, or by a reset that fits what its receiver expects; and one that goes on talking lives on.
#pragma once

#include "dataplane/path/batch.h"
#include "dataplane/path/worker_state.h"

namespace cardea::dataplane::path {

// Takes note of the packet of this row, which is of batch.flow[row]: state, time, acknowledgements.
void note(WorkerState& worker, const Batch& batch, uint32_t row);

}  // namespace cardea::dataplane::path
