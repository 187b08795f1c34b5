#include "l7/http2/field_lines.h"

#include <algorithm>

namespace cardea::l7::http2 {
namespace {

constexpr size_t kGuessable = 20;  // a secret that is shorter could be found out byte by byte

// What must not be found out by what else compresses well (RFC 7541 7.1.3).
bool is_secret(std::string_view name, std::string_view value) {
  return name == "set-cookie" || name == "authorization" || (name == "cookie" && value.size() < kGuessable);
}

void lower(std::span<char> text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = char(c | 0x20);
  }
}

}  // namespace

nghttp2_nv field(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
  const uint8_t flags = is_secret(name, value) ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
  return {bytes(name), bytes(value), name.size(), value.size(), flags};
}

void append_fields(std::span<char> lines, std::span<const std::string_view> left_out, std::vector<nghttp2_nv>& to) {
  const std::string_view text(lines.data(), lines.size());
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find("\r\n", at), colon = text.find(':', at);
    if (end <= at || colon > end) break;
    lower(lines.subspan(at, colon - at));
    const std::string_view name = text.substr(at, colon - at), value = text.substr(colon + 2, end - colon - 2);
    if (std::ranges::find(left_out, name) == left_out.end()) to.push_back(field(name, value));
    at = end + 2;
  }
}

}  // namespace cardea::l7::http2
