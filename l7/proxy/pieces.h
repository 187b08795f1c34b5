// Pieces of a message on their way out, for one writev: a head, what of a buffer is body, and the chunked coding around
// it where the receiver is told chunks. Points into the buffers it was made from and copies nothing.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "l7/http/body.h"
#include "l7/http/chunked.h"

namespace cardea::l7::proxy {

class Pieces {
 public:
  // How far gather() came.
  enum class State : uint8_t {
    kMoreInput,  // all of the input was used, the body goes on
    kMorePieces,  // there is more input than pieces: write these and gather again
    kEnd,        // the body is complete
    kBad,        // `fault`
  };

  void clear() { count_ = 0; }
  void add(std::string_view text);
  // Body that is as it goes out, as one chunk when `chunked`.
  void add_body(std::string_view body, bool chunked);
  // Takes body off `input` (how much: consumed()) and adds it, as one chunk when `chunked`; the last chunk is the
  // caller's, who knows what trailers it has. The pieces live as long as this object stays where it is.
  State gather(http::BodyReader& reader, std::string_view input, bool chunked);

  size_t consumed() const { return consumed_; }
  uint64_t body_bytes() const { return body_bytes_; }  // of the last gather, without the coding
  // Of the last gather: its body alone.
  std::span<const iovec> body() const { return {all_.data() + body_at_, body_count_}; }
  // Of the last gather: what of its input are trailers' lines, as they came.
  std::string_view trailers() const { return trailers_; }
  http::Fault fault() const { return fault_; }
  std::span<iovec> span() { return {all_.data(), count_}; }
  bool empty() const { return count_ == 0; }

 private:
  static constexpr size_t kBodyMax = 16;  // pieces of body a gather
  std::array<iovec, kBodyMax + 6> all_;
  http::ChunkHead chunk_;
  size_t count_ = 0, consumed_ = 0, body_at_ = 0, body_count_ = 0;
  uint64_t body_bytes_ = 0;
  std::string_view trailers_;
  http::Fault fault_ = http::Fault::kNone;
};

}  // namespace cardea::l7::proxy
