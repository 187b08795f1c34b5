// What a packet proves about its flow, and what it may end. A flow is established by what only its two sides can know;
// it closes by FINs of both, or by a reset that fits what its receiver expects; and one that goes on talking lives on.
#pragma once

#include "dataplane/path/batch.h"
#include "dataplane/path/worker_state.h"

namespace cardea::dataplane::path {

// What may change a flow's state. False: the packet is none of the flow's two sides'.
bool weigh(FlowTable& flows, FlowRef ref, const Batch& batch, uint32_t row);

// Takes note of the packet of this row, which is of batch.flow[row]: state, time, acknowledgements.
inline void note(WorkerState& worker, const Batch& batch, uint32_t row) {
  const FlowRef ref = batch.flow[row];
  FlowHead& flow = worker.flows.head(ref);
  const bool plain = (batch.frame[row].tcp_flags & (wire::kTcpFin | wire::kTcpRst | wire::kTcpAck)) == wire::kTcpAck;
  if (flow.state == FlowState::kEstablished && plain) [[likely]] {
    if (FlowTable::kind(ref) == FlowKind::kNat)
      worker.flows.nat(ref).acknowledged[FlowTable::is_reply(ref)] =
          load_be32(batch.data[row] + batch.frame[row].l4 + 8);
  } else if (!weigh(worker.flows, ref, batch, row)) {
    return;
  }
  flow.last_seen_ms = worker.now_ms;
}

}  // namespace cardea::dataplane::path
