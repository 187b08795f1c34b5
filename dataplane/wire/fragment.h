// What a fragment says of its datagram (RFC 791 3.2, RFC 8200 4.5), and giving the datagram another name.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/wire/frame.h"

namespace cardea::dataplane::wire {

struct Fragment {
  uint32_t id = 0;     // of the datagram, between two addresses and for one protocol
  uint16_t at = 0;     // offset of the IPv4 header's flags and offset, or of IPv6's fragment header
  uint16_t first = 0;  // the payload's place in the datagram, in bytes
  bool more = false;   // another one follows
};

// Precondition: read_frame() made `frame` of these bytes, without a fault and with kFragment.
Fragment read_fragment(const std::byte* data, const Frame& frame);

// All fragments of a datagram need the same one. Of IPv4 the lower half counts, and the header's checksum follows.
void write_fragment_id(std::byte* data, const Frame& frame, uint32_t id);

}  // namespace cardea::dataplane::wire
