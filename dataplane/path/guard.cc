// Second room: refuses packets that are bad for anyone: wrong checksums and senders that cannot be or are blocked. What only a service
// must not get (a used-up TTL) is classify's to refuse, for the kernel may want it. Checksums that a sending host left
// half done are finished first.
#include <rte_mbuf.h>

#include "dataplane/path/path.h"
#include "dataplane/wire/l4_checksum.h"
#include "dataplane/wire/mapped_address.h"

namespace cardea::dataplane::path {
namespace {

bool bad_ip_checksum(const rte_mbuf& packet, const std::byte* ip, image::Checksums setting) {
  const uint64_t nic = packet.ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
  if (nic == RTE_MBUF_F_RX_IP_CKSUM_BAD) return true;
  if (nic == RTE_MBUF_F_RX_IP_CKSUM_GOOD || setting == image::Checksums::none) return false;
  const uint64_t sum =
      ip[0] == std::byte{0x45} ? wire::sum_plain_ipv4_header(ip) : wire::sum_bytes(ip, (size_t(ip[0]) & 0xf) * 4);
  return wire::fold(sum) != 0xffff;
}

// Finishes a checksum that the sender's host left to a NIC, or that a NIC says is not there though it knows the packet
// to be sound. True: it did.
bool finish_l4_checksum(const rte_mbuf& packet, Batch& batch, uint32_t row) {
  const wire::Frame& frame = batch.frame[row];
  const bool not_there = (packet.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;
  if (frame.l4 == 0 || frame.flags & (wire::kFragment | wire::kQuote)) return false;
  if (!not_there && !wire::l4_sum_half_done(frame, batch.tuple[row], batch.data[row])) return false;
  wire::set_l4_sum(frame, batch.tuple[row], batch.data[row]);
  return true;
}

bool may_be_half_done(const rte_mbuf& packet, const Batch& batch) {
  return batch.virtual_link || (packet.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;
}

bool bad_l4_checksum(const rte_mbuf& packet, const Batch& batch, uint32_t row, image::Checksums setting) {
  const uint64_t nic = packet.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  if (nic == RTE_MBUF_F_RX_L4_CKSUM_BAD) return true;
  if (setting != image::Checksums::full || nic == RTE_MBUF_F_RX_L4_CKSUM_GOOD) [[likely]]
    return false;
  return !wire::l4_sum_right(batch.frame[row], batch.tuple[row], batch.data[row]);
}

// RFC 1122 3.2.1.3, RFC 4291 2.5: not a sender's address. The unspecified one is (DHCP), though not to a service.
bool martian(const FlowTuple& tuple, uint8_t family) {
  const uint8_t* source = tuple.source.bytes.data();
  if (family == 4) {
    const bool to_itself = load_native<uint32_t>(source + 12) == load_native<uint32_t>(tuple.destination.v4_data());
    return to_itself || source[12] == 127 || source[12] >= 224;
  }
  if (tuple.source == tuple.destination) return true;
  if (source[0] == 0xff) return true;
  if (load_native<uint64_t>(source) == 0 && load_be64(source + 8) == 1) return true;
  return wire::is_mapped(tuple.source) || wire::is_mapped(tuple.destination);  // IPv4's form here, never on the wire
}

// What is quoted in an error is somebody else's packet.
void drop_blocked(const BlockList& blocks, Batch& batch) {
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    if (!(batch.frame[row].flags & wire::kQuote) && blocks.has(batch.tuple[row].source))
      batch.drop(row, Reason::k_blocked);
    else
      ++live;
  }
  batch.live_count = live;
}

}  // namespace

void guard(WorkerState& worker, Batch& batch) {
  const image::Checksums setting = worker.plan->settings.checksums;
  if (worker.blocks != nullptr) [[unlikely]]
    drop_blocked(*worker.blocks, batch);
  uint64_t fragments = 0;
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    const wire::Frame& frame = batch.frame[row];
    const rte_mbuf& packet = *batch.packet[row];
    batch.live[live] = uint8_t(row);
    if (may_be_half_done(packet, batch)) [[unlikely]]
      batch.sums_finished |= uint64_t{finish_l4_checksum(packet, batch, row)} << row;
    if (frame.family == 4 && bad_ip_checksum(packet, batch.data[row] + frame.l3, setting)) [[unlikely]]
      batch.drop(row, Reason::k_bad_ip_checksum);
    else if (bad_l4_checksum(packet, batch, row, setting)) [[unlikely]]
      batch.drop(row, Reason::k_bad_l4_checksum);
    else if (martian(batch.tuple[row], frame.family)) [[unlikely]]
      batch.drop(row, Reason::k_martian_source);
    else
      ++live, fragments |= uint64_t(frame.flags & wire::kFragment) << row;
  }
  batch.fragments = fragments;
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
