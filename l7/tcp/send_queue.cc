#include "l7/tcp/send_queue.h"

#include <algorithm>

namespace cardea::l7::tcp {

bool SendQueue::push(Pool<Piece>& pool, Bytes bytes) {
  if (bytes.empty()) return true;
  const auto count = uint32_t(bytes.size());
  if (tail_ != kNone && pool[tail_].data + pool[tail_].size == bytes.data()) {
    pool[tail_].size += count;  // the owner goes on in the same memory
    size_ += count;
    return true;
  }
  const uint32_t index = pool.take();
  if (index == kNone) return false;
  pool[index] = {bytes.data(), count, kNone};
  (tail_ == kNone ? head_ : pool[tail_].next) = index;
  tail_ = index;
  size_ += count;
  return true;
}

void SendQueue::drop(Pool<Piece>& pool, uint32_t count) {
  DCHECK(count <= size_);
  size_ -= count;
  cursor_offset_ -= count;
  while (count > 0) {
    const uint32_t rest = pool[head_].size - skip_;
    if (count < rest) {
      skip_ += count;
      return;
    }
    const uint32_t gone = head_;
    head_ = pool[gone].next;
    pool.give(gone);
    if (cursor_ == gone) cursor_ = kNone;
    skip_ = 0;
    count -= rest;
  }
  if (head_ == kNone) tail_ = kNone;
}

void SendQueue::seek(const Pool<Piece>& pool, uint32_t offset) {
  if (cursor_ == kNone || int32_t(offset - cursor_offset_) < 0) {
    cursor_ = head_;
    cursor_offset_ = 0 - skip_;
  }
  while (offset - cursor_offset_ >= pool[cursor_].size) {
    cursor_offset_ += pool[cursor_].size;
    cursor_ = pool[cursor_].next;
  }
}

void SendQueue::copy(const Pool<Piece>& pool, uint32_t offset, MutableBytes to) {
  DCHECK(offset + to.size() <= size_);
  while (!to.empty()) {
    seek(pool, offset);
    const uint32_t within = offset - cursor_offset_;
    const size_t count = std::min<size_t>(to.size(), pool[cursor_].size - within);
    std::memcpy(to.data(), pool[cursor_].data + within, count);
    to = to.subspan(count);
    offset += uint32_t(count);
  }
}

}  // namespace cardea::l7::tcp
