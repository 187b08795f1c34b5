// How a client's last streams ended, for what still comes on them. nghttp2 forgets a stream that has ended and ignores
// what comes on it; RFC 9113 5.1 tells a late frame, which has to be ignored where we reset the stream, from one that
// its sender had no right to send.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace cardea::l7::http2 {

class EndedStreams {
 public:
  enum class How : uint8_t {
    kUnknown,  // too long ago, or never opened
    kByPeer,   // reset by it
    kByUs,     // reset by us: what crossed that is late
    kInOrder,  // both sides were done
  };
  void add(int32_t stream, How how) { last_[next_++ % kKept] = {stream, how}; }
  How find(int32_t stream) const {
    for (const Ended& one : last_) {
      if (one.stream == stream) return one.how;
    }
    return How::kUnknown;
  }

 private:
  static constexpr size_t kKept = 128;
  struct Ended {
    int32_t stream = 0;
    How how = How::kUnknown;
  };
  std::array<Ended, kKept> last_{};
  size_t next_ = 0;
};

}  // namespace cardea::l7::http2
