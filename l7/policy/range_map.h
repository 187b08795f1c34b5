// What each number is, where whole ranges are the same: of a million ranges some fifteen looks, as in a network_set.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cardea::l7::policy {

// Ranges are put in their order and do not overlap; what lies between them is a Value{}.
template <typename Number, typename Value>
class RangeMap {
 public:
  void put(Number first, Number last, Value value) {
    if (starts_.empty() && first != 0) begin(0, Value{});
    if (behind_ != first && !starts_.empty()) begin(behind_, Value{});
    begin(first, value);
    behind_ = Number(last + 1);
  }
  // Behind the last.
  void close() {
    if (starts_.empty() || behind_ != 0) begin(starts_.empty() ? Number{0} : behind_, Value{});
    starts_.shrink_to_fit(), values_.shrink_to_fit();
    uint32_t at = 0;
    for (uint32_t top = 0; top <= 0xffff; ++top) {
      while (at + 1 < starts_.size() && starts_[at + 1] <= Number(Number{top} << kShift)) ++at;
      from_.push_back(at);
    }
    from_.push_back(uint32_t(starts_.size() - 1));
  }

  // Once it is closed; before: a Value{}.
  Value at(Number asked) const {
    if (from_.empty()) return Value{};
    const auto top = size_t(asked >> kShift);
    const auto first = starts_.begin() + from_[top], end = starts_.begin() + from_[top + 1] + 1;
    return values_[size_t(std::ranges::upper_bound(first, end, asked) - starts_.begin()) - 1];
  }
  size_t ranges() const { return starts_.size(); }

 private:
  static constexpr unsigned kShift = sizeof(Number) * 8 - 16;

  void begin(Number at, Value value) {
    if (!values_.empty() && values_.back() == value) return;
    starts_.push_back(at), values_.push_back(value);
  }

  std::vector<Number> starts_;
  std::vector<Value> values_;
  std::vector<uint32_t> from_;  // for each sixteen bits, the range that they begin in; one more at the end
  Number behind_ = 0;           // the last that was put
};

}  // namespace cardea::l7::policy
