// Errors and pieces in packet buffers; their bytes are those of wire/too_big.h and wire/cut.h.
#include "dataplane/wire/too_big.h"

#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/path/leave.h"
#include "dataplane/path/too_big.h"
#include "dataplane/wire/cut.h"

namespace cardea::dataplane::path {
namespace {

constexpr uint32_t kPiecesOfOne = 64;

// Frames of their own, behind the link header of the one they are of.
void write_pieces(const std::byte* frame, const wire::Cut& pieces, uint16_t port, std::span<rte_mbuf* const> into) {
  for (uint32_t i = 0; i < into.size(); ++i) {
    rte_mbuf& packet = *into[i];
    packet.data_len = uint16_t(wire::kEtherHeader + pieces.size(i));
    packet.pkt_len = packet.data_len;
    packet.port = port;
    std::byte* to = rte_pktmbuf_mtod(&packet, std::byte*);
    std::memcpy(to, frame, wire::kEtherHeader);
    pieces.write(i, to + wire::kEtherHeader);
  }
}

bool drop(Batch& batch, uint32_t row, Reason why) {
  batch.drop(row, why);
  return false;
}

}  // namespace

void refuse_too_big(WorkerState& worker, Batch& batch, uint32_t row, uint16_t mtu) {
  batch.drop(row, Reason::k_too_big);
  const wire::Frame& frame = batch.frame[row];
  rte_mbuf& packet = *batch.packet[row];
  const uint16_t front = wire::error_front(frame.family);
  if (worker.dry || frame.flags & wire::kQuote || packet.data_off < front) return;
  const HopId id = worker.hops->routes.lookup(batch.tuple[row].source);
  if (id == kNoHop || worker.hops->hops[id].state == HopState::kFailed || worker.told_ms == worker.now_ms) return;
  worker.told_ms = worker.now_ms;
  batch.hop[row] = id;
  std::byte* ip = batch.data[row] + frame.l3;
  const uint16_t length = wire::write_too_big(ip, frame.family, frame.l3_length, mtu);
  packet.data_off = uint16_t(packet.data_off - front);
  packet.data_len = uint16_t(frame.l3 + length);
  packet.pkt_len = packet.data_len;
  batch.data[row] -= front;
  batch.out_length[row] = packet.data_len;
  write_link(batch.data[row], worker.hops->hops[id], ether_type(frame.family));
  batch.leave(row, Verdict::kToSender, Reason::k_too_big);
}

bool cut(Batch& batch, uint32_t row, uint8_t family, uint16_t mtu, uint32_t id) {
  rte_mbuf* whole = batch.packet[row];
  const std::byte* frame = batch.data[row];
  const wire::Cut pieces(frame + wire::kEtherHeader, family, uint16_t(whole->data_len - wire::kEtherHeader), mtu, id);
  const uint32_t count = pieces.count();
  if (count == 0) return drop(batch, row, Reason::k_too_big);
  std::array<rte_mbuf*, kPiecesOfOne> packets;
  const bool room = count <= kPiecesOfOne && batch.piece_count + count - 1 <= Batch::kPiecesMax;
  if (!room || whole->pool == nullptr || rte_pktmbuf_alloc_bulk(whole->pool, packets.data(), count) != 0)
    return drop(batch, row, Reason::k_no_buffer);
  if (rte_pktmbuf_tailroom(packets[0]) < wire::kEtherHeader + pieces.size(0)) {
    rte_pktmbuf_free_bulk(packets.data(), count);
    return drop(batch, row, Reason::k_no_buffer);
  }
  write_pieces(frame, pieces, whole->port, std::span(packets).first(count));
  rte_pktmbuf_free(whole);
  batch.packet[row] = packets[0];
  batch.data[row] = rte_pktmbuf_mtod(packets[0], std::byte*);
  batch.out_length[row] = packets[0]->data_len;
  for (uint32_t i = 1; i < count; ++i)
    batch.pieces[batch.piece_count++] = {packets[i], packets[i]->data_len, uint8_t(row)};
  return true;
}

}  // namespace cardea::dataplane::path
