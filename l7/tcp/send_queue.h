// What the owner has written and the peer not yet acknowledged: pieces of the owner's memory, lent and not copied until
// a packet is made of them. They must stay as they are until they are acknowledged, since what is lost is cut from them
// anew. The first byte of the queue is the one at SND.UNA.
#pragma once

#include "base/bytes.h"
#include "l7/tcp/pool.h"

namespace cardea::l7::tcp {

struct Piece {
  const std::byte* data = nullptr;
  uint32_t size = 0, next = kNone;
};

class SendQueue {
 public:
  uint32_t size() const { return size_; }

  // False when there are no pieces left: nothing was queued.
  bool push(Pool<Piece>& pool, Bytes bytes);
  // The first `count` bytes are no longer needed; count <= size().
  void drop(Pool<Piece>& pool, uint32_t count);
  // Bytes from `offset`, which with to.size() lies in the queue.
  void copy(const Pool<Piece>& pool, uint32_t offset, MutableBytes to);
  void clear(Pool<Piece>& pool) { drop(pool, size_); }

 private:
  void seek(const Pool<Piece>& pool, uint32_t offset);

  uint32_t head_ = kNone, tail_ = kNone;
  uint32_t skip_ = 0;  // bytes of the first piece that were dropped
  uint32_t size_ = 0;
  // Where was read last: bulk is sent in order. The offset of the piece's first byte; of the head it is -skip_.
  uint32_t cursor_ = kNone, cursor_offset_ = 0;
};

}  // namespace cardea::l7::tcp
