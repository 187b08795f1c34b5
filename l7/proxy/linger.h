// How a connection of ours ends behind an answer that has to be read.
#pragma once

#include <chrono>
#include <cstdint>

#include "l7/proxy/connection.h"

namespace cardea::l7::proxy {

constexpr std::chrono::seconds kLinger{2};  // how long a client that is done sending has to read and close
constexpr uint64_t kUnannounced = 1 << 20;  // bytes of a client whose last request is whole, or that was given up
constexpr uint64_t kUnknown = 8 << 20;      // of one whose head was refused: nobody knows what, if anything, is behind it

// Closes the stream, the client's, so that what was written is read. `pause`: how long at a time nothing may come of a
// client that still sends.
Task<> linger(Arena& arena, Connection& connection, Stream& stream, std::chrono::milliseconds pause,
              uint64_t bytes_max = kUnannounced);

}  // namespace cardea::l7::proxy
