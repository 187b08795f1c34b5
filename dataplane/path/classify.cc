// Fourth room: whose packet it is: a service's, a reply to one of our NAT addresses, cardea-l7's, or the kernel's. Gives
// the flow hash to those that stay on the line.
#include "dataplane/path/flow_hashes.h"
#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

bool unspecified(const FlowTuple& tuple, uint8_t family) {
  const uint8_t* source = tuple.source.bytes.data();
  return family == 4 ? source[12] == 0 : load_native<uint64_t>(source) == 0 && load_native<uint64_t>(source + 8) == 0;
}

bool is_for_dialled(const LivePlan& plan, const ListenTable& listens, const FlowTuple& tuple) {
  return plan.is_dialled_from(tuple.protocol, __builtin_bswap16(tuple.destination_port_be)) &&
         listens.use_of(tuple.destination) & kPortAddress;
}

// To cardea-l7, which looks at the rest itself.
void to_shard(Batch& batch, uint32_t row) {
  if (batch.frame[row].flags & wire::kFragment) [[unlikely]]
    return batch.drop(row, Reason::k_shard_fragment);
  if (unspecified(batch.tuple[row], batch.frame[row].family)) [[unlikely]]
    return batch.drop(row, Reason::k_martian_source);
  batch.leave(row, Verdict::kShard, Reason::kNone);
}

// True when the packet stays on the line.
bool classify_one(const LivePlan& plan, const ListenTable& listens, Batch& batch, uint32_t row) {
  const wire::Frame& frame = batch.frame[row];
  const FlowTuple& tuple = batch.tuple[row];
  if (!for_this_port(batch.mac, batch.data[row])) [[unlikely]] {
    batch.leave(row, Verdict::kDoor, Reason::k_other_link_address);
    return false;
  }
  if (frame.flags & wire::kFragment && !(batch.known >> row & 1)) [[unlikely]] {
    batch.leave(row, Verdict::kDoor, Reason::k_not_a_service);
    return false;
  }
  const ServiceId service = listens.find(tuple.destination, tuple.destination_port_be, tuple.protocol);
  batch.service[row] = service;
  batch.direction[row] = service == kNoService ? Direction::kOut : Direction::kIn;
  if (service == kNoService) {
    const bool nat = plan.is_nat_port(__builtin_bswap16(tuple.destination_port_be)) &&
                     listens.use_of(tuple.destination) & kNatAddress;
    if (!nat) {
      if (is_for_dialled(plan, listens, tuple))
        to_shard(batch, row);
      else
        batch.leave(row, Verdict::kDoor, Reason::k_not_a_service);
      return false;
    }
  } else if ((*plan.services)[service].forward == image::Forward::local) {
    batch.leave(row, Verdict::kDoor, Reason::k_local_service);
    return false;
  } else if ((*plan.services)[service].forward == image::Forward::shard) {
    to_shard(batch, row);
    return false;
  }
  if (unspecified(tuple, frame.family)) [[unlikely]] {
    batch.drop(row, Reason::k_martian_source);
    return false;
  }
  if (frame.ttl <= 1) [[unlikely]] {
    batch.drop(row, Reason::k_ttl_expired);
    return false;
  }
  return true;
}

}  // namespace

void classify(WorkerState& worker, Batch& batch) {
  const LivePlan& plan = *worker.plan;
  const ListenTable& listens = *plan.listen_table;
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    live += classify_one(plan, listens, batch, row);
  }
  batch.live_count = live;
  hash_flows(plan.hash_key, batch.tuple, batch.frame, batch.live, live, batch.hash);
}

}  // namespace cardea::dataplane::path
