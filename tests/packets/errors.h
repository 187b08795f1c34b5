// ICMP errors as routers and hosts send them, about frames that left by one of our ports.
#pragma once

#include <string>
#include <vector>

#include "dataplane/wire/frame.h"
#include "tests/packets/fragments.h"

namespace cardea::dataplane::test {

inline constexpr size_t kWhole = 10'000;

struct Error {
  std::string from;            // a router on the way
  uint8_t type = 3, code = 4;  // of IPv4: fragmentation needed
  size_t quoted = kWhole;      // bytes of the packet it is about
};
inline const Error kTooBig4{.from = "192.0.2.77"}, kTooBig6{.from = "2001:db8:77::1", .type = 2, .code = 0};

// To the sender of `about`; every checksum right, and 1400 in the place of an MTU.
Frame error_about(const Frame& about, const Error& error);

// What read_frame makes of an error, with l4 where its ICMP header is.
wire::Frame icmp_frame(const Frame& bytes);

}  // namespace cardea::dataplane::test
