// W3C Trace Context: the header traceparent, read strictly (a value that others might read differently is none) and
// written. What a later version has behind the fields that this one knows is not looked at.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace cardea::l7::http {

struct TraceParent {
  std::string_view trace_id;   // 32 digits, small hexadecimal, not all 0
  std::string_view parent_id;  // 16, the same
  bool sampled = false;        // its maker may have recorded it
};
// Views `value`.
std::optional<TraceParent> parse_traceparent(std::string_view value);

inline constexpr size_t kTraceparentBytes = 55;
std::array<char, kTraceparentBytes> write_traceparent(const TraceParent& parent);

}  // namespace cardea::l7::http
