#include "l7/proxy/buffers.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "l7/runtime/poison.h"
#include "l7/tls/crypto_memory.h"

namespace cardea::l7::proxy {

Buffer::Buffer(Buffer&& other) noexcept
    : owner_(other.owner_), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  if (data_) owner_->give(data_, size_);
  owner_ = other.owner_;
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

Buffer::~Buffer() {
  if (data_) owner_->give(data_, size_);
}

Buffers::~Buffers() {
  DCHECK(lent_ == 0, "a shard's buffers outlive its connections");
  bound_.give_back(credit_);
  for (Shelf* shelf : {&first_, &piece_}) {
    for (char* data : shelf->idle) {
      unpoison(data, shelf->bytes);
      std::free(data);
    }
  }
}

Buffers::Shelf* Buffers::shelf(size_t bytes) {
  return bytes == kFirst ? &first_ : bytes == kPiece ? &piece_ : nullptr;
}

size_t Buffers::used() const {
  return lent_ + tls::record_buffers() * tls::kRecordBufferBytes;
}

bool Buffers::cover(size_t more, size_t max) {
  const size_t needed = used() + more;
  if (bound_.borrowed() - credit_ + needed > max) return false;
  if (needed <= credit_) return true;
  const size_t missing = needed - credit_, chunk = bound_.chunk();
  for (const size_t bytes : {(missing + chunk - 1) / chunk * chunk, missing}) {
    if (!bound_.borrow(bytes, max)) continue;
    credit_ += bytes;
    return true;
  }
  return false;
}

void Buffers::settle() {
  const size_t needed = used(), chunk = bound_.chunk();
  if (needed > credit_) {
    bound_.owe(needed - credit_);
    credit_ = needed;
  } else if (credit_ > needed + 2 * chunk) {
    bound_.give_back(credit_ - needed - chunk);
    credit_ = needed + chunk;
  }
}

Buffer Buffers::take_within(size_t max, size_t bytes) {
  const size_t size = bytes <= kFirst ? kFirst : std::max(bytes, kPiece);
  Buffer buffer;
  if (!cover(size, max)) return buffer;
  buffer.owner_ = this;
  buffer.size_ = size;
  if (Shelf* from = shelf(size); from && !from->idle.empty()) {
    buffer.data_ = from->idle.back();
    unpoison(buffer.data_, size);
    from->idle.pop_back();
  } else {
    buffer.data_ = static_cast<char*>(std::malloc(size));
    CHECK(buffer.data_, "out of memory");
  }
  lent_ += size;
  return buffer;
}

bool Buffers::end_longest_stalled(Instant now) {
  StalledHolder* longest = stalled_.front();
  if (!longest || now < longest->since + kStalledAtLeast) return false;
  longest->unlink();
  longest->give_way();
  return true;
}

void Buffers::give(char* data, size_t size) {
  lent_ -= size;
  Shelf* to = shelf(size);
  if (!to || to->idle.size() >= kIdleMax) return std::free(data);
  to->idle.push_back(data);
  poison(data, size);
}

}  // namespace cardea::l7::proxy
