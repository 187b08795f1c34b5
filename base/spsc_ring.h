// A bounded queue from one core to one other core: plain values, no lock, no allocation after construction. Each side
// keeps a copy of the other's index and reads the real one only when the copy says full or empty, so that a burst costs
// one shared line. What does not fit stays with the caller, who decides and counts.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include "base/cache_line.h"
#include "base/check.h"

namespace cardea {

template <typename T>
  requires std::is_trivially_copyable_v<T>
class SpscRing {
 public:
  // Holds at least `capacity` values: rounded up to a power of two.
  explicit SpscRing(uint32_t capacity)
      : mask_(std::bit_ceil(capacity) - 1), slots_(std::make_unique_for_overwrite<T[]>(size_t{mask_} + 1)) {
    CHECK(capacity > 0 && capacity <= uint32_t{1} << 30);
  }
  SpscRing(const SpscRing&) = delete;

  uint32_t capacity() const { return mask_ + 1; }

  // Producer: takes values from the front while there is room; how many it took.
  uint32_t push(std::span<const T> values) {
    const uint32_t tail = producer_.tail.load(std::memory_order_relaxed);
    if (capacity() - (tail - producer_.head_seen) < values.size())
      producer_.head_seen = consumer_.head.load(std::memory_order_acquire);
    const auto count = uint32_t(std::min<size_t>(values.size(), capacity() - (tail - producer_.head_seen)));
    for (uint32_t i = 0; i < count; ++i) slots_[(tail + i) & mask_] = values[i];
    producer_.tail.store(tail + count, std::memory_order_release);
    return count;
  }
  bool push(const T& value) { return push(std::span(&value, 1)) == 1; }

  // Consumer: fills from the front; how many values came.
  uint32_t pop(std::span<T> values) {
    const uint32_t head = consumer_.head.load(std::memory_order_relaxed);
    if (consumer_.tail_seen - head < values.size())
      consumer_.tail_seen = producer_.tail.load(std::memory_order_acquire);
    const auto count = uint32_t(std::min<size_t>(values.size(), consumer_.tail_seen - head));
    for (uint32_t i = 0; i < count; ++i) values[i] = slots_[(head + i) & mask_];
    consumer_.head.store(head + count, std::memory_order_release);
    return count;
  }

  // From any core, already old when it arrives: for gauges and for deciding whether to sleep.
  uint32_t size() const {
    const uint32_t head = consumer_.head.load(std::memory_order_acquire);
    return producer_.tail.load(std::memory_order_acquire) - head;
  }
  bool empty() const { return size() == 0; }

 private:
  struct alignas(kCacheLinePair) Producer {
    std::atomic<uint32_t> tail = 0;
    uint32_t head_seen = 0;
  };
  struct alignas(kCacheLinePair) Consumer {
    std::atomic<uint32_t> head = 0;
    uint32_t tail_seen = 0;
  };

  const uint32_t mask_;
  const std::unique_ptr<T[]> slots_;
  Producer producer_;
  Consumer consumer_;
};

}  // namespace cardea
