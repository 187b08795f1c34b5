#include "l7/http/range.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "l7/http/fields.h"

namespace cardea::l7::http {
namespace {

constexpr std::string_view kUnit = "bytes=";

// Digits and nothing else. What is larger than any number is behind every end.
std::optional<uint64_t> position(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size()) return {};
  return error == std::errc::result_out_of_range ? UINT64_MAX : value;
}

ByteRange part(uint64_t first, uint64_t last, uint64_t size) {
  if (first >= size) return {ByteRange::Kind::kUnsatisfiable, 0, 0};
  return {ByteRange::Kind::kPart, first, std::min(last, size - 1) - first + 1};
}

// "-500": the last 500 bytes.
ByteRange suffix(std::string_view text, uint64_t size) {
  const auto length = position(text);
  if (!length) return {};
  if (*length == 0) return {ByteRange::Kind::kUnsatisfiable, 0, 0};
  return part(size - std::min(*length, size), UINT64_MAX, size);
}

}  // namespace

ByteRange byte_range(const Headers& request, uint64_t size) {
  if (!request.has(HeaderId::kRange) || request.repeated(HeaderId::kRange)) return {};
  std::string_view value = request.value(HeaderId::kRange);
  if (value.size() <= kUnit.size() || !equal_without_case(value.substr(0, kUnit.size()), kUnit)) return {};
  value = trim(value.substr(kUnit.size()));
  const size_t dash = value.find('-');
  if (dash == value.npos) return {};
  const std::string_view from = value.substr(0, dash), to = value.substr(dash + 1);
  if (from.empty()) return suffix(to, size);
  const auto first = position(from), last = to.empty() ? UINT64_MAX : position(to);
  if (!first || !last || *last < *first) return {};
  return part(*first, *last, size);
}

}  // namespace cardea::l7::http
