// What of a request's body was read before it may go on, behind what the client's buffer had room for: in buffers of the
// shard's, as it came. It becomes the client's buffer again, one after another, when somebody reads on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "l7/proxy/input.h"

namespace cardea::l7::proxy {

class Exchange;

struct HeldBody {
  std::vector<Input> pieces;
  size_t taken = 0;
  bool ended = false;  // as the client's protocol says it, and not the body itself
  uint64_t bytes = 0;  // of the body, with those in the client's buffer
};

// The next of them is the client's buffer, whose bytes were all used. False: there is none.
bool take_held(Exchange& exchange);

}  // namespace cardea::l7::proxy
