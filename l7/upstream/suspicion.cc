#include "l7/upstream/suspicion.h"

#include <algorithm>

namespace cardea::l7::upstream {
namespace {

std::chrono::seconds pause_after(uint8_t pauses) {
  return std::min(Suspicion::kPauseMin * (1 << std::min<int>(pauses, 4)), Suspicion::kPauseMax);
}

}  // namespace

void Suspicion::connect_failed(Instant now) {
  pause(now);
}

void Suspicion::exchange_failed(Instant now) {
  if (failures_ < kFailuresMax) failures_++;
  if (failures_ == kFailuresMax) pause(now);
}

void Suspicion::connected() {
  if (failures_ == kFailuresMax) return;
  const uint8_t failures = failures_;
  answered();
  failures_ = failures;
}

void Suspicion::answered() {
  *this = {};
}

void Suspicion::tried(Instant now) {
  if (pauses_ != 0 && !suspect(now)) until_ = now + kPauseMin;
}

// What fails during a pause began before it, and does not make it longer.
void Suspicion::pause(Instant now) {
  if (now < pause_end_) return;
  until_ = pause_end_ = now + pause_after(pauses_);
  if (pauses_ < UINT8_MAX) pauses_++;
}

}  // namespace cardea::l7::upstream
