// What requests and responses weigh, for limits on bytes: heads and bodies as the access log counts them, charged to their
// keys as they go, so that who has one long answer owes it while it still comes.
#pragma once

#include <algorithm>

#include "l7/proxy/exchange.h"

namespace cardea::l7::proxy {

// Of the request's body, as far as it was read, by whomever.
inline uint64_t body_bytes_in(const Exchange& x) {
  return std::max(x.upload.body_bytes, x.held_body.bytes);
}

// As far as it is worth it. The second: bytes that the record does not have yet.
void charge_meters(Exchange& x, uint64_t in, uint64_t out);
inline void meter_some(Exchange& x, uint64_t more_in = 0, uint64_t more_out = 0) {
  constexpr uint64_t kWorthIt = 16 << 10;
  if (x.meters == nullptr) [[likely]]
    return;
  const uint64_t in = x.record.bytes_in + body_bytes_in(x) + more_in, out = x.record.bytes_out + more_out;
  if (in >= x.metered_in + kWorthIt || out >= x.metered_out + kWorthIt) charge_meters(x, in, out);
}

// So many bytes went to the client.
inline void note_sent(Exchange& x, uint64_t bytes) {
  x.record.bytes_out += bytes;
  meter_some(x);
}

// It is over: the record has all of them.
inline void meter_rest(Exchange& x) {
  if (x.meters != nullptr) charge_meters(x, x.record.bytes_in, x.record.bytes_out);
}

}  // namespace cardea::l7::proxy
