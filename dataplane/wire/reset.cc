// What it says is read before anything is written: both lie in the same place.
#include "dataplane/wire/reset.h"

#include <cstring>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/l4_checksum.h"

namespace cardea::dataplane::wire {
namespace {

constexpr uint8_t kTtl = 64;
constexpr uint16_t kTcpHeader = 20;

struct Answer {
  uint32_t sequence = 0, acknowledgement = 0;
  uint8_t flags = kTcpRst;
};

Answer answer_to(const std::byte* tcp, uint32_t size, uint8_t flags) {
  if (flags & kTcpAck) return {.sequence = load_be32(tcp + 8)};
  const uint32_t payload = size - (uint32_t(tcp[12]) >> 4) * 4;
  const uint32_t taken = payload + ((flags & kTcpSyn) != 0) + ((flags & kTcpFin) != 0);
  return {.acknowledgement = load_be32(tcp + 4) + taken, .flags = kTcpRst | kTcpAck};
}

// From the destination of `tuple` to its source.
void write_ip4(std::byte* at, const FlowTuple& tuple, uint16_t length) {
  std::memset(at, 0, 20);
  at[0] = std::byte{0x45};
  store_be16(at + 2, length);
  at[6] = std::byte{0x40};  // never cut, so that its identification says nothing (RFC 6864)
  at[8] = std::byte{kTtl}, at[9] = std::byte(Protocol::kTcp);
  std::memcpy(at + 12, tuple.destination.v4_data(), 4);
  std::memcpy(at + 16, tuple.source.v4_data(), 4);
  store_native(at + 10, uint16_t(~fold(sum_plain_ipv4_header(at))));
}

void write_ip6(std::byte* at, const FlowTuple& tuple, uint16_t length) {
  store_be32(at, 0x60000000u);
  store_be16(at + 4, uint16_t(length - 40));
  at[6] = std::byte(Protocol::kTcp), at[7] = std::byte{kTtl};
  std::memcpy(at + 8, tuple.destination.bytes.data(), 16);
  std::memcpy(at + 24, tuple.source.bytes.data(), 16);
}

void write_tcp(std::byte* at, const FlowTuple& tuple, const Answer& answer) {
  std::memset(at, 0, kTcpHeader);
  store_native(at, tuple.destination_port_be);
  store_native(at + 2, tuple.source_port_be);
  store_be32(at + 4, answer.sequence);
  store_be32(at + 8, answer.acknowledgement);
  at[12] = std::byte{kTcpHeader / 4 << 4}, at[13] = std::byte{answer.flags};
}

}  // namespace

uint16_t write_reset(std::byte* data, const Frame& frame, const FlowTuple& tuple) {
  const uint32_t size = uint32_t{frame.l3} + frame.l3_length - frame.l4;
  const Answer answer = answer_to(data + frame.l4, size, frame.tcp_flags);
  Frame reset = frame;
  reset.l4 = uint16_t(frame.l3 + (frame.family == 4 ? 20 : 40));
  reset.l3_length = uint16_t(reset.l4 - frame.l3 + kTcpHeader);
  if (frame.family == 4)
    write_ip4(data + frame.l3, tuple, reset.l3_length);
  else
    write_ip6(data + frame.l3, tuple, reset.l3_length);
  write_tcp(data + reset.l4, tuple, answer);
  set_l4_sum(reset, tuple, data);  // either way round the pseudo header has one sum
  return reset.l3_length;
}

}  // namespace cardea::dataplane::wire
