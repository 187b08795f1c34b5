// What stopped an exchange: a word for the log, a status for the client, whose doing it was. Rooms return it; only
// exchange decides what follows from it. The rows are reasons.def.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "l7/http/fault.h"
#include "l7/runtime/arena.h"

namespace cardea::l7::proxy {

enum class Reason : uint8_t {
#define PROXY_REASON(id, word, status, error, origin) id,
#include "l7/proxy/reasons.def"
#undef PROXY_REASON
};

struct Failure {
  std::string_view word;         // empty: nothing failed
  std::string_view proxy_error;  // RFC 9209
  std::string_view detail;       // one more word where there is one, as the fault of a bad response
  uint16_t status = 0;
  Origin origin = Origin::kSelf;

  explicit operator bool() const { return !word.empty(); }
  bool is(Reason reason) const;
};

Failure failure(Reason reason, std::string_view detail = {});
Failure failure(http::Fault fault);  // of a client's request
// Of a connection to a backend that did not come about. What this host or the request is to blame for has the error's
// words as its detail, in `arena`.
Failure dial_failure(const Error& error, bool timeout, Arena& arena);
std::string_view word(Reason reason);
// The client was waited for long enough: it is not waited for behind its answer either.
bool gave_up_on_client(const Failure& failed);

}  // namespace cardea::l7::proxy
