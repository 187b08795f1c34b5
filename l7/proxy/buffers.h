// A shard's buffers for heads and pieces of bodies: of one size, lent while something is being read or written, given
// back when a connection is idle, bounded in number. What is over the bound is refused, and the exchange that asked is
// told so; nothing is ever allocated past it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace cardea::l7::proxy {

class Buffers;

// A buffer in use; empty when the bound was reached.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  explicit operator bool() const { return data_ != nullptr; }
  std::span<char> span() const { return {data_, size_}; }

 private:
  friend class Buffers;
  Buffers* owner_ = nullptr;
  char* data_ = nullptr;
  size_t size_ = 0;
};

class Buffers {
 public:
  // What is under way and finds none tries again so often.
  static constexpr std::chrono::milliseconds kShortagePause{10};

  // `total_max` bytes may be lent at once.
  Buffers(size_t buffer_bytes, size_t total_max);
  Buffers(const Buffers&) = delete;
  ~Buffers();

  Buffer take();
  // For a request's first bytes: leaves a quarter of the bound to what is under way already, so that clients who begin
  // requests and never end them cut off nobody else's response or tunnel.
  Buffer take_for_new();
  size_t lent() const { return lent_; }  // bytes
  size_t buffer_bytes() const { return buffer_bytes_; }
  // Another bound, or another size, from the next take() on.
  void resize(size_t buffer_bytes, size_t total_max);

 private:
  static constexpr size_t kIdleMax = 512;
  friend class Buffer;
  Buffer take_within(size_t max);
  void give(char* data, size_t size);
  void drop_idle();

  size_t buffer_bytes_, total_max_, lent_ = 0;
  std::vector<char*> idle_;
};

}  // namespace cardea::l7::proxy
