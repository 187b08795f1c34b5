#include "dataplane/path/shard_pipes.h"

#include <rte_mbuf.h>

#include <cstring>

#include "dataplane/wire/too_big.h"

namespace cardea::dataplane::path {
namespace {

L7Instance& instance_of(WorkerState& worker, const Batch& batch, uint32_t row) {
  return *worker.l7->by_number[batch.instance[row]];
}

// Whoever sent it or the NIC said so, or the sum is of our own making; else the shard computes it.
bool sum_is_good(const WorkerState& worker, const Batch& batch, uint32_t row) {
  if (batch.frame[row].flags & wire::kQuote) return false;
  if (batch.sums_finished >> row & 1) return true;
  return (batch.packet[row]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD ||
         worker.plan->settings.checksums == image::Checksums::full;
}

}  // namespace

L7Instance::Way& way_of(WorkerState& worker, const Batch& batch, uint32_t row) {
  return instance_of(worker, batch, row).row(worker.index).ways[batch.shard[row]];
}

void report_broken(WorkerState& worker, L7Instance& instance) {
  if (instance.is_broken()) return;
  instance.find_broken();
  worker.egress.report(worker.egress.context);
}

void give_to_shard(WorkerState& worker, Batch& batch, uint32_t row) {
  L7Instance::Way& way = way_of(worker, batch, row);
  const wire::Frame& frame = batch.frame[row];
  const MutableBytes room = way.up.reserve(frame.l3_length);
  if (way.up.broken()) [[unlikely]] {
    report_broken(worker, instance_of(worker, batch, row));
    return batch.drop(row, Reason::k_no_shard);
  }
  if (room.empty()) [[unlikely]]
    return batch.drop(row, Reason::k_door_shard_full);
  std::memcpy(room.data(), batch.data[row] + frame.l3, frame.l3_length);
  way.up.commit(frame.l3_length, sum_is_good(worker, batch, row) ? kChecksumGood : uint16_t{0});
  way.anything_up = true;
}

void tell_too_big(WorkerState& worker, Batch& batch, uint32_t row, uint16_t mtu) {
  batch.drop(row, Reason::k_too_big);
  const wire::Frame& frame = batch.frame[row];
  const uint16_t front = wire::error_front(frame.family);
  if (batch.packet[row]->data_off + frame.l3 < front) return;
  std::byte* ip = batch.data[row] + frame.l3;
  const uint16_t length = wire::write_too_big(ip, frame.family, frame.l3_length, mtu);
  L7Instance::Way& way = way_of(worker, batch, row);
  const MutableBytes room = way.up.reserve(length);
  if (room.empty()) return;  // it will send the packet again
  std::memcpy(room.data(), ip - front, length);
  way.up.commit(length);
  way.up.publish();
  way.bell.ring();
}

void tell_shards(WorkerState& worker, const Batch& batch) {
  for (uint32_t row = 0; row < batch.count; ++row) {
    if (batch.verdict[row] != Verdict::kShard) continue;
    L7Instance::Way& way = way_of(worker, batch, row);
    if (!way.anything_up) continue;
    way.anything_up = false;
    way.up.publish();
    way.bell.ring();
  }
}

}  // namespace cardea::dataplane::path
