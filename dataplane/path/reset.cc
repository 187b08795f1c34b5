// Resets in packet buffers; their bytes are those of wire/reset.h.
#include "dataplane/path/reset.h"

#include <rte_mbuf.h>

#include "dataplane/path/leave.h"
#include "dataplane/wire/l4_checksum.h"
#include "dataplane/wire/reset.h"

namespace cardea::dataplane::path {
namespace {

// Guard may have left TCP's checksum to whoever is the end of the connection: that is us.
bool may_be_answered(const Batch& batch, uint32_t row) {
  const wire::Frame& frame = batch.frame[row];
  if (frame.flags & wire::kQuote || frame.tcp_flags & wire::kTcpRst) return false;
  return wire::l4_sum_right(frame, batch.tuple[row], batch.data[row]);
}

HopId way_back(const WorkerState& worker, const Batch& batch, uint32_t row) {
  if (worker.hops == nullptr) return kNoHop;
  const HopId id = worker.hops->routes.lookup(batch.tuple[row].source);
  if (id >= worker.hops->hops.size() || worker.hops->hops[id].state == HopState::kFailed) return kNoHop;
  return id;
}

}  // namespace

void answer_by_reset(WorkerState& worker, Batch& batch, uint32_t row) {
  batch.drop(row, Reason::k_no_shard);
  if (!may_be_answered(batch, row)) return;
  const HopId id = way_back(worker, batch, row);
  if (id == kNoHop) return;
  if (!worker.dry && worker.resets.take(1, kResetsASecond, uint64_t{worker.now_ms} * 1000) == 0) return;
  batch.drop(row, Reason::k_shard_gone);
  if (worker.dry) return;
  const wire::Frame& frame = batch.frame[row];
  rte_mbuf& packet = *batch.packet[row];
  batch.hop[row] = id;
  packet.data_len = uint16_t(frame.l3 + wire::write_reset(batch.data[row], frame, batch.tuple[row]));
  packet.pkt_len = packet.data_len;
  batch.out_length[row] = packet.data_len;
  write_link(batch.data[row], worker.hops->hops[id], ether_type(frame.family));
  batch.leave(row, Verdict::kToSender, Reason::k_shard_gone);
}

}  // namespace cardea::dataplane::path
