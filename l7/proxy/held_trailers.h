// The lines behind a body that comes chunked, as they came, until its end is here: of the shard's buffers, and none
// before there are any. Their size is bounded by who read them (http/chunked.h).
#pragma once

#include <cstring>
#include <string_view>
#include <utility>

#include "l7/proxy/buffers.h"

namespace cardea::l7::proxy {

class HeldTrailers {
 public:
  // False: there is no memory for it.
  bool add(Buffers& buffers, std::string_view piece) {
    if (piece.empty()) return true;
    if (size_ + piece.size() > buffer_.span().size()) {
      Buffer larger = buffers.take(size_ + piece.size() <= Buffers::kFirst ? Buffers::kFirst : Buffers::kPiece);
      if (!larger) return false;
      if (size_ != 0) std::memcpy(larger.span().data(), buffer_.span().data(), size_);
      buffer_ = std::move(larger);
    }
    std::memcpy(buffer_.span().data() + size_, piece.data(), piece.size());
    size_ += piece.size();
    return true;
  }
  std::string_view lines() const { return {buffer_.span().data(), size_}; }

 private:
  Buffer buffer_;
  size_t size_ = 0;
};

}  // namespace cardea::l7::proxy
