// Second room: refuses packets that are bad for anyone: wrong checksums and senders that cannot be. What only a service
// must not get (fragments, a used-up TTL) is classify's to refuse, for the kernel may want it.
#include <rte_mbuf.h>

#include "dataplane/path/path.h"
#include "dataplane/wire/checksum.h"
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

bool wrong_l4_sum(const Batch& batch, uint32_t row) {
  const wire::Frame& frame = batch.frame[row];
  if (frame.l4 == 0 || frame.flags & wire::kFragment) return false;  // covers what is not in this packet
  const std::byte* data = batch.data[row];
  const bool udp = frame.protocol == uint8_t(Protocol::kUdp);
  if (udp && frame.family == 4 && load_native<uint16_t>(data + frame.l4 + 6) == 0) return false;  // not computed
  const uint32_t end = uint32_t{frame.l3} + frame.l3_length;
  const uint32_t size = udp ? load_be16(data + frame.l4 + 4) : end - frame.l4;
  const FlowTuple& tuple = batch.tuple[row];
  const size_t skip = frame.family == 4 ? 12 : 0;
  uint64_t sum = __builtin_bswap16(uint16_t(size)) + (uint64_t{frame.protocol} << 8);
  sum = wire::sum_bytes(tuple.source.bytes.data() + skip, 16 - skip, sum);
  sum = wire::sum_bytes(tuple.destination.bytes.data() + skip, 16 - skip, sum);
  return wire::fold(wire::sum_bytes(data + frame.l4, size, sum)) != 0xffff;
}

bool bad_l4_checksum(const rte_mbuf& packet, const Batch& batch, uint32_t row, image::Checksums setting) {
  const uint64_t nic = packet.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  if (nic == RTE_MBUF_F_RX_L4_CKSUM_BAD) return true;
  if (setting != image::Checksums::full || nic == RTE_MBUF_F_RX_L4_CKSUM_GOOD) [[likely]]
    return false;
  return wrong_l4_sum(batch, row);
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

}  // namespace

void guard(WorkerState& worker, Batch& batch) {
  const image::Checksums setting = worker.plan->settings.checksums;
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    const wire::Frame& frame = batch.frame[row];
    const rte_mbuf& packet = *batch.packet[row];
    batch.live[live] = uint8_t(row);
    if (frame.family == 4 && bad_ip_checksum(packet, batch.data[row] + frame.l3, setting)) [[unlikely]]
      batch.drop(row, Reason::k_bad_ip_checksum);
    else if (bad_l4_checksum(packet, batch, row, setting)) [[unlikely]]
      batch.drop(row, Reason::k_bad_l4_checksum);
    else if (martian(batch.tuple[row], frame.family)) [[unlikely]]
      batch.drop(row, Reason::k_martian_source);
    else
      ++live;
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
