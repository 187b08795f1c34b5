#include "l7/http/trace_context.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"

namespace cardea::l7::http {
namespace {

constexpr size_t kVersionAt = 0, kTraceAt = 3, kTraceSize = 32, kParentAt = 36, kParentSize = 16, kFlagsAt = 53;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != text.npos;
}

// Of the digit that the last four flags are.
unsigned value_of(char digit) {
  return unsigned(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

bool dashes_stand(std::string_view value) {
  return value[kTraceAt - 1] == '-' && value[kParentAt - 1] == '-' && value[kFlagsAt - 1] == '-';
}

// Version 00 has nothing more; what a later one has begins with another dash.
bool ends_well(std::string_view value) {
  if (value.size() == kTraceparentBytes) return true;
  return value.substr(kVersionAt, 2) != "00" && value[kTraceparentBytes] == '-';
}

}  // namespace

std::optional<TraceParent> parse_traceparent(std::string_view value) {
  if (value.size() < kTraceparentBytes || !dashes_stand(value) || !ends_well(value)) return std::nullopt;
  const std::string_view version = value.substr(kVersionAt, 2), flags = value.substr(kFlagsAt, 2);
  const TraceParent found{value.substr(kTraceAt, kTraceSize), value.substr(kParentAt, kParentSize),
                          is_hex(flags) && (value_of(flags[1]) & 1) != 0};
  const bool good = is_hex(version) && version != "ff" && is_hex(flags) && is_id(found.trace_id) && is_id(found.parent_id);
  return good ? std::optional(found) : std::nullopt;
}

std::array<char, kTraceparentBytes> write_traceparent(const TraceParent& parent) {
  CHECK(parent.trace_id.size() == kTraceSize && parent.parent_id.size() == kParentSize);
  std::array<char, kTraceparentBytes> text;
  constexpr std::string_view kVersion = "00-";
  auto at = std::ranges::copy(kVersion, text.begin()).out;
  at = std::ranges::copy(parent.trace_id, at).out;
  *at++ = '-';
  at = std::ranges::copy(parent.parent_id, at).out;
  std::ranges::copy(std::string_view(parent.sampled ? "-01" : "-00"), at);
  return text;
}

}  // namespace cardea::l7::http
