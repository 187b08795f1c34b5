#include "l7/http2/response_fields.h"

#include <algorithm>
#include <array>

namespace cardea::l7::http2 {
namespace {

// The last is of an upgrade, which there is none of.
constexpr std::array<std::string_view, 7> kOfAConnection = {"connection",          "keep-alive", "proxy-connection",
                                                            "transfer-encoding",   "upgrade",    "http2-settings",
                                                            "sec-websocket-accept"};

nghttp2_nv field(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
  // A session's secret must not be found out by what else compresses well (RFC 7541 7.1.3).
  const uint8_t flags = name == "set-cookie" ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
  return {bytes(name), bytes(value), name.size(), value.size(), flags};
}

void lower(std::span<char> text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = char(c | 0x20);
  }
}

}  // namespace

std::span<const nghttp2_nv> ResponseFields::of(std::span<char> head) {
  all_.clear();
  const std::string_view text(head.data(), head.size());
  all_.push_back(field(":status", text.substr(9, 3)));  // "HTTP/1.1 200 OK"
  for (size_t at = text.find("\r\n") + 2; at < text.size();) {
    const size_t end = text.find("\r\n", at), colon = text.find(':', at);
    if (end <= at || colon > end) break;
    lower(head.subspan(at, colon - at));
    const std::string_view name = text.substr(at, colon - at), value = text.substr(colon + 2, end - colon - 2);
    if (std::ranges::find(kOfAConnection, name) == kOfAConnection.end()) all_.push_back(field(name, value));
    at = end + 2;
  }
  return all_;
}

}  // namespace cardea::l7::http2
