// A response on its way in. Where its length is known it is written straight into the object it will be; else it grows
// in pieces, each paid for when it is needed, and small ones are put together at the end.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "l7/cache/memory.h"
#include "l7/http/framing.h"

namespace cardea::l7::cache {

// What the object will be stored under, and everything else that is known before its body; copied.
struct Draft {
  std::string key, pool, selector, head;  // the head without its end
  uint64_t hash = 0;
  Freshness freshness;
  uint16_t port = 0;
  uint64_t removals_before = 0;

  Content content() const { return {key, pool, selector, head, hash, freshness, port}; }
};

// Null where it is larger than allowed, or there is no room. Must not outlive `memory`.
std::unique_ptr<Writer> make_writer(Memory& memory, Draft draft, http::BodyFraming body);

}  // namespace cardea::l7::cache
