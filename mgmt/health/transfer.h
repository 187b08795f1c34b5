// What one attempt to connect, read or write on a non-blocking connection came to, whatever carries it (a plain socket
// or TLS), and the words for what the system says went wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace cardea::mgmt::health {

struct Transfer {
  enum class Kind : uint8_t {
    kDone,        // `size` bytes moved; for connecting and handshakes: ready
    kWantRead,    // call again when the descriptor is readable
    kWantWrite,   // … writable
    kClosed,      // the peer closed in good order
    kFailed,      // `reason`: the backend's doing
    kOwnFailure,  // `reason`: this host's doing (descriptors, memory, local ports, local firewall)
  };
  Kind kind = Kind::kDone;
  size_t size = 0;
  std::string reason;
};

// errno of connect, read or write as a Transfer: "refused", "reset", "no route", …
Transfer transfer_failure(int error_number);

}  // namespace cardea::mgmt::health
