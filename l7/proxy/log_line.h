// One line of the access log as it grows: JSON in a buffer of its own, each value bounded and escaped so that nothing a
// client sends ends a string, a line or the terminal it is looked at in.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace cardea::l7::proxy {

class LogLine {
 public:
  LogLine() { raw("{"); }

  // `name` is ours; values longer than `max` bytes are cut.
  void text(std::string_view name, std::string_view value, size_t max = 256);
  void number(std::string_view name, uint64_t value);
  void truth(std::string_view name, bool value);
  void milliseconds(std::string_view name, std::chrono::nanoseconds value);  // with three decimals
  void timestamp(std::string_view name, int64_t unix_ms);                    // RFC 3339, UTC
  std::string_view finish();                                                 // with its newline

 private:
  static constexpr size_t kBytes = 16 * 1024;
  void key(std::string_view name);
  void raw(std::string_view text);
  void escaped(std::string_view value);

  size_t size_ = 0;
  std::array<char, kBytes> bytes_;
};

}  // namespace cardea::l7::proxy
