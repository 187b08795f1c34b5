#include "l7/http2/received_bytes.h"

#include <algorithm>
#include <cstring>

namespace cardea::l7::http2 {

using proxy::Buffer;
using proxy::Buffers;

bool ReceivedBytes::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (parts_.empty() || end_ == parts_.back().span().size()) {
      Buffer fresh = buffers_.take(parts_.empty() ? std::min(bytes.size(), Buffers::kPiece) : Buffers::kPiece);
      if (!fresh) return false;
      parts_.push_back(std::move(fresh));
      end_ = 0;
    }
    const std::span<char> room = parts_.back().span().subspan(end_);
    const size_t count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    end_ += count;
    size_ += count;
    bytes.remove_prefix(count);
  }
  return true;
}

std::string_view ReceivedBytes::first() const {
  const std::span<char> all = parts_.front().span();
  const size_t end = parts_.size() == 1 ? end_ : all.size();
  return {all.data() + at_, end - at_};
}

size_t ReceivedBytes::take(MutableBytes into) {
  size_t taken = 0;
  while (size_ != 0 && taken != into.size()) {
    const std::string_view have = first();
    const size_t count = std::min(have.size(), into.size() - taken);
    std::memcpy(into.data() + taken, have.data(), count);
    taken += count;
    at_ += count;
    size_ -= count;
    if (count != have.size()) continue;
    parts_.erase(parts_.begin());
    at_ = 0;
  }
  if (size_ == 0) clear();
  return taken;
}

void ReceivedBytes::clear() {
  parts_.clear();
  at_ = end_ = size_ = 0;
}

}  // namespace cardea::l7::http2
