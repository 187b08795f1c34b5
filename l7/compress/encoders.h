// A shard's compressors: lent to a body, kept for the next one, so that in steady state none is made. What does not fit
// under the host's bound is refused, and the body goes out as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "l7/compress/bound.h"
#include "l7/compress/encoder.h"

namespace cardea::l7::compress {

class Encoders;

// A compressor and the body that it is for; empty: none.
class Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)),
        encoder_(std::move(other.encoder_)),
        coding_(other.coding_),
        level_(other.level_) {}
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { give_back(); }

  explicit operator bool() const { return owner_ != nullptr; }
  Encoder* operator->() const { return encoder_.get(); }
  void give_back();

 private:
  friend class Encoders;
  Encoders* owner_ = nullptr;
  std::unique_ptr<Encoder> encoder_;
  Coding coding_ = Coding::kGzip;
  uint8_t level_ = 0;
};

class Encoders {
 public:
  // The bound is that of all shards, and outlives them.
  explicit Encoders(Bound& bound) : bound_(bound) { idle_.reserve(kIdleMax + 1); }
  Encoders(const Encoders&) = delete;
  ~Encoders();

  Lease take(Coding coding, uint8_t level, std::optional<uint64_t> length);
  size_t bytes() const { return bytes_; }  // of the bound, at work or idle

 private:
  friend class Lease;
  struct Idle {
    std::unique_ptr<Encoder> encoder;
    Coding coding;
    uint8_t level;
  };
  static constexpr size_t kIdleMax = 16;
  std::unique_ptr<Encoder> take_idle(Coding coding, uint8_t level);
  std::unique_ptr<Encoder> make(Coding coding, uint8_t level);
  void give(std::unique_ptr<Encoder> encoder, Coding coding, uint8_t level);
  void drop_oldest();
  void pay_back(size_t bytes);

  Bound& bound_;
  std::vector<Idle> idle_;  // last in, first out
  size_t idle_bytes_ = 0, bytes_ = 0;
};

}  // namespace cardea::l7::compress
