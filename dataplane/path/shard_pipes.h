// The end of the line for packets that are cardea-l7's: copied into the pipe between this worker and the shard, which
// is told once a burst.
#pragma once

#include "dataplane/path/batch.h"
#include "dataplane/path/worker_state.h"

namespace cardea::dataplane::path {

L7Instance::Way& way_of(WorkerState& worker, const Batch& batch, uint32_t row);

// Of a row that `deal` dealt: the IP packet without its link header is in the pipe, or the row is dropped. The buffer
// stays the caller's.
void give_to_shard(WorkerState& worker, Batch& batch, uint32_t row);

// Behind all of them.
void tell_shards(WorkerState& worker, const Batch& batch);

// A packet of a shard's own that the way ahead does not take: dropped, and the error that a router would send is in the
// shard's pipe. Behind its link header and in front of it there is room for the error's.
void tell_too_big(WorkerState& worker, Batch& batch, uint32_t row, uint16_t mtu);

// What is in the instance's memory makes no sense: nothing is read or written there any more, and control is told.
void report_broken(WorkerState& worker, L7Instance& instance);

}  // namespace cardea::dataplane::path
