#include "l7/http2/request_fields.h"

#include <array>

#include "l7/http2/field_lines.h"

namespace cardea::l7::http2 {
namespace {

// The last is one of a WebSocket's alone: HTTP/2 asks without.
constexpr std::array<std::string_view, 8> kOfAConnection = {
    "host",    "connection",     "keep-alive",       "proxy-connection", "transfer-encoding",
    "upgrade", "http2-settings", "sec-websocket-key"};

}  // namespace

// "GET /path HTTP/1.1", and Host behind it: http/edit.cc.
std::span<const nghttp2_nv> RequestFields::of(std::span<char> head, Hop hop) {
  const std::string_view text(head.data(), head.size());
  const size_t line_end = text.find("\r\n"), method_end = text.find(' '), path_end = text.rfind(' ', line_end);
  const size_t host = text.find(' ', line_end) + 1;
  all_.clear();
  all_.push_back(field(":method", hop.websocket ? "CONNECT" : text.substr(0, method_end)));
  all_.push_back(field(":scheme", hop.secure ? "https" : "http"));
  all_.push_back(field(":authority", text.substr(host, text.find("\r\n", host) - host)));
  all_.push_back(field(":path", text.substr(method_end + 1, path_end - method_end - 1)));
  if (hop.websocket) all_.push_back(field(":protocol", "websocket"));
  const auto left_out = std::span(kOfAConnection).first(kOfAConnection.size() - (hop.websocket ? 0 : 1));
  append_fields(head.subspan(line_end + 2), left_out, all_);
  if (hop.trailers) all_.push_back(field("te", "trailers"));
  return all_;
}

}  // namespace cardea::l7::http2
