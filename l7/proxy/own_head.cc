#include "l7/proxy/own_head.h"

#include <fmt/format.h>

#include <algorithm>

#include "l7/http/edit.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/header_changes.h"
#include "l7/proxy/identify.h"

namespace cardea::l7::proxy {
namespace {

constexpr size_t kAddedBytes = 768;  // to a head, at most

}  // namespace

void add_header(Exchange& x, http::Headers& headers, http::HeaderId id, std::string_view name, std::string_view value) {
  const size_t size = name.size() + 2 + value.size() + 2;
  char* const line = x.arena().characters(size);
  char* at = std::ranges::copy(name, line).out;
  at = std::ranges::copy(std::string_view(": "), at).out;
  at = std::ranges::copy(value, at).out;
  std::ranges::copy(std::string_view("\r\n"), at);
  headers.add(id, {line, name.size()}, {line + name.size() + 2, value.size()});
}

std::string_view content_range(Exchange& x, const http::ByteRange& range, uint64_t size) {
  constexpr size_t kMax = 80;
  char* const text = x.arena().characters(kMax);
  const auto written =
      range.kind == http::ByteRange::Kind::kPart
          ? fmt::format_to_n(text, kMax, "bytes {}-{}/{}", range.first, range.first + range.length - 1, size)
          : fmt::format_to_n(text, kMax, "bytes */{}", size);
  return {text, written.size};
}

std::string_view write_own_head(Exchange& x, const http::ResponseHead& head, uint64_t length,
                                std::string_view content_range) {
  const bool bodiless = head.status == 204 || head.status == 304;
  choose_coding(x, head, length, length != 0 && x.head.method != http::Method::kHead);
  const http::BodyFraming body = bodiless ? http::BodyFraming{} : http::BodyFraming{http::BodyKind::kLength, length};
  const http::HeaderChanges changes = response_changes(x, &head.headers);
  http::ResponseEdit edit{
      .body = frame_own(x, body),
      .options = {},
      .method = x.head.method,
      .client_version = x.head.version,
      .close = x.close,
      .via = {},
      .date = x.shard().date(x.record.unix_ms / 1000),
      .content_range = content_range,
      .changes = changes,
      .id_header = id_for_client(x)};
  mark(x.compressing, edit);
  size_t room = kAddedBytes + changes.bytes;
  for (const http::Header& header : head.headers) room += header.line().size();
  const auto written = x.end().write_head({x.arena().characters(room), room}, head, edit);
  return written ? *written : std::string_view();
}

}  // namespace cardea::l7::proxy
