#include "l7/plan/row_book.h"

namespace cardea::l7 {

std::shared_ptr<const RowSet> RowBook::hold(std::vector<uint32_t> rows) {
  auto set = std::make_shared<const RowSet>();
  for (const uint32_t row : rows) ++holders_[row];
  held_.push_back({set, std::move(rows)});
  return set;
}

size_t RowBook::sweep() {
  size_t removed = 0;
  std::erase_if(held_, [&](const Held& held) {
    if (!held.by.expired()) return false;
    for (const uint32_t row : held.rows) {
      if (--holders_[row] > 0) continue;
      holders_.erase(row);
      segment_.remove(row);
      ++removed;
    }
    return true;
  });
  return removed;
}

}  // namespace cardea::l7
