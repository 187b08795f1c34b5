// Third room: whose packet it is: a service's, a reply to one of our NAT addresses, or the kernel's. Gives the flow hash to those
// that stay on the line.
#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

bool unspecified(const FlowTuple& tuple, uint8_t family) {
  const uint8_t* source = tuple.source.bytes.data();
  return family == 4 ? source[12] == 0 : load_native<uint64_t>(source) == 0 && load_native<uint64_t>(source + 8) == 0;
}

// True when the packet stays on the line.
bool classify_one(const LivePlan& plan, Batch& batch, uint32_t row) {
  const wire::Frame& frame = batch.frame[row];
  const FlowTuple& tuple = batch.tuple[row];
  if (frame.flags & wire::kFragment) [[unlikely]] {
    if (plan.listen_table->use_of(tuple.destination) & kServiceAddress) batch.drop(row, Reason::k_fragment);
    else batch.leave(row, Verdict::kDoor, Reason::k_not_a_service);
    return false;
  }
  const ServiceId service = plan.listen_table->find(tuple.destination, tuple.destination_port_be, tuple.protocol);
  batch.service[row] = service;
  batch.direction[row] = service == kNoService ? Direction::kOut : Direction::kIn;
  if (service == kNoService) {
    const bool nat = plan.is_nat_port(__builtin_bswap16(tuple.destination_port_be)) &&
                     plan.listen_table->use_of(tuple.destination) & kNatAddress;
    if (!nat) {
      batch.leave(row, Verdict::kDoor, Reason::k_not_a_service);
      return false;
    }
  } else if ((*plan.services)[service].forward == image::Forward::local) {
    batch.leave(row, Verdict::kDoor, Reason::k_local_service);
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
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    live += classify_one(plan, batch, row);
  }
  batch.live_count = live;
  for (uint32_t i = 0; i < live; ++i) {
    const uint32_t row = batch.live[i];
    const FlowTuple& t = batch.tuple[row];
    const uint8_t *source = t.source.bytes.data(), *destination = t.destination.bytes.data();
    batch.hash[row] = batch.frame[row].family == 4
                          ? flow_hash_v4(plan.hash_key, load_native<uint32_t>(source + 12), load_native<uint32_t>(destination + 12),
                                         t.source_port_be, t.destination_port_be, t.protocol)
                          : flow_hash_v6(plan.hash_key, source, destination, t.source_port_be, t.destination_port_be, t.protocol);
  }
}

}  // namespace cardea::dataplane::path
