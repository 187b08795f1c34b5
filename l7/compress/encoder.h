// One body's way through a compressor: input in, compressed bytes out, no I/O, memory that is known beforehand. What is
// taken in one step is bounded, so that no step keeps a shard for much longer than a tenth of a millisecond.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "l7/compress/coding.h"

namespace cardea::l7::compress {

class Encoder {
 public:
  // What has to come out.
  enum class Until : uint8_t {
    kMore,     // what the compressor likes
    kFlushed,  // all that went in can be read by the client
    kEnd,
  };
  enum class State : uint8_t { kDone, kNeedsRoom, kBroken };
  struct Step {
    State state = State::kDone;
    size_t taken = 0, made = 0;
  };

  virtual ~Encoder() = default;

  // A new body, of this length where that is known; it has to keep to it. False: there is no memory.
  virtual bool begin(std::optional<uint64_t> length) = 0;
  // At most turn_bytes() of input; and again with what is left of that, and the same `until`, until it is done.
  virtual Step step(std::string_view input, std::span<char> room, Until until) = 0;
  // Of input, a turn.
  virtual size_t turn_bytes() const = 0;
  virtual size_t memory() const = 0;  // bytes that it has by now
};

// What an encoder may come to; it never takes more.
size_t memory_max(Coding coding, uint8_t level);

// Null: there is no memory.
std::unique_ptr<Encoder> make_encoder(Coding coding, uint8_t level);
std::unique_ptr<Encoder> make_gzip(uint8_t level);
std::unique_ptr<Encoder> make_brotli(uint8_t level);
std::unique_ptr<Encoder> make_zstd(uint8_t level);

}  // namespace cardea::l7::compress
