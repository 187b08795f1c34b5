// How flows begin and end: entry, gauges of their service and backend, room made in a full table.
#pragma once

#include "dataplane/path/batch.h"
#include "dataplane/path/worker_state.h"

namespace cardea::dataplane::path {

// The state a flow's first packet puts it in.
FlowState first_state(const wire::Frame& frame);

// Enters the flow of this row (batch.service and slot are set; `nat` for fullnat, its reply hash with it). kNoFlow when
// the table is full and no half-open flow could make room.
FlowRef begin_flow(WorkerState& worker, Batch& batch, uint32_t row, FlowNat* nat, uint64_t reply_hash);

// Takes it out of the gauges and the table.
void end_flow(WorkerState& worker, FlowRef ref);
// Out of the gauges alone, for whoever removes it.
void leave_gauges(WorkerState& worker, const FlowHead& flow);

}  // namespace cardea::dataplane::path
