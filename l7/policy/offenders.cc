#include "l7/policy/offenders.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <thread>

namespace cardea::l7::policy {
namespace {

constexpr double kMemory = 10;  // seconds in which a refusal's weight falls to 1/e

double seconds(std::chrono::nanoseconds of) {
  return double(of.count()) / 1e9;
}

double weight_now(double weight, std::chrono::nanoseconds now) {
  return std::exp(std::min(weight - seconds(now) / kMemory, 700.0));
}

}  // namespace

void Offenders::note(uint64_t key, std::string_view text, std::chrono::nanoseconds now) {
  refused_.fetch_add(1, std::memory_order_relaxed);
  if (locked_.test_and_set(std::memory_order_acquire)) return;
  Entry& entry = entry_of(key, text, now);
  ++entry.refused;
  entry.last = now;
  entry.weight = std::log(weight_now(entry.weight, now) + 1) + seconds(now) / kMemory;
  locked_.clear(std::memory_order_release);
}

// A new one takes over the weight of whom it replaces, but not what that was refused.
Offenders::Entry& Offenders::entry_of(uint64_t key, std::string_view text, std::chrono::nanoseconds now) {
  const auto known = std::ranges::find_if(entries_, [key](const Entry& one) { return one.refused != 0 && one.key == key; });
  if (known != entries_.end()) return *known;
  Entry& entry = *std::ranges::min_element(entries_, {}, &Entry::weight);
  entry.key = key;
  entry.refused = 0;
  entry.since = now;
  entry.length = uint8_t(std::min(text.size(), kTextMax));
  std::ranges::copy(text.substr(0, entry.length), entry.text.begin());
  return entry;
}

std::vector<Offender> Offenders::top(std::chrono::nanoseconds now) {
  while (locked_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  const auto entries = entries_;
  locked_.clear(std::memory_order_release);
  std::vector<Offender> all;
  for (const Entry& one : entries) {
    if (one.refused == 0) continue;
    const double rate = std::min(weight_now(one.weight, now) / kMemory, double(one.refused));
    all.push_back({printable({one.text.data(), one.length}), one.refused, rate, one.since, one.last});
  }
  std::ranges::sort(all, std::greater(), &Offender::rate);
  return all;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= 0x20 && c < 0x7f && c != '\\') out += c;
    else fmt::format_to(std::back_inserter(out), "\\x{:02x}", uint8_t(c));
  }
  return out;
}

}  // namespace cardea::l7::policy
