// Values that one thread replaces while others use them, without locks: the writer swaps a pointer, readers load it,
// and the old value is freed once every reader has passed a quiet point after the swap (quiescent-state reclamation;
// McKenney and Slingwine 1998). A reader's cost is one load for the value and one store for the quiet point of each
// turn of its loop. A reader that sleeps says so and holds nothing back.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/cache_line.h"
#include "base/check.h"

namespace cardea {

// Where the readers of any number of published values stand. Each reader owns one slot and starts asleep.
class QuietPoints {
 public:
  explicit QuietPoints(size_t readers) : readers_(readers) {}
  QuietPoints(const QuietPoints&) = delete;

  // Reader: it holds no value that it loaded before this call.
  void quiet(size_t reader) {
    readers_[reader].seen.store(turn_.load(std::memory_order_acquire), std::memory_order_release);
  }
  // Reader: the same, and it will load none before it calls wake().
  void sleep(size_t reader) { readers_[reader].seen.store(kAsleep, std::memory_order_release); }
  // Sequentially consistent, as are the swap of a value and every load of one: either the writer sees this reader
  // awake, or the reader loads what the writer swapped in.
  void wake(size_t reader) {
    auto& wakes = readers_[reader].wakes;
    wakes.store(wakes.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    readers_[reader].seen.store(turn_.load(std::memory_order_acquire), std::memory_order_seq_cst);
  }

  size_t size() const { return readers_.size(); }

  // Writer: a mark between what was published before and what readers load from now on.
  uint64_t mark() { return turn_.fetch_add(1, std::memory_order_seq_cst) + 1; }
  // Writer: no reader still holds a value that had been replaced before this mark was made.
  bool passed(uint64_t mark) const {
    return std::ranges::all_of(readers_,
                               [&](const Reader& r) { return r.seen.load(std::memory_order_seq_cst) >= mark; });
  }
  // Any thread: how often this reader has woken.
  uint64_t wakes(size_t reader) const { return readers_[reader].wakes.load(std::memory_order_relaxed); }
  // Any thread: it was awake at a turn since this mark was made, or has woken since it had woken so often. Who sleeps
  // has to be called first: one that cannot wake any more looks like one that need not.
  bool went_on(size_t reader, uint64_t mark, uint64_t woken) const {
    const uint64_t seen = readers_[reader].seen.load(std::memory_order_acquire);
    return (seen != kAsleep && seen >= mark) || wakes(reader) != woken;
  }

 private:
  static constexpr uint64_t kAsleep = ~uint64_t{0};
  struct alignas(kCacheLinePair) Reader {
    std::atomic<uint64_t> seen = kAsleep;
    std::atomic<uint64_t> wakes = 0;
  };

  alignas(kCacheLinePair) std::atomic<uint64_t> turn_ = 0;
  std::vector<Reader> readers_;
};

template <typename T>
class Published {
 public:
  // `readers` outlives this object. Nothing is published yet: load() is null.
  explicit Published(QuietPoints& readers) : readers_(readers) {}
  Published(const Published&) = delete;
  // By now no reader may use a value any more.
  ~Published() { delete current_.load(std::memory_order_relaxed); }

  // Reader, awake: valid until its next quiet() or sleep().
  const T* load() const { return current_.load(std::memory_order_seq_cst); }

  // Writer: replaces the value. The old one waits for reclaim().
  void publish(std::unique_ptr<const T> value) {
    std::unique_ptr<const T> old(current_.exchange(value.release(), std::memory_order_seq_cst));
    const uint64_t mark = readers_.mark();
    if (old != nullptr) replaced_.push_back({std::move(old), mark});
  }

  // Writer: frees what no reader can hold; how many old values still wait for a reader.
  size_t reclaim() {
    std::erase_if(replaced_, [&](const Replaced& r) { return readers_.passed(r.mark); });
    return replaced_.size();
  }

 private:
  struct Replaced {
    std::unique_ptr<const T> value;
    uint64_t mark;
  };

  QuietPoints& readers_;
  alignas(kCacheLinePair) std::atomic<const T*> current_ = nullptr;
  alignas(kCacheLinePair) std::vector<Replaced> replaced_;
};

}  // namespace cardea
