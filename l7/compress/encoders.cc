#include "l7/compress/encoders.h"

#include <algorithm>

namespace cardea::l7::compress {

void Lease::give_back() {
  if (Encoders* const owner = std::exchange(owner_, nullptr)) owner->give(std::move(encoder_), coding_, level_);
}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  owner_ = std::exchange(other.owner_, nullptr);
  encoder_ = std::move(other.encoder_);
  coding_ = other.coding_, level_ = other.level_;
  return *this;
}

Encoders::~Encoders() {
  while (!idle_.empty()) drop_oldest();
}

void Encoders::pay_back(size_t bytes) {
  bytes_ -= bytes;
  bound_.give_back(bytes);
}

void Encoders::drop_oldest() {
  const size_t bytes = memory_max(idle_.front().coding, idle_.front().level);
  idle_.erase(idle_.begin());
  idle_bytes_ -= bytes;
  pay_back(bytes);
}

std::unique_ptr<Encoder> Encoders::take_idle(Coding coding, uint8_t level) {
  for (size_t i = idle_.size(); i-- > 0;) {
    if (idle_[i].coding != coding || idle_[i].level != level) continue;
    std::unique_ptr<Encoder> encoder = std::move(idle_[i].encoder);
    idle_.erase(idle_.begin() + ptrdiff_t(i));
    idle_bytes_ -= memory_max(coding, level);
    return encoder;
  }
  return nullptr;
}

// What is idle here gives way first.
std::unique_ptr<Encoder> Encoders::make(Coding coding, uint8_t level) {
  const size_t bytes = memory_max(coding, level);
  while (!bound_.take(bytes)) {
    if (idle_.empty()) return nullptr;
    drop_oldest();
  }
  bytes_ += bytes;
  auto encoder = make_encoder(coding, level);
  if (!encoder) pay_back(bytes);
  return encoder;
}

Lease Encoders::take(Coding coding, uint8_t level, std::optional<uint64_t> length) {
  Lease lease;
  lease.encoder_ = take_idle(coding, level);
  if (!lease.encoder_) lease.encoder_ = make(coding, level);
  if (!lease.encoder_) return lease;
  lease.owner_ = this;
  lease.coding_ = coding, lease.level_ = level;
  if (!lease.encoder_->begin(length)) lease.give_back();
  return lease;
}

void Encoders::give(std::unique_ptr<Encoder> encoder, Coding coding, uint8_t level) {
  idle_.push_back({std::move(encoder), coding, level});
  idle_bytes_ += memory_max(coding, level);
  while (idle_bytes_ > bound_.idle_max() || idle_.size() > kIdleMax) drop_oldest();
}

}  // namespace cardea::l7::compress
