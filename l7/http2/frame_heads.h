// Where frames begin in bytes as they come, in pieces of any size: so that a frame can be judged before the session
// takes it, as the session would not (RFC 9113 4.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cardea::l7::http2 {

struct FrameHead {
  uint32_t size = 0;  // of the payload
  uint8_t type = 0;
  uint32_t stream = 0;
  uint32_t first_word = 0;  // of a PRIORITY that has its five bytes: the stream that it depends on
};

class FrameHeads {
 public:
  // The part of `bytes` that may be given to the session at once. Behind it begins a frame whose head is `head`, if
  // that is set; its last byte is still to be given.
  std::string_view next(std::string_view bytes, std::optional<FrameHead>& head);

 private:
  static constexpr size_t kPreface = 24, kHead = 9, kWord = 4;
  size_t wanted() const;
  FrameHead parse() const;

  size_t skip_ = kPreface;  // bytes until the next head
  std::array<uint8_t, kHead + kWord> head_{};
  size_t have_ = 0;
};

}  // namespace cardea::l7::http2
