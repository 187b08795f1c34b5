#include "dataplane/state/block_list.h"

#include <algorithm>
#include <bit>

namespace cardea::dataplane {

BlockList::BlockList(HashKey key, std::span<const IpAddress> sources)
    : key_(key), mask_(std::bit_ceil(std::max<size_t>(sources.size() * 4, 8)) - 1), table_(mask_ + 1) {
  for (const IpAddress& source : sources) {
    const uint64_t number = number_of(source);
    if (number == 0 || has(source)) continue;
    size_t at = place_of(number) & mask_;
    while (table_[at] != 0) at = (at + 1) & mask_;
    table_[at] = number;
    ++size_;
  }
}

}  // namespace cardea::dataplane
