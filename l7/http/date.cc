#include "l7/http/date.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "l7/http/fields.h"

namespace cardea::l7::http {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kLongDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                          "Thursday", "Friday", "Saturday"};
constexpr int64_t kDay = 86400;

void put_digits(char* at, unsigned value, int count) {
  for (int i = count - 1; i >= 0; --i, value /= 10) at[i] = char('0' + value % 10);
}

// Takes what a date is made of off its beginning; `ok` falls once and stays.
struct Scanner {
  std::string_view rest;
  bool ok = true;

  unsigned number(size_t digits) {
    const auto value = parse_decimal(rest.substr(0, digits));
    ok = ok && rest.size() >= digits && value;
    rest.remove_prefix(std::min(digits, rest.size()));
    return ok ? unsigned(*value) : 0;
  }
  void literal(std::string_view text) {
    ok = ok && rest.starts_with(text);
    rest.remove_prefix(std::min(text.size(), rest.size()));
  }
  unsigned month() {
    const size_t at = rest.size() < 3 ? kMonths.npos : kMonths.find(rest.substr(0, 3));
    ok = ok && at != kMonths.npos && at % 3 == 0;
    rest.remove_prefix(std::min<size_t>(3, rest.size()));
    return ok ? unsigned(at / 3 + 1) : 0;
  }
};

struct Parts {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

void scan_time(Scanner& in, Parts& parts) {
  parts.hour = in.number(2), in.literal(":");
  parts.minute = in.number(2), in.literal(":");
  parts.second = in.number(2);
}

std::optional<int64_t> seconds_of(const Parts& parts) {
  const std::chrono::year_month_day date{std::chrono::year(int(parts.year)), std::chrono::month(parts.month),
                                         std::chrono::day(parts.day)};
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return {};
  return sys_days(date).time_since_epoch().count() * kDay + parts.hour * 3600 + parts.minute * 60 + parts.second;
}

// "06 Nov 1994 08:49:37 GMT", behind the day's name
std::optional<int64_t> parse_fixed(Scanner in) {
  Parts parts;
  parts.day = in.number(2), in.literal(" ");
  parts.month = in.month(), in.literal(" ");
  parts.year = in.number(4), in.literal(" ");
  scan_time(in, parts);
  in.literal(" GMT");
  if (!in.ok || !in.rest.empty()) return {};
  return seconds_of(parts);
}

// "06-Nov-94 08:49:37 GMT": a year that seems more than fifty years ahead is of the last century.
std::optional<int64_t> parse_rfc850(Scanner in, int64_t now) {
  Parts parts;
  parts.day = in.number(2), in.literal("-");
  parts.month = in.month(), in.literal("-");
  const unsigned short_year = in.number(2);
  in.literal(" ");
  scan_time(in, parts);
  in.literal(" GMT");
  if (!in.ok || !in.rest.empty()) return {};
  const std::chrono::year_month_day today{sys_days(days(now / kDay))};
  const auto this_year = unsigned(int(today.year()));
  parts.year = this_year - this_year % 100 + short_year;
  if (parts.year > this_year + 50) parts.year -= 100;
  return seconds_of(parts);
}

// "Nov  6 08:49:37 1994"
std::optional<int64_t> parse_asctime(Scanner in) {
  Parts parts;
  parts.month = in.month(), in.literal(" ");
  if (in.rest.starts_with(' ')) {
    in.literal(" ");
    parts.day = in.number(1);
  } else {
    parts.day = in.number(2);
  }
  in.literal(" ");
  scan_time(in, parts);
  in.literal(" ");
  parts.year = in.number(4);
  if (!in.ok || !in.rest.empty()) return {};
  return seconds_of(parts);
}

bool is_day(std::string_view name) {
  const size_t at = kDays.find(name);
  return at != kDays.npos && at % 3 == 0;
}

bool is_long_day(std::string_view name) {
  return std::ranges::find(kLongDays, name) != std::end(kLongDays);
}

}  // namespace

DateText format_date(int64_t unix_seconds) {
  const sys_days day{days(unix_seconds / kDay - (unix_seconds % kDay < 0))};
  const auto second = unsigned(unix_seconds - day.time_since_epoch().count() * kDay);
  const std::chrono::year_month_day date(day);
  DateText text;
  std::memcpy(text.data(), "Sun, 00 Jan 0000 00:00:00 GMT", kDateSize);
  std::memcpy(text.data(), kDays.data() + 3 * std::chrono::weekday(day).c_encoding(), 3);
  put_digits(&text[5], unsigned(date.day()), 2);
  std::memcpy(&text[8], kMonths.data() + 3 * (unsigned(date.month()) - 1), 3);
  put_digits(&text[12], unsigned(int(date.year())), 4);
  put_digits(&text[17], second / 3600, 2);
  put_digits(&text[20], second / 60 % 60, 2);
  put_digits(&text[23], second % 60, 2);
  return text;
}

std::optional<int64_t> parse_date(std::string_view text, int64_t now) {
  if (text.size() < 5 || !is_day(text.substr(0, 3))) return {};
  if (text[3] == ',') {
    if (text[4] != ' ') return {};
    return parse_fixed({text.substr(5)});
  }
  if (text[3] == ' ') return parse_asctime({text.substr(4)});
  const size_t comma = text.find(", ");
  if (comma == text.npos || !is_long_day(text.substr(0, comma))) return {};
  return parse_rfc850({text.substr(comma + 2)}, now);
}

}  // namespace cardea::l7::http
