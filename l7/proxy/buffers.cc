#include "l7/proxy/buffers.h"

#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "l7/runtime/poison.h"

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

Buffers::Buffers(size_t buffer_bytes, size_t total_max) : buffer_bytes_(buffer_bytes), total_max_(total_max) {}

Buffers::~Buffers() {
  DCHECK(lent_ == 0, "a shard's buffers outlive its connections");
  drop_idle();
}

void Buffers::drop_idle() {
  for (char* data : idle_) {
    unpoison(data, buffer_bytes_);
    std::free(data);
  }
  idle_.clear();
}

Buffer Buffers::take() {
  return take_within(total_max_);
}

Buffer Buffers::take_for_new() {
  return take_within(total_max_ - total_max_ / 4);
}

Buffer Buffers::take_within(size_t max) {
  Buffer buffer;
  if (lent_ + buffer_bytes_ > max) return buffer;
  buffer.owner_ = this;
  buffer.size_ = buffer_bytes_;
  if (idle_.empty()) {
    buffer.data_ = static_cast<char*>(std::malloc(buffer_bytes_));
    CHECK(buffer.data_, "out of memory");
  } else {
    buffer.data_ = idle_.back();
    unpoison(buffer.data_, buffer_bytes_);
    idle_.pop_back();
  }
  lent_ += buffer_bytes_;
  return buffer;
}

// Last in, first out: the next exchange gets memory that is still in the processor's cache. Some are kept for the next
// burst, the rest goes back to the system.
void Buffers::give(char* data, size_t size) {
  lent_ -= size;
  if (size != buffer_bytes_ || idle_.size() >= kIdleMax) return std::free(data);
  idle_.push_back(data);
  poison(data, size);
}

void Buffers::resize(size_t buffer_bytes, size_t total_max) {
  total_max_ = total_max;
  if (buffer_bytes == buffer_bytes_) return;
  drop_idle();
  buffer_bytes_ = buffer_bytes;
}

}  // namespace cardea::l7::proxy
