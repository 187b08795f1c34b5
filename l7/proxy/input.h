// Bytes that were read and not used yet, in a buffer of the shard's. What is parsed out of it stays where it is until
// the owner moves it.
#pragma once

#include <cstring>
#include <string_view>

#include "base/bytes.h"
#include "l7/proxy/buffers.h"

namespace cardea::l7::proxy {

struct Input {
  Buffer buffer;
  size_t at = 0, end = 0;  // what is left: [at, end) of the buffer

  std::string_view left() const { return {buffer.span().data() + at, end - at}; }
  bool empty() const { return at == end; }
  bool full() const { return end == buffer.span().size(); }
  MutableBytes room() const { return std::as_writable_bytes(buffer.span().subspan(end)); }

  // Nothing is left: the next bytes go to the buffer's start.
  void rewind() { at = end = 0; }
  // What is left moves to the buffer's start. Views of it are no longer valid.
  void compact() {
    if (at == 0) return;
    std::memmove(buffer.span().data(), buffer.span().data() + at, end - at);
    end -= at;
    at = 0;
  }
  // What is left goes on in another buffer, which has room for it. False: there is none, and nothing changed.
  bool move_to(Buffer larger) {
    if (!larger) return false;
    std::memcpy(larger.span().data(), buffer.span().data() + at, end - at);
    buffer = std::move(larger);
    end -= at;
    at = 0;
    return true;
  }
  // Gives the buffer back; what was left is gone.
  void drop() {
    buffer = {};
    rewind();
  }
};

}  // namespace cardea::l7::proxy
