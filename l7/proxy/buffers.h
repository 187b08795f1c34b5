// A shard's buffers for heads and pieces of bodies: sized by what they are for, lent while something is being read or
// written, given back when a connection is idle, bounded in bytes over all shards. What is over the bound is refused,
// and the exchange that asked is told so; nothing is ever allocated past it. OpenSSL's buffers for records that are not
// whole yet are part of what is bounded: it takes them without asking, so they can exceed the bound by what comes in
// one turn.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "base/clock.h"
#include "l7/proxy/buffer_bound.h"
#include "l7/runtime/intrusive_list.h"

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

// Whoever holds buffers for a client that takes nothing meanwhile, and can be told to let go of them. It does in the
// turns that follow.
class StalledHolder : public Link {
 public:
  virtual void give_way() = 0;
  Instant since{};  // when it last got further

 protected:
  ~StalledHolder() = default;
};

class Buffers {
 public:
  // Nearly every request's head fits into the first; the second is for pieces of bodies and heads that do not.
  static constexpr size_t kFirst = 2 * 1024, kPiece = 16 * 1024;
  // What is under way and finds none tries again so often.
  static constexpr std::chrono::milliseconds kShortagePause{10};

  // The bound is that of all shards, and outlives them.
  explicit Buffers(BufferBound& bound) : bound_(bound) {}
  Buffers(const Buffers&) = delete;
  ~Buffers();

  // Of at least so many bytes.
  Buffer take(size_t bytes = kPiece) { return take_within(bound_.max(), bytes); }
  // For a request whose head is not here yet: leaves a quarter of the bound to what is under way already, so that
  // clients who begin requests and never end them cut off nobody else's response or tunnel.
  Buffer take_for_new(size_t bytes = kFirst) { return take_within(max_for_new(), bytes); }
  // For what can be done without: leaves to those who begin requests as much as they leave to others.
  Buffer take_to_spare(size_t bytes) { return take_within(max_to_spare(), bytes); }
  // From now on it waits for its client, or still does and got further.
  void note_stalled(StalledHolder& holder, Instant now) {
    holder.since = now;
    stalled_.push_back(holder);
  }
  // The one that waits longest gives way. False: none has waited for long.
  bool end_longest_stalled(Instant now);
  size_t lent() const { return lent_; }  // bytes
  size_t used() const;                   // with what OpenSSL holds
  // More is in use, on all shards, than what begins may have.
  bool overdrawn() const { return bound_.borrowed() - credit_ + used() > max_for_new(); }
  // Once a turn: what OpenSSL took is borrowed, and what is not needed goes back.
  void settle();

 private:
  // Idle ones of one size: last in, first out, so that the next exchange gets memory that is still in the processor's
  // cache. Some are kept for the next burst, the rest goes back to the system.
  struct Shelf {
    size_t bytes;
    std::vector<char*> idle{};
  };
  static constexpr size_t kIdleMax = 512;
  // An honest client takes what it is sent in less, were there but one byte.
  static constexpr std::chrono::seconds kStalledAtLeast{1};
  friend class Buffer;
  Buffer take_within(size_t max, size_t bytes);
  bool cover(size_t more, size_t max);  // false: all shards together would have more than `max`
  size_t max_for_new() const { return bound_.max() - bound_.max() / 4; }
  size_t max_to_spare() const { return bound_.max() / 2; }
  void give(char* data, size_t size);
  Shelf* shelf(size_t bytes);  // null: none keeps this size

  BufferBound& bound_;
  size_t credit_ = 0;  // borrowed of the bound
  size_t lent_ = 0;
  Shelf first_{kFirst}, piece_{kPiece};
  List<StalledHolder> stalled_;  // by how long
};

}  // namespace cardea::l7::proxy
