// First room: where the headers are. Takes priority tags off, sends to the kernel what is not TCP or UDP over IP nor an
// ICMP error about them, drops what cannot be read.
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "dataplane/path/path.h"
#include "dataplane/wire/l4_checksum.h"
#include "dataplane/wire/quote.h"
#include "dataplane/wire/read_frame.h"

namespace cardea::dataplane::path {
namespace {

constexpr uint16_t kTag = 4;  // bytes of a VLAN tag

void refuse(Batch& batch, uint32_t row, wire::Fault fault) {
  switch (fault) {
    case wire::Fault::kNotIp:
      return batch.leave(row, Verdict::kDoor, Reason::k_not_ip);
    case wire::Fault::kVlan:
      return batch.leave(row, Verdict::kDoor, Reason::k_vlan);
    case wire::Fault::kNotTcpUdp:
      return batch.leave(row, Verdict::kDoor, Reason::k_not_tcp_udp);
    case wire::Fault::kIpHeader:
      return batch.drop(row, Reason::k_bad_ip_header);
    case wire::Fault::kExtension:
      return batch.drop(row, Reason::k_bad_extension_header);
    case wire::Fault::kL4Header:
      return batch.drop(row, Reason::k_bad_l4_header);
    case wire::Fault::kTruncated:
    case wire::Fault::kNone:
      return batch.drop(row, Reason::k_truncated);
  }
}

// IEEE 802.1Q: a tag of VLAN 0 names none, it carries a priority. Some networks put one on every frame.
bool take_priority_tag(rte_mbuf& packet) {
  std::byte* data = rte_pktmbuf_mtod(&packet, std::byte*);
  if (packet.data_len < wire::kEtherHeader + kTag || load_be16(data + 12) != wire::kEtherVlan) return false;
  if (load_be16(data + 14) & 0x0fff) return false;
  std::memmove(data + kTag, data, 12);
  rte_pktmbuf_adj(&packet, kTag);
  return true;
}

// The kernel's VLAN interface trusts no checksum it finds on the TAP, and would drop what another host left half done.
bool finish_behind_tags(const Batch& batch, uint32_t row) {
  FlowTuple tuple;
  const MutableBytes bytes{batch.data[row], batch.packet[row]->data_len};
  const wire::Frame frame = wire::read_behind_tags(bytes, tuple);
  if (frame.fault != wire::Fault::kNone || !wire::l4_sum_half_done(frame, tuple, bytes.data())) return false;
  wire::set_l4_sum(frame, tuple, bytes.data());
  return true;
}

// What is not a plain TCP or UDP packet. True: it goes on all the same.
bool read_again(Batch& batch, uint32_t row) {
  rte_mbuf& packet = *batch.packet[row];
  if (packet.nb_segs != 1) return batch.drop(row, Reason::k_segmented), false;
  wire::Frame& frame = batch.frame[row];
  if (frame.fault == wire::Fault::kVlan && take_priority_tag(packet)) {
    batch.data[row] = rte_pktmbuf_mtod(&packet, std::byte*);
    frame = wire::read_frame({batch.data[row], packet.data_len}, batch.tuple[row]);
  }
  if (frame.fault == wire::Fault::kNone) return true;
  if (frame.fault == wire::Fault::kNotTcpUdp &&
      wire::read_quote({batch.data[row], packet.data_len}, frame, batch.tuple[row]))
    return true;
  if (frame.fault == wire::Fault::kNotTcpUdp)
    if (const auto told = wire::read_tunnel_too_big({batch.data[row], packet.data_len}, frame, batch.tuple[row]))
      batch.told = *told;
  if (frame.fault == wire::Fault::kVlan && batch.virtual_link)
    batch.sums_finished |= uint64_t{finish_behind_tags(batch, row)} << row;
  refuse(batch, row, frame.fault);
  return false;
}

}  // namespace

void parse(WorkerState&, Batch& batch) {
  constexpr uint32_t kAhead = 8;
  const uint32_t count = batch.count;
  for (uint32_t row = 0; row < count && row < kAhead; ++row)
    __builtin_prefetch(rte_pktmbuf_mtod(batch.packet[row], void*), 1);
  std::ranges::fill(batch.service, kNoService);
  std::ranges::fill(batch.slot, kNoSlot);
  std::ranges::fill(batch.verdict, Verdict::kOnTheLine);
  std::ranges::fill(batch.reason, Reason::kNone);
  batch.sums_finished = 0;
  batch.told.mtu = 0;
  uint32_t live = 0;
  for (uint32_t row = 0; row < count; ++row) {
    if (row + kAhead < count) __builtin_prefetch(rte_pktmbuf_mtod(batch.packet[row + kAhead], void*), 1);
    const rte_mbuf* packet = batch.packet[row];
    std::byte* data = rte_pktmbuf_mtod(packet, std::byte*);
    batch.data[row] = data;
    batch.length[row] = batch.out_length[row] = uint16_t(packet->pkt_len);
    const wire::Frame& frame = wire::read_frame_into(batch.frame[row], {data, packet->data_len}, batch.tuple[row]);
    batch.live[live] = uint8_t(row);
    if (frame.fault == wire::Fault::kNone && packet->nb_segs == 1) [[likely]]
      ++live;
    else
      live += read_again(batch, row);
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
