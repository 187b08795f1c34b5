// HTTP's dates (RFC 9110 5.6.7): written in the one format to write, read in the three to read, as seconds since 1970
// in UTC, without locale, time zone or allocation. Which second it is the caller knows.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace cardea::l7::http {

inline constexpr size_t kDateSize = 29;
using DateText = std::array<char, kDateSize>;

DateText format_date(int64_t unix_seconds);  // "Sun, 06 Nov 1994 08:49:37 GMT"; years 0 to 9999
// `now` decides the century of RFC 850's two-digit years.
std::optional<int64_t> parse_date(std::string_view text, int64_t now);

// The text of the running second, made once a second; one a shard.
class DateCache {
 public:
  std::string_view at(int64_t unix_seconds) {
    if (unix_seconds != second_) text_ = format_date(second_ = unix_seconds);
    return {text_.data(), text_.size()};
  }

 private:
  int64_t second_ = std::numeric_limits<int64_t>::min();
  DateText text_{};
};

}  // namespace cardea::l7::http
