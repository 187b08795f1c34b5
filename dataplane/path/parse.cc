// First room: where the headers are. Sends to the kernel what is not TCP or UDP over IP, drops what cannot be read.
#include <rte_mbuf.h>

#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

void refuse(Batch& batch, uint32_t row, wire::Fault fault) {
  switch (fault) {
    case wire::Fault::kNotIp: return batch.leave(row, Verdict::kDoor, Reason::k_not_ip);
    case wire::Fault::kVlan: return batch.leave(row, Verdict::kDoor, Reason::k_vlan);
    case wire::Fault::kNotTcpUdp: return batch.leave(row, Verdict::kDoor, Reason::k_not_tcp_udp);
    case wire::Fault::kIpHeader: return batch.drop(row, Reason::k_bad_ip_header);
    case wire::Fault::kExtension: return batch.drop(row, Reason::k_bad_extension_header);
    case wire::Fault::kL4Header: return batch.drop(row, Reason::k_bad_l4_header);
    case wire::Fault::kTruncated:
    case wire::Fault::kNone: return batch.drop(row, Reason::k_truncated);
  }
}

}  // namespace

void parse(WorkerState&, Batch& batch) {
  constexpr uint32_t kAhead = 8;
  for (uint32_t row = 0; row < batch.count && row < kAhead; ++row)
    __builtin_prefetch(rte_pktmbuf_mtod(batch.packet[row], void*), 1);
  uint32_t live = 0;
  for (uint32_t row = 0; row < batch.count; ++row) {
    if (row + kAhead < batch.count) __builtin_prefetch(rte_pktmbuf_mtod(batch.packet[row + kAhead], void*), 1);
    rte_mbuf* packet = batch.packet[row];
    batch.data[row] = rte_pktmbuf_mtod(packet, std::byte*);
    batch.length[row] = batch.out_length[row] = uint16_t(packet->pkt_len);
    batch.service[row] = kNoService;
    batch.slot[row] = kNoSlot;
    batch.verdict[row] = Verdict::kOnTheLine;
    batch.reason[row] = Reason::kNone;
    const wire::Frame frame = wire::read_frame({batch.data[row], packet->data_len}, batch.tuple[row]);
    batch.frame[row] = frame;
    batch.live[live] = uint8_t(row);
    if (frame.fault == wire::Fault::kNone && packet->nb_segs == 1) [[likely]] ++live;
    else if (packet->nb_segs != 1) batch.drop(row, Reason::k_segmented);
    else refuse(batch, row, frame.fault);
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
