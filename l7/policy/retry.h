// Whether a failed attempt may be made again elsewhere. Pure.
#pragma once

#include <cstdint>

namespace cardea::l7::policy {

struct FailedAttempt {
  bool sent = false;           // at least a byte of the request may have reached the backend
  bool reused = false;         // on a connection that had been idle
  bool refused = false;        // the backend said that it has not acted on it
  bool ended = false;          // the backend closed or reset the connection (no timeout, no malformed response)
  bool by_choice = false;      // the pool lets what ended it so be repeated
  bool answered = false;       // a byte of the response came
  bool idempotent = false;     // the request's method
  bool replayable = false;     // the request's body, if any, is still whole in our buffer
  bool bound = false;          // it carries on what its backend knows of its connection: NTLM, Negotiate
  uint32_t attempts = 0;       // made so far, this one included
  uint32_t retries_max = 0;
};

// Nothing was sent: safe. A connection that ended before any byte of a response: safe where a repetition changes nothing.
// A pooled one was most likely closed by the backend before it saw the request (RFC 9112 9.3.1); of a fresh one the backend
// died, perhaps of this very request, so that is tried at one other and no more. Whatever else failed is repeated only
// where the pool says so. A step of a handshake means nothing on another connection.
constexpr bool may_retry(const FailedAttempt& failed) {
  if (failed.bound || failed.attempts > failed.retries_max) return false;
  if (!failed.sent || (failed.refused && !failed.answered && failed.replayable)) return true;
  if (!failed.idempotent || !failed.replayable) return false;
  return failed.by_choice || ((failed.reused || failed.attempts == 1) && failed.ended && !failed.answered);
}

}  // namespace cardea::l7::policy
