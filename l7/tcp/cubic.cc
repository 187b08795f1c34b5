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

void Cubic::start_slowly(uint32_t* bytes) {
  auto* watched = std::get_if<SlowStart>(&phase_);
  const uint32_t growth = std::min(*bytes / (watched ? watched->divisor() : 1), threshold_ - window_);
  window_ = std::min(window_ + growth, kWindowMax);
  if (watched && watched->is_over()) threshold_ = window_;
  *bytes = in_slow_start() || watched ? 0 : *bytes - growth;
}

Cubic::Epoch& Cubic::epoch() {
  if (auto* epoch = std::get_if<Epoch>(&phase_)) return *epoch;
  return phase_.emplace<Epoch>();
}

// W_cubic (RFC 9438 4.2), in bytes.
float Cubic::Epoch::target(uint32_t mss, Duration ahead, Instant now) const {
  const float t = seconds(start.since(now) + ahead) - k;
  return origin + kC * t * t * t * float(mss);
}

void Cubic::acknowledged(uint32_t bytes, uint32_t mss, const RoundTrip& rtt, Instant now) {
  if (in_slow_start()) start_slowly(&bytes);
  if (bytes == 0) return;
  Epoch& e = epoch();
  if (e.start.never()) begin_epoch(e, mss, now);
  const auto window = float(window_);
  const bool caught_up = e.estimate >= e.last_origin;
  e.estimate += (caught_up ? 1 : kAlpha) * float(bytes) / window * float(mss);
  float grown;
  if (e.target(mss, Duration{0}, now) < e.estimate) {
    grown = std::max(window, e.estimate);
  } else {
    const float wanted = std::clamp(e.target(mss, rtt.smoothed(), now), window, 1.5f * window);
    grown = window + (wanted - window) / window * float(bytes);
  }
  window_ = uint32_t(std::min(grown, float(kWindowMax)));
}

void Cubic::begin_epoch(Epoch& e, uint32_t mss, Instant now) const {
  const auto window = float(window_);
  e.start = Moment(now);
  e.estimate = window;
  e.k = e.origin > window ? std::cbrt((e.origin - window) / float(mss) / kC) : 0;
  e.origin = std::max(e.origin, window);
}

void Cubic::congested(uint32_t mss) {
  const auto window = float(window_);
  const float origin = std::holds_alternative<Epoch>(phase_) ? epoch().origin : 0;
  window_before_ = window_;
  threshold_before_ = threshold_;
  origin_before_ = origin;
  const bool shrinking = window < origin;  // fast convergence (RFC 9438 4.7)
  phase_ = Epoch{.origin = shrinking ? window * (1 + kBeta) / 2 : window, .last_origin = window};
  threshold_ = std::max(uint32_t(window * kBeta), 2 * mss);
}

void Cubic::undo() {
  if (window_before_ == 0) return;
  window_ = std::max(window_, window_before_);
  threshold_ = threshold_before_;
  if (threshold_ == UINT32_MAX)
    phase_ = SlowStart{};
  else
    phase_ = Epoch{.origin = origin_before_};
  window_before_ = 0;
}

void Cubic::restart(Duration idle, Duration timeout, uint32_t initial) {
  const uint32_t before = window_, floor = std::min(initial, window_);
  threshold_ = std::max(threshold_, window_ / 4 * 3);
  while ((idle -= timeout) > Duration{0} && window_ > floor) window_ /= 2;
  window_ = std::max(window_, floor);
  if (window_ < before) begin_anew(before);
}

// What the path has told is kept: where its queue began to grow, and what it took. Rounds and the curve's time are of
// the window that was.
void Cubic::begin_anew(uint32_t window_before) {
  if (const auto* start = std::get_if<SlowStart>(&phase_)) {
    if (start->is_careful()) threshold_ = std::min(threshold_, window_before);
    phase_ = SlowStart{};
  } else {
    const Epoch& old = epoch();
    phase_ = Epoch{.origin = std::max(old.origin, float(window_before)), .last_origin = old.last_origin};
  }
}

void Cubic::idle(Duration time) {
  auto* epoch = std::get_if<Epoch>(&phase_);
  if (epoch && !epoch->start.never()) epoch->start.move_on(time);
}

}  // namespace cardea::l7::tcp
