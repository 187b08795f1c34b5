// The chunked coding (RFC 9112 7.1), incremental and strict: sizes of plain hexadecimal digits, CR LF everywhere,
// bounded extensions, which are checked and dropped, and bounded trailers, which are checked and given out as they came
// (trailers.h reads them). The encoder writes what the decoder of any peer accepts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "l7/http/fault.h"
#include "l7/http/sender.h"

namespace cardea::l7::http {

// One step through a body's bytes.
struct BodyStep {
  enum class State : uint8_t {
    kData,      // `data` is a piece of the body, within the input
    kTrailers,  // `data` is a piece of the trailers' lines, none of which has to end in it
    kNeedMore,  // all of the input was used
    kEnd,       // the body is complete; what follows `consumed` is the next message's
    kBad,
  };
  State state = State::kNeedMore;
  Fault fault = Fault::kNone;
  size_t consumed = 0;  // bytes of the input, those of `data` with them
  std::string_view data;
};

struct ChunkedLimits {
  uint32_t extension_max = 256;         // bytes of one chunk's extensions
  uint32_t extensions_max = 16 * 1024;  // of all chunks' extensions (each costs the peer as much as us)
  uint32_t trailers_max = 8 * 1024, trailer_fields_max = 64;
};

class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(Sender sender = Sender::kClient, ChunkedLimits limits = {})
      : limits_(limits), sender_(sender) {}

  // Call again with the input behind `consumed` until kNeedMore, kEnd or kBad; the last two stay.
  BodyStep next(std::string_view input);
  bool at_end() const { return state_ == State::kEnd; }

 private:
  enum class State : uint8_t {
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerNameBlank,  // nothing but the colon may follow
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kEnd,
    kBad,
  };
  // Where in "  ;name=value ; name" a chunk's extensions stand.
  enum class Part : uint8_t {
    kPadding,  // behind the size
    kNameStart,
    kName,
    kNameBlank,
    kValueStart,
    kValue,
    kQuoted,
    kEscaped,
    kQuoteEnd,
    kValueBlank,
    kBad,
  };
  static Part behind(Part part, char c);
  void step(char c);
  void size_byte(char c);
  void extension_byte(char c);
  void extension_end();
  bool in_trailers(char c) const;
  BodyStep take_trailers(std::string_view input, size_t at);
  void trailer_byte(char c);
  void trailer_end();
  void expect(char c, char wanted, State then, Fault otherwise);
  void refuse(Fault fault) { state_ = State::kBad, fault_ = fault; }

  ChunkedLimits limits_;
  uint64_t left_ = 0;  // of the chunk's data
  uint32_t extension_ = 0, extensions_ = 0, trailers_ = 0, trailer_fields_ = 0;
  State state_ = State::kSize;
  Part part_ = Part::kPadding;
  Sender sender_;
  uint8_t digits_ = 0;
  Fault fault_ = Fault::kNone;
};

// The line before a chunk of `size` bytes (not 0); kChunkEnd follows the data, kLastChunk ends the body.
struct ChunkHead {
  std::array<char, 18> bytes;
  uint8_t size;
  std::string_view text() const { return {bytes.data(), size}; }
};
ChunkHead chunk_head(uint64_t size);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace cardea::l7::http
