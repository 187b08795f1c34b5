#include "l7/http2/response_text.h"

#include <algorithm>
#include <array>

#include "l7/http/fields.h"
#include "l7/http2/block_rules.h"

namespace cardea::l7::http2 {
namespace {

using http::Fault;

// What would frame or end the message in HTTP/1. The session has refused it too (RFC 9113 8.2.2).
constexpr std::array<std::string_view, 6> kOfAConnection = {"connection",        "keep-alive", "proxy-connection",
                                                            "transfer-encoding", "upgrade",    "te"};

Fault judge(const HeaderBlock& block) {
  if (block.size() == 0 || block[0].name != ":status") return Fault::kStatusLine;
  const std::string_view status = block[0].value;
  const bool number = status.size() == 3 && std::ranges::all_of(status, [](char c) { return c >= '0' && c <= '9'; });
  if (!number || status == "101") return Fault::kStatusLine;  // which there is none of (RFC 9113 8.6)
  for (size_t i = 1; i < block.size(); ++i) {
    if (block[i].name.starts_with(':')) return Fault::kHeaderName;
    if (std::ranges::find(kOfAConnection, block[i].name) != kOfAConnection.end()) return Fault::kConnectionOptions;
    if (const Fault fault = judge_field(block[i]); fault != Fault::kNone) return fault;
  }
  return Fault::kNone;
}

bool says_length(const HeaderBlock& block) {
  for (size_t i = 1; i < block.size(); ++i) {
    if (block[i].name == "content-length") return true;
  }
  return false;
}

// An end that comes with the head is a length of nothing, where the status does not say so already.
bool needs_length(const HeaderBlock& block, ResponseKind kind) {
  const std::string_view status = block[0].value;
  return kind.ended && !kind.head_only && status != "204" && status != "304" && !says_length(block);
}

bool opens_websocket(const HeaderBlock& block, ResponseKind kind) {
  return !kind.websocket_accept.empty() && block[0].value.starts_with('2');
}

void write_fields(std::string& into, const HeaderBlock& block, bool tunnel) {
  for (size_t i = 1; i < block.size(); ++i) {
    const Field field = block[i];
    if (tunnel && (field.name == "content-length" || field.name == "sec-websocket-accept")) continue;
    into.append(field.name).append(": ").append(field.value).append("\r\n");
  }
}

}  // namespace

http::Fault write_response_text(std::string& into, const HeaderBlock& block, ResponseKind kind) {
  if (const Fault fault = judge(block); fault != Fault::kNone) return fault;
  const bool tunnel = opens_websocket(block, kind);
  into.assign("HTTP/1.1 ").append(tunnel ? "101" : block[0].value).append(" \r\n");
  write_fields(into, block, tunnel);
  if (tunnel) {
    into.append("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ");
    into.append(kind.websocket_accept).append("\r\n");
  } else if (needs_length(block, kind)) {
    into.append("content-length: 0\r\n");
  }
  into.append("\r\n");
  return Fault::kNone;
}

}  // namespace cardea::l7::http2
