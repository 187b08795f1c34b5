// A fixed number of things of one kind, lent by index: all memory is reserved at start, so that nothing is allocated
// while connections live, and what runs out is an answer and not a surprise. It is the host's only from the first time
// that a thing is lent. Links between things are 4-byte indices.
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
  explicit Pool(uint32_t size) : items_(std::allocator<T>().allocate(size)), size_(size) { free_.reserve(size); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    std::destroy_n(items_, made_);
    std::allocator<T>().deallocate(items_, size_);
  }

  // kNone when all are lent. What it holds is what its last borrower left.
  uint32_t take() {
    if (free_.empty()) return made_ < size_ ? make() : kNone;
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
  uint32_t made() const { return made_; }  // the indices that ever were lent are those below
  uint32_t left() const { return uint32_t(free_.size()) + (size_ - made_); }
  uint32_t lent() const { return size_ - left(); }

 private:
  uint32_t make() {
    std::construct_at(items_ + made_);
    return made_++;
  }

  T* const items_;
  const uint32_t size_;
  uint32_t made_ = 0;
  std::vector<uint32_t> free_;
};

}  // namespace cardea::l7::tcp
