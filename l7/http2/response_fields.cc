#include "l7/http2/response_fields.h"

#include <array>

#include "l7/http2/field_lines.h"

namespace cardea::l7::http2 {
namespace {

// The last is of an upgrade, which there is none of.
constexpr std::array<std::string_view, 7> kOfAConnection = {"connection",          "keep-alive", "proxy-connection",
                                                            "transfer-encoding",   "upgrade",    "http2-settings",
                                                            "sec-websocket-accept"};

}  // namespace

std::span<const nghttp2_nv> ResponseFields::of(std::span<char> head) {
  all_.clear();
  const std::string_view text(head.data(), head.size());
  all_.push_back(field(":status", text.substr(9, 3)));  // "HTTP/1.1 200 OK"
  append_fields(head.subspan(text.find("\r\n") + 2), kOfAConnection, all_);
  return all_;
}

}  // namespace cardea::l7::http2
