// Where a message's body ends (RFC 9112 6.3): the one place that decides it, and refuses every shape on which two
// readers could disagree. Both sides of the proxy ask it, so what is forwarded was understood.
#pragma once

#include <cstdint>
#include <expected>

#include "l7/http/fault.h"
#include "l7/http/head.h"
#include "l7/http/sender.h"

namespace cardea::l7::http {

enum class BodyKind : uint8_t {
  kNone,        // the message ends with its head
  kLength,      // `length` bytes
  kChunked,     // chunked.h
  kUntilClose,  // responses only: until the backend closes
  kTunnel,      // a 101: what follows is another protocol, in both directions
};

struct BodyFraming {
  BodyKind kind = BodyKind::kNone;
  uint64_t length = 0;
  bool operator==(const BodyFraming&) const = default;
};

// The one number that Content-Length says; there is one. Leading zeros count for nothing: it is sent on as a number.
std::expected<uint64_t, Fault> stated_length(const Headers& headers, Sender sender);

std::expected<BodyFraming, Fault> request_body(const RequestHead& head);

// `method` is the request's. `upgrade_asked`: the request was forwarded with its Upgrade, so that a 101 may answer it.
std::expected<BodyFraming, Fault> response_body(const ResponseHead& head, Method method, bool upgrade_asked = false);

// How a body that came in one framing goes out to a client of `version`: one of unknown length is chunked where the
// client knows chunks, else the connection's end ends it.
BodyFraming framing_towards(BodyFraming from, Version version);

}  // namespace cardea::l7::http
