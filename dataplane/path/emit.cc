// Tenth room, the only one that sends: packets are gathered by where they go and given away in as few calls as the
// burst has destinations. What an end does not take is dropped, with that end as the reason.
#include <rte_mbuf.h>

#include <span>
#include <utility>

#include "dataplane/path/path.h"
#include "dataplane/path/shard_pipes.h"

namespace cardea::dataplane::path {
namespace {

struct Gathered {
  rte_mbuf* packet[kBurstMax];
  uint8_t row[kBurstMax];
  uint16_t count = 0;

  void add(Batch& batch, uint32_t at) {
    packet[count] = batch.packet[at];
    row[count++] = uint8_t(at);
  }
  // The end took the first `taken`.
  void settle(Batch& batch, uint16_t taken, Reason why) {
    for (uint16_t i = taken; i < count; ++i) batch.drop(row[i], why);
    if (taken < count) rte_pktmbuf_free_bulk(packet + taken, count - taken);
  }
};

// Most bursts: every packet leaves, and by one port.
bool leaves_whole(const Hop* hops, const Batch& batch) {
  if (batch.live_count != batch.count) return false;
  bool whole = true;
  const uint16_t port = hops[batch.hop[0]].port;
  for (uint32_t row = 0; row < batch.count; ++row)
    whole &= batch.verdict[row] == Verdict::kForward && hops[batch.hop[row]].port == port;
  return whole;
}

void transmit_whole(WorkerState& worker, Batch& batch) {
  const uint16_t port = worker.hops->hops[batch.hop[0]].port;
  const uint16_t taken = worker.egress.transmit(worker.egress.context, port, batch.packet, uint16_t(batch.count));
  if (taken == batch.count) [[likely]]
    return;
  for (uint32_t row = taken; row < batch.count; ++row) batch.drop(row, Reason::k_tx_full);
  rte_pktmbuf_free_bulk(batch.packet + taken, batch.count - taken);
}

void transmit(WorkerState& worker, Batch& batch) {
  uint64_t left = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i)
    left |= uint64_t{batch.verdict[batch.live[i]] == Verdict::kForward} << batch.live[i];
  while (left != 0) {  // one turn for each port that the burst leaves by
    const uint16_t port = worker.hops->hops[batch.hop[__builtin_ctzll(left)]].port;
    Gathered gathered;
    for (uint64_t rest = left; rest != 0; rest &= rest - 1) {
      const auto row = uint32_t(__builtin_ctzll(rest));
      if (worker.hops->hops[batch.hop[row]].port != port) continue;
      gathered.add(batch, row);
      left &= ~(uint64_t{1} << row);
    }
    const uint16_t taken = worker.egress.transmit(worker.egress.context, port, gathered.packet, gathered.count);
    gathered.settle(batch, taken, Reason::k_tx_full);
  }
}

void hand_over(WorkerState& worker, Batch& batch) {
  for (uint32_t owner = 0; owner < worker.workers; ++owner) {
    Gathered gathered;
    for (uint32_t row = 0; row < batch.count; ++row)
      if (batch.verdict[row] == Verdict::kHandOver && batch.owner[row] == owner) gathered.add(batch, row);
    if (gathered.count == 0) continue;
    const uint16_t taken = worker.egress.hand_over(worker.egress.context, owner, gathered.packet, gathered.count);
    gathered.settle(batch, taken, Reason::k_hand_over_full);
  }
}

// Until the row's next hop is resolved. False: there is no room.
bool wait(WorkerState& worker, const Batch& batch, uint32_t row, rte_mbuf* packet) {
  const Hop& hop = worker.hops->hops[batch.hop[row]];
  IpAddress next = hop.address;
  if (hop.state == HopState::kOnLink && batch.from_shards)
    next = batch.tuple[row].destination;
  else if (hop.state == HopState::kOnLink)
    next = batch.direction[row] == Direction::kOut ? IpAddress{worker.flows.nat(batch.flow[row]).client}
                                                   : worker.plan->slots[batch.slot[row]].address;
  return worker.egress.wait(worker.egress.context, packet, hop.port, next);
}

void let_wait(WorkerState& worker, Batch& batch, uint32_t row) {
  if (wait(worker, batch, row, batch.packet[row])) return;
  batch.drop(row, Reason::k_neighbour_queue_full);
  rte_pktmbuf_free(batch.packet[row]);
}

void tell_sender(WorkerState& worker, Batch& batch, uint32_t row) {
  const Hop& hop = worker.hops->hops[batch.hop[row]];
  const Egress& egress = worker.egress;
  const bool taken = hop.state == HopState::kResolved
                         ? egress.transmit(egress.context, hop.port, &batch.packet[row], 1) == 1
                         : egress.wait(egress.context, batch.packet[row], hop.port,
                                       hop.state == HopState::kOnLink ? batch.tuple[row].source : hop.address);
  if (taken) return;
  batch.drop(row, batch.reason[row]);
  rte_pktmbuf_free(batch.packet[row]);
}

void hold(WorkerState& worker, Batch& batch, uint32_t row) {
  rte_mbuf* made_room = worker.fragments.wait(batch.datagram[row], batch.packet[row], worker.now_ms);
  if (made_room == nullptr) return;
  ++batch.given_up;
  rte_pktmbuf_free(made_room);
}

bool send_piece(WorkerState& worker, const Batch& batch, const Piece& piece) {
  const Egress& egress = worker.egress;
  rte_mbuf* packet = piece.packet;
  if (batch.verdict[piece.row] == Verdict::kWait) return wait(worker, batch, piece.row, packet);
  if (batch.verdict[piece.row] != Verdict::kForward) return false;  // without its first piece it is of no use
  return egress.transmit(egress.context, worker.hops->hops[batch.hop[piece.row]].port, &packet, 1) == 1;
}

// What is not a row of the burst: the further pieces of packets that were cut, and fragments that waited for one of the
// burst's, which go through the line again.
void send_aside(WorkerState& worker, Batch& batch) {
  for (Piece& piece : std::span(batch.pieces, batch.piece_count)) {
    if (send_piece(worker, batch, piece)) continue;
    rte_pktmbuf_free(std::exchange(piece.packet, nullptr));
  }
  if (batch.released_count == 0) return;
  const uint16_t taken =
      worker.egress.hand_over(worker.egress.context, worker.index, batch.released, batch.released_count);
  batch.unreleased = uint16_t(batch.released_count - taken);
  if (batch.unreleased > 0) rte_pktmbuf_free_bulk(batch.released + taken, batch.unreleased);
}

constexpr Reason kDoorFull[kDoorClasses] = {Reason::k_door_host_full, Reason::k_door_full, Reason::k_door_rest_full};

void to_kernel(WorkerState& worker, Batch& batch, DoorClass door, Gathered& packets) {
  if (packets.count == 0) return;
  const uint16_t taken = worker.egress.to_kernel(worker.egress.context, door, packets.packet, packets.count);
  packets.settle(batch, taken, kDoorFull[size_t(door)]);
}

void send_the_rest(WorkerState& worker, Batch& batch) {
  Gathered door[kDoorClasses], dropped;
  bool handing_over = false;
  for (uint32_t row = 0; row < batch.count; ++row) {
    switch (batch.verdict[row]) {
      case Verdict::kDoor:
        door[size_t(batch.door[row])].add(batch, row);
        break;
      case Verdict::kShard:
        give_to_shard(worker, batch, row);
        [[fallthrough]];  // what is in a shard's pipe is a copy
      case Verdict::kDrop:
        dropped.add(batch, row);
        break;
      case Verdict::kHandOver:
        handing_over = true;
        break;
      case Verdict::kWait:
        let_wait(worker, batch, row);
        break;
      case Verdict::kHold:
        hold(worker, batch, row);
        break;
      case Verdict::kToSender:
        tell_sender(worker, batch, row);
        break;
      case Verdict::kForward:
      case Verdict::kOnTheLine:
        break;
    }
  }
  tell_shards(worker, batch);
  if (dropped.count > 0) rte_pktmbuf_free_bulk(dropped.packet, dropped.count);
  if (handing_over) hand_over(worker, batch);
  for (uint32_t i = 0; i < kDoorClasses; ++i) to_kernel(worker, batch, DoorClass(i), door[i]);
}

}  // namespace

void emit(WorkerState& worker, Batch& batch) {
  if (batch.live_count != 0 && leaves_whole(worker.hops->hops.data(), batch)) [[likely]] {
    transmit_whole(worker, batch);
  } else {
    send_the_rest(worker, batch);
    if (batch.live_count != 0) transmit(worker, batch);
  }
  if (batch.told.mtu != 0) [[unlikely]]
    worker.egress.tell(worker.egress.context, batch.told);
  if (batch.piece_count + batch.released_count != 0) [[unlikely]]
    send_aside(worker, batch);
}

}  // namespace cardea::dataplane::path
