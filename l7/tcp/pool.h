// A fixed number of things of one kind, lent by index: all memory is taken at start, so that nothing is allocated while
// connections live, and what runs out is an answer and not a surprise. Links between things are 4-byte indices.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"

namespace cardea::l7::tcp {

inline constexpr uint32_t kNone = UINT32_MAX;

template <typename T>
class Pool {
 public:
  explicit Pool(uint32_t size) : items_(std::make_unique<T[]>(size)), size_(size) {
    free_.reserve(size);
    for (uint32_t i = size; i > 0; i--) free_.push_back(i - 1);
  }

  // kNone when all are lent. What it holds is what its last borrower left.
  uint32_t take() {
    if (free_.empty()) return kNone;
    const uint32_t index = free_.back();
    free_.pop_back();
    return index;
  }
  void give(uint32_t index) {
    DCHECK(index < size_);
    free_.push_back(index);
  }

  T& operator[](uint32_t index) { return items_[index]; }
  const T& operator[](uint32_t index) const { return items_[index]; }
  uint32_t size() const { return size_; }
  uint32_t left() const { return uint32_t(free_.size()); }
  uint32_t lent() const { return size_ - left(); }

 private:
  std::unique_ptr<T[]> items_;
  uint32_t size_;
  std::vector<uint32_t> free_;
};

}  // namespace cardea::l7::tcp
