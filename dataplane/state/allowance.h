// A token bucket: so many packets a second, with what was saved up for a tenth of one. The time is passed in.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cardea::dataplane {

class Allowance {
 public:
  // How many of `wanted` may pass now; they are taken from it. The rate may change from call to call.
  uint32_t take(uint32_t wanted, uint32_t a_second, uint64_t now_us) {
    fill(a_second, now_us);
    const auto granted = uint32_t(std::min<uint64_t>(wanted, millionths_ / kMillion));
    millionths_ -= granted * kMillion;
    return granted;
  }

 private:
  static constexpr uint64_t kMillion = 1'000'000;
  static constexpr uint64_t kLongest = 10 * kMillion;  // what is longer ago makes no difference

  void fill(uint32_t a_second, uint64_t now_us) {
    const uint64_t most = std::max<uint64_t>(1, a_second / 10) * kMillion;
    if (!started_)
      millionths_ = most, started_ = true;
    else
      millionths_ = std::min(most, millionths_ + std::min(now_us - filled_us_, kLongest) * a_second);
    filled_us_ = now_us;
  }

  uint64_t millionths_ = 0;  // of packets
  uint64_t filled_us_ = 0;
  bool started_ = false;
};

}  // namespace cardea::dataplane
