// First room: where the headers are. Sends to the kernel what is not TCP or UDP over IP nor an ICMP error about them,
// drops what cannot be read.
#include <rte_mbuf.h>

#include <algorithm>

#include "dataplane/path/path.h"
#include "dataplane/wire/quote.h"
#include "dataplane/wire/read_frame.h"

namespace cardea::dataplane::path {
namespace {

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
    else if (packet->nb_segs != 1)
      batch.drop(row, Reason::k_segmented);
    else if (frame.fault == wire::Fault::kNotTcpUdp &&
             wire::read_quote({data, packet->data_len}, batch.frame[row], batch.tuple[row]))
      ++live;
    else
      refuse(batch, row, frame.fault);
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
