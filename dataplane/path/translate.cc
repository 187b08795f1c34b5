// ICMP errors about NAT flows.
#include "dataplane/path/translate.h"

#include "dataplane/wire/quote.h"

namespace cardea::dataplane::path {
namespace {

// The quoted packet went the other way: its source is whom the error goes to. `left` bytes of it are there, with at
// least 8 of its TCP or UDP header.
void translate_quoted(std::byte* quoted, uint32_t left, uint8_t family, const Translation& to) {
  const uint16_t header = wire::quoted_header(quoted, family);
  const auto protocol = uint8_t(quoted[family == 4 ? 9 : 6]);
  std::byte* l4 = quoted + header;
  const uint32_t checksum_end = protocol == uint8_t(Protocol::kUdp) ? 8 : 18;
  store_native(l4, to.destination_port_be | uint32_t{to.source_port_be} << 16);
  const uint16_t shifted = shift_tcp(l4, left - header, protocol, !to.own, to.shift);
  if (left >= header + checksum_end) correct_l4(l4, protocol, wire::add_deltas(to.l4_delta, shifted));
  write_addresses(quoted, family, to.destination, to.source);
  if (family == 4) store_native(quoted + 10, wire::updated(load_native<uint16_t>(quoted + 10), to.l3_delta));
}

}  // namespace

// The error comes from us then, as the packet it is about seemed to: a router's address behind the service is nobody's
// business in front of it, and one before the service could be refused behind it.
void translate_error(Batch& batch, uint32_t row, const FlowNat& flow, const Hop& hop) {
  const wire::Frame& frame = batch.frame[row];
  const Translation to = translation_of(flow, batch.direction[row]);
  std::byte* data = batch.data[row];
  std::byte *ip = data + frame.l3, *icmp = data + frame.l4;
  const uint32_t end = uint32_t{frame.l3} + frame.l3_length;
  translate_quoted(icmp + wire::kIcmpHeader, end - frame.l4 - wire::kIcmpHeader, frame.family, to);
  write_addresses(ip, frame.family, to.source, to.destination);
  store_native<uint16_t>(icmp + 2, 0);
  store_native(icmp + 2, uint16_t(~wire::icmp_sum(data, frame)));
  if (frame.family == 4) {
    store_native<uint16_t>(ip + 10, 0);
    store_native(ip + 10, uint16_t(~wire::fold(wire::sum_bytes(ip, frame.l4 - frame.l3))));
  }
  count_hop(ip, frame.family);
  write_link(data, hop, ether_type(frame.family));
}

}  // namespace cardea::dataplane::path
