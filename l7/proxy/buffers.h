// A shard's buffers for heads and pieces of bodies: sized by what they are for, lent while something is being read or
// written, given back when a connection is idle, bounded in bytes. What is over the bound is refused, and the exchange
// that asked is told so; nothing is ever allocated past it.
#pragma once

#include <chrono>
#include <cstddef>
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
  // Nearly every request's head fits into the first; the second is for pieces of bodies and heads that do not.
  static constexpr size_t kFirst = 2 * 1024, kPiece = 16 * 1024;
  // What is under way and finds none tries again so often.
  static constexpr std::chrono::milliseconds kShortagePause{10};

  // `total_max` bytes may be lent at once.
  explicit Buffers(size_t total_max) : total_max_(total_max) {}
  Buffers(const Buffers&) = delete;
  ~Buffers();

  // Of at least so many bytes.
  Buffer take(size_t bytes = kPiece) { return take_within(total_max_, bytes); }
  // For a request whose head is not here yet: leaves a quarter of the bound to what is under way already, so that clients
  // who begin requests and never end them cut off nobody else's response or tunnel.
  Buffer take_for_new(size_t bytes = kFirst) { return take_within(total_max_ - total_max_ / 4, bytes); }
  size_t lent() const { return lent_; }  // bytes
  // Another bound, from the next take() on.
  void set_bound(size_t total_max) { total_max_ = total_max; }

 private:
  // Idle ones of one size: last in, first out, so that the next exchange gets memory that is still in the processor's
  // cache. Some are kept for the next burst, the rest goes back to the system.
  struct Shelf {
    size_t bytes;
    std::vector<char*> idle{};
  };
  static constexpr size_t kIdleMax = 512;
  friend class Buffer;
  Buffer take_within(size_t max, size_t bytes);
  void give(char* data, size_t size);
  Shelf* shelf(size_t bytes);  // null: none keeps this size

  size_t total_max_, lent_ = 0;
  Shelf first_{kFirst}, piece_{kPiece};
};

}  // namespace cardea::l7::proxy
