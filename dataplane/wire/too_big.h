// Telling a sender that its packet is larger than the way ahead: "fragmentation needed" (RFC 1191) and "packet too big"
// (RFC 4443 3.2), made of the packet itself, which they quote.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cardea::dataplane::wire {

// Bytes that the error puts before the packet it quotes: an IP and an ICMP header.
inline uint16_t error_front(uint8_t family) {
  return family == 4 ? 28 : 48;
}

// `ip`: a whole IP packet of `length` bytes as it came, with error_front() bytes before it to write into. The error
// goes from the packet's destination to its source and starts at `ip` - error_front(). Returns its length: as much is
// quoted as errors may (RFC 1812 4.3.2.3, RFC 4443 2.4 c).
uint16_t write_too_big(std::byte* ip, uint8_t family, uint16_t length, uint16_t mtu);

}  // namespace cardea::dataplane::wire
