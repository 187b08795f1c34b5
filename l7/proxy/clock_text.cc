#include "l7/proxy/clock_text.h"

#include <algorithm>
#include <chrono>

namespace cardea::l7::proxy {
namespace {

struct Moment {
  explicit Moment(int64_t unix_ms) {
    const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds(unix_ms)};
    const auto midnight = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(midnight);
    year = uint32_t(int(date.year())), month = unsigned(date.month()), day = unsigned(date.day());
    in_day = uint32_t((at - midnight).count());
  }
  uint32_t hour() const { return in_day / 3'600'000; }
  uint32_t minute() const { return in_day / 60'000 % 60; }
  uint32_t second() const { return in_day / 1000 % 60; }
  uint32_t millisecond() const { return in_day % 1000; }
  uint32_t year, month, day, in_day;
};

}  // namespace

void ClockText::put(size_t digits, uint32_t value) {
  for (size_t at = size_ + digits; at-- > size_; value /= 10) text_[at] = char('0' + value % 10);
  size_ += digits;
}

void ClockText::put(std::string_view text) {
  std::ranges::copy(text, text_.begin() + size_);
  size_ += text.size();
}

ClockText ClockText::rfc3339(int64_t unix_ms) {
  const Moment at(unix_ms);
  ClockText text;
  text.put(4, at.year), text.put("-"), text.put(2, at.month), text.put("-"), text.put(2, at.day), text.put("T");
  text.put(2, at.hour()), text.put(":"), text.put(2, at.minute()), text.put(":"), text.put(2, at.second());
  text.put("."), text.put(3, at.millisecond()), text.put("Z");
  return text;
}

void ClockText::put_in_english(int64_t unix_ms) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const Moment at(unix_ms);
  put(2, at.day), put("/"), put(kMonths.substr(3 * (at.month - 1), 3)), put("/"), put(4, at.year), put(":");
  put(2, at.hour()), put(":"), put(2, at.minute()), put(":"), put(2, at.second());
}

ClockText ClockText::clf(int64_t unix_ms) {
  ClockText text;
  text.put_in_english(unix_ms);
  text.put(" +0000");
  return text;
}

ClockText ClockText::haproxy(int64_t unix_ms) {
  ClockText text;
  text.put_in_english(unix_ms);
  text.put("."), text.put(3, Moment(unix_ms).millisecond());
  return text;
}

}  // namespace cardea::l7::proxy
