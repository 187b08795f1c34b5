#include "l7/http2/request_text.h"

#include <algorithm>

#include "l7/http/fields.h"
#include "l7/http/serialise.h"
#include "l7/http2/block_rules.h"

namespace cardea::l7::http2 {
namespace {

using http::Fault;
using http::HeadWriter;

constexpr size_t kAddedBytes = 256;  // version, separators, framing, an upgrade

// What a block says before and beside its plain fields.
struct Facts {
  std::string_view method, scheme, authority, path, host, protocol;
  bool has_host = false, has_length = false, has_version = false;
  size_t cookies = 0;
};

void note(Facts& facts, const Field& field) {
  if (field.name == ":method") facts.method = field.value;
  if (field.name == ":scheme") facts.scheme = field.value;
  if (field.name == ":authority") facts.authority = field.value;
  if (field.name == ":path") facts.path = field.value;
  if (field.name == ":protocol") facts.protocol = field.value;
  if (field.name == "host") facts.host = field.value, facts.has_host = true;
  if (field.name == "content-length") facts.has_length = true;
  if (field.name == "cookie") ++facts.cookies;
  if (field.name == "sec-websocket-version") facts.has_version = field.value == "13";
}

Fault judge(const HeaderBlock& block) {
  for (size_t i = 0; i < block.size(); ++i) {
    if (const Fault fault = judge_field(block[i]); fault != Fault::kNone) return fault;
  }
  return Fault::kNone;
}

Facts facts_of(const HeaderBlock& block) {
  Facts facts;
  for (size_t i = 0; i < block.size(); ++i) note(facts, block[i]);
  return facts;
}

bool expects_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

// Where the block has both they are one (RFC 9113 8.3.1): routed by one and sent on with the other, a request would be
// two.
bool agree(const Facts& facts) {
  return !facts.has_host || facts.authority.empty() || http::equal_without_case(facts.host, facts.authority);
}

// RFC 9113 8.3.1. Behind an authority anything else would be a part of it.
bool is_path(std::string_view path) {
  return path.starts_with('/') || path == "*";
}

// RFC 8441 5; what HTTP/1 would not take for a WebSocket is none here.
bool is_websocket(const Facts& facts) {
  return facts.method == "CONNECT" && facts.protocol == "websocket" && facts.has_version && !facts.has_length;
}

// A tunnel that nobody here makes (RFC 9113 8.5, RFC 8441 4).
bool is_tunnel(const Facts& facts) {
  return facts.method == "CONNECT" && !is_websocket(facts);
}

void write_request_line(HeadWriter& out, const Facts& facts, std::string_view host) {
  if (facts.path == "*") return out.put(facts.method, " * HTTP/1.1\r\nHost: ", host, "\r\n");
  const std::string_view method = is_websocket(facts) ? "GET" : facts.method;
  out.put(method, " ", facts.scheme, "://", host, facts.path, " HTTP/1.1\r\nHost: ", host, "\r\n");
}

void write_fields(HeadWriter& out, const HeaderBlock& block) {
  for (size_t i = 0; i < block.size(); ++i) {
    const Field field = block[i];
    if (field.name.starts_with(':') || field.name == "host" || field.name == "cookie") continue;
    if (field.name == "sec-websocket-key") continue;  // of another hop: this one has its own
    out.field(field.name, field.value);
  }
}

void write_upgrade(HeadWriter& out, std::string_view key) {
  out.put("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ", key, "\r\n");
}

void write_framing(HeadWriter& out, const Facts& facts, bool ended) {
  if (facts.has_length) return;
  if (!ended) return out.field("transfer-encoding", "chunked");
  if (expects_body(facts.method)) out.field("content-length", "0");
}

void write_cookies(HeadWriter& out, const HeaderBlock& block) {
  std::string_view before = "cookie: ";
  for (size_t i = 0; i < block.size(); ++i) {
    if (block[i].name != "cookie") continue;
    out.put(before, block[i].value);
    before = "; ";
  }
  out.put("\r\n");
}

}  // namespace

size_t request_text_max(const HeaderBlock& block) {
  size_t bytes = kAddedBytes;
  for (size_t i = 0; i < block.size(); ++i) bytes += block[i].name.size() + 2 * block[i].value.size() + 4;
  return bytes;
}

std::expected<std::string_view, Fault> write_request_text(std::span<char> into, const HeaderBlock& block, bool ended,
                                                          WebsocketKey* websocket) {
  if (const Fault fault = judge(block); fault != Fault::kNone) return std::unexpected(fault);
  const Facts facts = facts_of(block);
  if (is_tunnel(facts)) return std::unexpected(Fault::kConnectUnsupported);
  if (!facts.scheme.empty() && !http::is_token(facts.scheme)) return std::unexpected(Fault::kTarget);
  if (!is_path(facts.path)) return std::unexpected(Fault::kTarget);
  if (!agree(facts)) return std::unexpected(Fault::kHostInvalid);
  HeadWriter out(into);
  write_request_line(out, facts, facts.authority.empty() ? facts.host : facts.authority);
  write_fields(out, block);
  if (facts.cookies != 0) write_cookies(out, block);
  if (is_websocket(facts)) {
    write_upgrade(out, websocket ? websocket->make() : std::string_view());
  } else {
    write_framing(out, facts, ended);
  }
  out.end_of_head();
  const auto written = out.finish();
  if (!written) return std::unexpected(Fault::kHeadTooLarge);
  return *written;
}

}  // namespace cardea::l7::http2
