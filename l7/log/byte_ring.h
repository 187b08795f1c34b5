// Whole lines from one thread to one other thread: bytes in a ring, each side the only writer of its own index. What
// does not fit whole is not taken.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/cache_line.h"

namespace cardea::l7 {

class ByteRing {
 public:
  // Holds at least `capacity` bytes: rounded up to a power of two.
  explicit ByteRing(uint32_t capacity)
      : mask_(std::bit_ceil(uint64_t{capacity}) - 1), bytes_(std::make_unique_for_overwrite<char[]>(mask_ + 1)) {}
  ByteRing(const ByteRing&) = delete;

  uint64_t capacity() const { return mask_ + 1; }

  // Producer: all of it or, when there is no room, nothing.
  bool put(std::string_view line) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (capacity() - (tail - head_seen_) < line.size()) head_seen_ = head_.load(std::memory_order_acquire);
    if (capacity() - (tail - head_seen_) < line.size()) return false;
    const uint64_t at = tail & mask_, first = std::min<uint64_t>(line.size(), capacity() - at);
    std::memcpy(bytes_.get() + at, line.data(), first);
    std::memcpy(bytes_.get(), line.data() + first, line.size() - first);
    tail_.store(tail + line.size(), std::memory_order_release);
    return true;
  }
  // Either side.
  uint64_t size() const { return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire); }

  // Consumer: what is there, up to the ring's end; take() gives back what was used of it.
  std::string_view front() const {
    const uint64_t head = head_.load(std::memory_order_relaxed), at = head & mask_;
    return {bytes_.get() + at, std::min(tail_.load(std::memory_order_acquire) - head, capacity() - at)};
  }
  // The first line, with its newline; in `scratch` where the ring's end parts it. What was put was whole lines.
  std::string_view line(std::string& scratch) const {
    const std::string_view part = front();
    if (const size_t end = part.find('\n'); end != part.npos) return part.substr(0, end + 1);
    const std::string_view rest(bytes_.get(), size() - part.size());
    scratch.assign(part).append(rest.substr(0, rest.find('\n') + 1));
    return scratch;
  }
  void take(uint64_t count) { head_.store(head_.load(std::memory_order_relaxed) + count, std::memory_order_release); }

 private:
  const uint64_t mask_;
  const std::unique_ptr<char[]> bytes_;
  alignas(kCacheLinePair) std::atomic<uint64_t> tail_ = 0;
  uint64_t head_seen_ = 0;  // the producer's
  alignas(kCacheLinePair) std::atomic<uint64_t> head_ = 0;
};

}  // namespace cardea::l7
