// Bytes to heads, without I/O and without copies: RFC 9112 as its grammar stands, none of the leniencies it allows
// except one empty line before a request and a status line without its last space. What it refuses it refuses with a
// fault, the byte where it stands and the status that answers it. Bodies are framing.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "l7/http/fault.h"
#include "l7/http/head.h"
#include "l7/http/head_end.h"

namespace cardea::l7::http {

struct HeadLimits {
  size_t bytes_max = 16384;            // of the whole head
  size_t target_max = 8192;            // of a request's target
  size_t headers_max = Headers::kMax;  // at most that
};

struct HeadProgress {
  enum class State : uint8_t { kDone, kNeedMore, kBad };
  State state = State::kNeedMore;
  Fault fault = Fault::kNone;  // kBad
  size_t at = 0;               // kDone: bytes the head took; kBad: the offset of the byte to blame

  bool done() const { return state == State::kDone; }
  bool bad() const { return state == State::kBad; }
  uint16_t status() const { return request_status(fault); }  // for a request; a bad response is a 502
};

// `buffer` begins where the message begins and grows between calls, as `scan` does; begin with a fresh one. `head` is
// the caller's because it is 3 KB; it is meaningful only with kDone, and views `buffer`.
HeadProgress parse_request_head(std::string_view buffer, const HeadLimits& limits, HeadScan& scan, RequestHead& head);
HeadProgress parse_response_head(std::string_view buffer, const HeadLimits& limits, HeadScan& scan, ResponseHead& head);

}  // namespace cardea::l7::http
