// Cutting frames into fragments and putting them together, as RFC 791 and RFC 8200 say it and independent of the code
// under test.
#pragma once

#include <optional>
#include <vector>

#include "tests/packets/site.h"

namespace cardea::dataplane::test {

using Frame = std::vector<std::byte>;

// Of a frame without IPv4 options or IPv6 extension headers; `step` is a multiple of eight. Of IPv4 without DF.
std::vector<Frame> fragments_of(const Frame& whole, size_t step, uint32_t id);

struct Datagram {
  Frame frame;  // whole, DF and identification zero, without a fragment header, the IPv4 sum anew
  uint32_t id = 0;
};
// In any order, complete, of one datagram, without overlap: else nothing.
std::optional<Datagram> reassembled(std::vector<Frame> fragments);

// As Datagram::frame would be.
Frame without_id(Frame whole);

}  // namespace cardea::dataplane::test
