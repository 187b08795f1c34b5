// What becomes of a packet that is larger than its way: the error that its sender has to get, or pieces.
#pragma once

#include "dataplane/path/batch.h"
#include "dataplane/path/worker_state.h"

namespace cardea::dataplane::path {

// For packets that may not be cut. Dropped without an error when the sender's hop is not known, and when one was told
// this millisecond (RFC 1812 4.3.2.8). `mtu` is what would have fitted.
void refuse_too_big(WorkerState& worker, Batch& batch, uint32_t row, uint16_t mtu);

// Cuts the finished frame of an IP packet of `family`: the first piece takes its row, the others follow in
// batch.pieces. False: it is dropped.
bool cut(Batch& batch, uint32_t row, uint8_t family, uint16_t mtu, uint32_t id);

}  // namespace cardea::dataplane::path
