// A request's body is read before anybody has it: as far as a limit, into the exchange (held_body.h), and once more in one
// piece for who wants to look at it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "l7/proxy/buffers.h"
#include "l7/proxy/failure.h"
#include "l7/runtime/task.h"

namespace cardea::l7::proxy {

class Exchange;

// Whose memory it is held in: a request's, which has to be seen whole; or what is to spare (Buffers::take_to_spare), where it may go on
// as it comes all the same.
enum class HoldIn : uint8_t { kNeeded, kSpare };

struct Gathered {
  Failure failure;    // the client's, or want of memory
  size_t bytes = 0;   // of the body, without the framing; the limit where there is more
  bool whole = false;
};

struct Held {
  Failure failure;        // the client's, or want of memory
  Buffer memory;          // where `body` is, if it is in no buffer as one piece
  std::string_view body;  // without the framing
  bool whole = false;     // else there is more than the limit
};

// Whether there is anything to hold, and whether it has no end that could be waited for: messages, what follows a WebSocket's
// request. That they are messages is the client's word, which only counts where a backend may speak gRPC.
bool has_body(const Exchange& exchange);
bool is_stream(const Exchange& exchange);
// Either once more, with another limit, goes on where the first ended.
Task<Gathered> gather_body(Exchange& exchange, size_t bytes_max, HoldIn memory = HoldIn::kNeeded);
Task<Held> hold_body(Exchange& exchange, size_t bytes_max);
// Of one that was gathered whole; `into` has the room of its bytes.
void copy_body(Exchange& exchange, std::span<char> into);

}  // namespace cardea::l7::proxy
