// Handshakes without memory, while more are half-open than there is room for (RFC 4987 3.6): what has to be remembered
// of a SYN stands in the number of its answer and, where the peer has timestamps, in six bits of ours: window scale,
// SACK and ECN. Without timestamps a connection that begins so has neither. A cookie is good for one to two minutes.
#pragma once

#include <optional>

#include "l7/tcp/segment.h"
#include "l7/tcp/settings.h"

namespace cardea::l7::tcp {

// The SYN|ACK that answers a SYN.
Outgoing cookie_answer(const Settings& settings, const Segment& syn, Instant now);
// The SYN that such an answer's acknowledgement stands for; nothing when the cookie is none of ours, or old.
std::optional<Segment> syn_of_cookie(const Settings& settings, const Segment& acknowledgement, Instant now);

}  // namespace cardea::l7::tcp
