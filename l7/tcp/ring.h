// A queue of a fixed size: what does not fit is refused.
#pragma once

#include <cstdint>
#include <memory>

namespace cardea::l7::tcp {

template <typename T>
class Ring {
 public:
  explicit Ring(uint32_t size) : items_(std::make_unique<T[]>(size)), size_(size) {}

  bool empty() const { return count_ == 0; }
  bool push(const T& item) {
    if (count_ == size_) return false;
    items_[(first_ + count_++) % size_] = item;
    return true;
  }
  const T& front() const { return items_[first_]; }
  void pop() {
    first_ = (first_ + 1) % size_;
    count_--;
  }

 private:
  std::unique_ptr<T[]> items_;
  uint32_t size_, first_ = 0, count_ = 0;
};

}  // namespace cardea::l7::tcp
