// One line of an access log as it grows, in a buffer of its own: every value is escaped so that nothing a client sends ends
// a string, a line, or the terminal it is looked at in. What has no room is left out, and the line ends all the same.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/exchange_field.h"
#include "base/line_format.h"
#include "l7/proxy/record_fields.h"

namespace cardea::l7::proxy {

class LogLine {
 public:
  static constexpr size_t kBytes = 32 * 1024;

  void json(std::string_view before, FieldKind kind, const FieldValue& value);  // nothing where there is nothing
  void plain(std::string_view before, FieldKind kind, const FieldValue& value);  // "-" where there is nothing
  void raw(std::string_view text);
  void quoted(std::string_view value);  // as a string of JSON
  void milliseconds(std::chrono::nanoseconds value);  // with three decimals
  std::string_view finish();  // with its newline

 private:
  void escaped_json(std::string_view value);
  void escaped_plain(std::string_view value);
  void number(uint64_t value);
  void scalar(FieldKind kind, const FieldValue& value);

  size_t size_ = 0;
  std::array<char, kBytes> bytes_;
};

// The whole line.
std::string_view write_line(LogLine& line, const LineFormat& format, RecordFields& fields);

}  // namespace cardea::l7::proxy
