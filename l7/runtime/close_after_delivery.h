// close_after_delivery() of stream.h, for a peer that may still send only so much.
#pragma once

#include "l7/runtime/stream.h"

namespace cardea::l7 {

Task<> close_after_delivery(Arena& arena, Stream& stream, PaceLimits limits, Instant latest, uint64_t bytes_max);

}  // namespace cardea::l7
