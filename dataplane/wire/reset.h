// The reset that answers a TCP packet which belongs to no connection (RFC 9293 3.10.7.1), written in its place.
#pragma once

#include "dataplane/wire/frame.h"

namespace cardea::dataplane::wire {

// `data`: a whole TCP packet without a fault, itself no reset, whose headers `frame` and `tuple` are. Its length behind
// `frame.l3` then: headers alone, without options. Both checksums are right.
uint16_t write_reset(std::byte* data, const Frame& frame, const FlowTuple& tuple);

}  // namespace cardea::dataplane::wire
