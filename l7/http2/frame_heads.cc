#include "l7/http2/frame_heads.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace cardea::l7::http2 {

FrameHead FrameHeads::parse() const {
  const auto number = [this](size_t at, size_t bytes) {
    uint32_t value = 0;
    for (size_t i = at; i < at + bytes; ++i) value = value << 8 | head_[i];
    return value;
  };
  constexpr uint32_t kReservedBit = 1u << 31;
  return {number(0, 3), head_[3], number(5, 4) & ~kReservedBit, number(kHead, kWord) & ~kReservedBit};
}

size_t FrameHeads::wanted() const {
  const bool has_word = have_ >= kHead && head_[3] == NGHTTP2_PRIORITY && parse().size == 5;
  return has_word ? kHead + kWord : kHead;
}

std::string_view FrameHeads::next(std::string_view bytes, std::optional<FrameHead>& head) {
  head.reset();
  size_t at = std::min(skip_, bytes.size());
  skip_ -= at;
  while (at < bytes.size()) {
    head_[have_++] = uint8_t(bytes[at]);
    if (have_ < wanted()) {
      ++at;
      continue;
    }
    head = parse();
    skip_ = 1 + head->size - (have_ - kHead);  // the byte that made it whole is not given yet
    have_ = 0;
    head_[kHead] = head_[kHead + 1] = head_[kHead + 2] = head_[kHead + 3] = 0;
    break;
  }
  return bytes.substr(0, at);
}

}  // namespace cardea::l7::http2
