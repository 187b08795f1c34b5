#include "l7/proxy/log_line.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/check.h"

namespace cardea::l7::proxy {
namespace {

// What stands in a JSON string as it is: visible ASCII and spaces. Everything else is written as an escape, bytes above
// 0x7f too: what encoding they are in nobody knows.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x7f; ++c) plain[size_t(c)] = c != '"' && c != '\\';
  return plain;
}();

}  // namespace

// Fields are bounded, so the sum of all is; it is checked, not hoped for.
void LogLine::raw(std::string_view text) {
  CHECK(size_ + text.size() <= bytes_.size(), "a log line's fields are bounded");
  std::memcpy(bytes_.data() + size_, text.data(), text.size());
  size_ += text.size();
}

void LogLine::key(std::string_view name) {
  raw(size_ == 1 ? "\"" : ",\"");
  raw(name);
  raw("\":");
}

void LogLine::escaped(std::string_view value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  while (!value.empty()) {
    const auto end = std::find_if(value.begin(), value.end(), [](char c) { return !kPlain[uint8_t(c)]; });
    const size_t plain = size_t(end - value.begin());
    raw(value.substr(0, plain));
    if (plain == value.size()) return;
    const auto c = uint8_t(value[plain]);
    const char escape[] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
    raw({escape, sizeof escape});
    value.remove_prefix(plain + 1);
  }
}

void LogLine::text(std::string_view name, std::string_view value, size_t max) {
  key(name);
  raw("\"");
  escaped(value.substr(0, max));
  raw("\"");
}

void LogLine::number(std::string_view name, uint64_t value) {
  key(name);
  char digits[20];
  raw({digits, size_t(std::to_chars(digits, digits + sizeof digits, value).ptr - digits)});
}

void LogLine::truth(std::string_view name, bool value) {
  key(name);
  raw(value ? "true" : "false");
}

void LogLine::milliseconds(std::string_view name, std::chrono::nanoseconds value) {
  const auto us = uint64_t(std::max<int64_t>(value.count() / 1000, 0));
  number(name, us / 1000);
  const uint64_t rest = us % 1000;
  const char decimals[] = {'.', char('0' + rest / 100), char('0' + rest / 10 % 10), char('0' + rest % 10)};
  raw({decimals, sizeof decimals});
}

void LogLine::timestamp(std::string_view name, int64_t unix_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds(unix_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const auto in_day = uint32_t((at - day).count());
  char text[] = "0000-00-00T00:00:00.000Z";
  const auto put = [&text](size_t where, size_t digits, uint32_t value) {
    for (; digits-- > 0; value /= 10) text[where + digits] = char('0' + value % 10);
  };
  put(0, 4, uint32_t(int(date.year())));
  put(5, 2, unsigned(date.month()));
  put(8, 2, unsigned(date.day()));
  put(11, 2, in_day / 3'600'000);
  put(14, 2, in_day / 60'000 % 60);
  put(17, 2, in_day / 1000 % 60);
  put(20, 3, in_day % 1000);
  key(name);
  raw("\"");
  raw({text, sizeof text - 1});
  raw("\"");
}

std::string_view LogLine::finish() {
  raw("}\n");
  return {bytes_.data(), size_};
}

}  // namespace cardea::l7::proxy
