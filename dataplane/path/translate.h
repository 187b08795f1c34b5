// fullnat: addresses, ports and the client's TCP numbers (wire/tcp_shift.h) are changed in place, and the checksums by
// what changed (RFC 1624). Bodies stand in a header because each packet needs them.
#pragma once

#include "dataplane/path/join.h"
#include "dataplane/path/leave.h"
#include "dataplane/wire/fragment.h"

namespace cardea::dataplane::path {

inline void correct_l4(std::byte* l4, uint8_t protocol, uint16_t delta) {
  const bool udp = protocol == uint8_t(Protocol::kUdp);
  std::byte* at = l4 + (udp ? 6 : 16);
  const auto checksum = load_native<uint16_t>(at);
  if (udp && checksum == 0) return;  // the sender did not compute one
  const uint16_t corrected = wire::updated(checksum, delta);
  store_native<uint16_t>(at, udp && corrected == 0 ? 0xffff : corrected);
}

// What a packet of a NAT flow carries when it leaves, and what that changes in its checksums.
struct Translation {
  const std::byte *source, *destination;  // 16 bytes each
  uint16_t l3_delta, l4_delta;
  uint16_t source_port_be, destination_port_be;
  wire::TcpShift shift;
  bool own;  // the segment is the client's, and so are its sequence number and TSval
};

inline Translation translation_of(const FlowNat& flow, Direction direction) {
  const auto bytes = [](const auto& address) { return reinterpret_cast<const std::byte*>(address.data()); };
  if (direction == Direction::kOut)
    return {bytes(flow.service_address),
            bytes(flow.client),
            uint16_t(~flow.l3_delta),
            uint16_t(~flow.l4_delta),
            flow.head.destination_port_be,
            flow.head.source_port_be,
            -flow.shift,
            false};
  return {bytes(flow.nat_address), bytes(flow.backend),  flow.l3_delta, flow.l4_delta,
          flow.nat_port_be,        flow.backend_port_be, flow.shift,    true};
}

// Returns what it adds to the checksum's delta. `left`: bytes from the TCP or UDP header on.
inline uint16_t shift_tcp(std::byte* l4, uint32_t left, uint8_t protocol, bool own, const wire::TcpShift& by) {
  if (protocol != uint8_t(Protocol::kTcp)) return 0;
  const uint32_t size = wire::tcp_header_in(l4, left);
  return own ? wire::shift_own(l4, size, by) : wire::shift_echoed(l4, size, by);
}

inline void write_addresses(std::byte* ip, uint8_t family, const std::byte* source, const std::byte* destination) {
  if (family == 4) {
    __builtin_memcpy(ip + 12, source + 12, 4);
    __builtin_memcpy(ip + 16, destination + 12, 4);
  } else {
    __builtin_memcpy(ip + 8, source, 16);
    __builtin_memcpy(ip + 24, destination, 16);
  }
}

// A datagram's first fragment has its ports and checksum; the others have neither. They leave under an address that many
// senders share, so the datagram needs a name of ours.
inline void translate_l4(Batch& batch, uint32_t row, const Translation& to) {
  const wire::Frame& frame = batch.frame[row];
  std::byte* l4 = batch.data[row] + frame.l4;
  store_native(l4, to.source_port_be | uint32_t{to.destination_port_be} << 16);
  const uint32_t left = uint32_t{frame.l3} + frame.l3_length - frame.l4;
  const uint16_t shifted = shift_tcp(l4, left, frame.protocol, to.own, to.shift);
  correct_l4(l4, frame.protocol, wire::add_deltas(to.l4_delta, shifted));
}

inline void translate(Batch& batch, uint32_t row, const FlowNat& flow, const Hop& hop) {
  const wire::Frame& frame = batch.frame[row];
  const Translation to = translation_of(flow, batch.direction[row]);
  std::byte* data = batch.data[row];
  std::byte* ip = data + frame.l3;
  if (frame.l4 != 0) [[likely]]
    translate_l4(batch, row, to);
  write_addresses(ip, frame.family, to.source, to.destination);
  if (frame.family == 4) store_native(ip + 10, wire::updated(load_native<uint16_t>(ip + 10), to.l3_delta));
  if (frame.flags & wire::kFragment) [[unlikely]]
    wire::write_fragment_id(data, frame, mark_of(*batch.packet[row]).id);
  count_hop(ip, frame.family);
  write_link(data, hop, ether_type(frame.family));
}

// An ICMP error about a flow, with the packet that it quotes, so that its receiver sees its own.
void translate_error(Batch& batch, uint32_t row, const FlowNat& flow, const Hop& hop);

}  // namespace cardea::dataplane::path
