#include "l7/tcp/cubic.h"

#include <algorithm>
#include <cmath>

namespace cardea::l7::tcp {
namespace {
constexpr float kC = 0.4f, kBeta = 0.7f, kAlpha = 3 * (1 - kBeta) / (1 + kBeta);  // RFC 9438 4.1, 4.3
constexpr uint32_t kWindowMax = 1u << 30;
float seconds(Duration time) {
  return std::chrono::duration<float>(time).count();
}
}  // namespace

void Cubic::acknowledged(uint32_t bytes, uint32_t mss, const RoundTrip& rtt, Instant now) {
  if (in_slow_start()) {
    const uint32_t growth = std::min(bytes, threshold_ - window_);
    window_ = std::min(window_ + growth, kWindowMax);
    bytes -= growth;
    if (bytes == 0) return;
  }
  if (epoch_.start.never()) begin_epoch(mss, now);
  const auto window = float(window_);
  const bool caught_up = epoch_.estimate >= epoch_.last_origin;
  epoch_.estimate += (caught_up ? 1 : kAlpha) * float(bytes) / window * float(mss);
  const float cubic = target(mss, Duration{0}, now);
  float grown;
  if (cubic < epoch_.estimate) {
    grown = std::max(window, epoch_.estimate);
  } else {
    const float wanted = std::clamp(target(mss, rtt.smoothed(), now), window, 1.5f * window);
    grown = window + (wanted - window) / window * float(bytes);
  }
  window_ = uint32_t(std::min(grown, float(kWindowMax)));
}

void Cubic::begin_epoch(uint32_t mss, Instant now) {
  const auto window = float(window_);
  epoch_.start = Moment(now);
  epoch_.estimate = window;
  if (epoch_.origin > window) {
    epoch_.k = std::cbrt((epoch_.origin - window) / float(mss) / kC);
  } else {
    epoch_.origin = window;
    epoch_.k = 0;
  }
}

// W_cubic (RFC 9438 4.2), in bytes.
float Cubic::target(uint32_t mss, Duration ahead, Instant now) const {
  const float t = seconds(epoch_.start.since(now) + ahead) - epoch_.k;
  return epoch_.origin + kC * t * t * t * float(mss);
}

void Cubic::congested(uint32_t mss) {
  window_before_ = window_;
  threshold_before_ = threshold_;
  origin_before_ = epoch_.origin;
  const auto window = float(window_);
  const bool shrinking = window < epoch_.origin;  // fast convergence (RFC 9438 4.7)
  epoch_ = {.origin = shrinking ? window * (1 + kBeta) / 2 : window, .last_origin = window};
  threshold_ = std::max(uint32_t(window * kBeta), 2 * mss);
}

void Cubic::undo() {
  if (window_before_ == 0) return;
  window_ = std::max(window_, window_before_);
  threshold_ = threshold_before_;
  epoch_ = {.origin = origin_before_};
  window_before_ = 0;
}

void Cubic::idle(Duration time) {
  if (!epoch_.start.never()) epoch_.start.move_on(time);
}

}  // namespace cardea::l7::tcp
