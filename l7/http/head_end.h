// The first pass over a head, incremental: finds the empty line that ends it, and refuses at once what can never become
// a head (a bare CR or LF, a control byte), so that garbage is told from a slow client before its deadline. Every byte
// is looked at once however it arrives, 32 at a time with AVX2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "l7/http/fault.h"

namespace cardea::l7::http {

// How far a head was searched before; the buffer may move between calls but must begin with the same bytes.
struct HeadScan {
  size_t searched = 0;
};

struct HeadEnd {
  enum class State : uint8_t { kNeedMore, kFound, kFault };
  State state = State::kNeedMore;
  Fault fault = Fault::kNone;
  size_t at = 0;  // kFound: the bytes of the head with its empty line; kFault: where
};

HeadEnd find_head_end(std::string_view bytes, HeadScan& scan);
HeadEnd find_head_end_slowly(std::string_view bytes, HeadScan& scan);  // the same without vector instructions

}  // namespace cardea::l7::http
