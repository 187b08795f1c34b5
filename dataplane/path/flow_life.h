// How flows begin and end: entry, gauges of their service and backend, room made in a full table.
#pragma once

#include "dataplane/path/batch.h"
#include "dataplane/path/worker_state.h"

namespace cardea::dataplane::path {

inline constexpr uint8_t kTurns = wire::kTcpSyn | wire::kTcpAck | wire::kTcpFin | wire::kTcpRst;

// A packet that could as well begin a flow: a SYN with nothing beside it, for a SYN-ACK is an answer to somebody else.
inline bool begins(const wire::Frame& frame) {
  const bool first = frame.protocol == uint8_t(Protocol::kUdp) || (frame.tcp_flags & kTurns) == wire::kTcpSyn;
  return first && !(frame.flags & wire::kQuote);
}
// A packet of a flow's midst: one through a tunnel may have been another host's until now. What ends a flow begins
// none.
inline bool goes_on(const wire::Frame& frame) {
  return (frame.tcp_flags & kTurns) == wire::kTcpAck && !(frame.flags & wire::kQuote);
}

// The state a flow's first packet puts it in.
FlowState first_state(const wire::Frame& frame);

// Enters the flow of this row (batch.service and slot are set; `nat` for fullnat, its reply hash with it). kNoFlow when
// the table is full and no unproven flow could make room.
FlowRef begin_flow(WorkerState& worker, Batch& batch, uint32_t row, FlowNat* nat, uint64_t reply_hash);

// Takes it out of the gauges and the table; its memory is free behind the burst (FlowTable::end).
void end_flow(WorkerState& worker, FlowRef ref);
// Out of the gauges alone, for whoever removes it.
void leave_gauges(WorkerState& worker, FlowRef ref);

}  // namespace cardea::dataplane::path
