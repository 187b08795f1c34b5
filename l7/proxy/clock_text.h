// A moment as logs write it, without an allocation, in UTC.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cardea::l7::proxy {

class ClockText {
 public:
  static ClockText rfc3339(int64_t unix_ms);  // 2000-10-10T13:55:36.123Z
  static ClockText clf(int64_t unix_ms);      // 10/Oct/2000:13:55:36 +0000
  static ClockText haproxy(int64_t unix_ms);  // 10/Oct/2000:13:55:36.123
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  void put(size_t digits, uint32_t value);
  void put(std::string_view text);
  void put_in_english(int64_t unix_ms);
  std::array<char, 32> text_;
  size_t size_ = 0;
};

}  // namespace cardea::l7::proxy
