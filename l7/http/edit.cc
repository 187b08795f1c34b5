#include "l7/http/edit.h"

#include "base/check.h"
#include "l7/http/serialise.h"

namespace cardea::l7::http {
namespace {

constexpr uint64_t kValidators = header_set(HeaderId::kIfNoneMatch, HeaderId::kIfModifiedSince);
constexpr uint64_t kWrittenAnew =
    header_set(HeaderId::kHost, HeaderId::kExpect, HeaderId::kXForwardedFor, HeaderId::kXForwardedProto,
               HeaderId::kXForwardedHost, HeaderId::kXForwardedPort, HeaderId::kXRealIp);

std::string_view version_number(Version version) {
  return version == Version::kHttp11 ? "1.1 " : "1.0 ";
}

void write_framing(HeadWriter& out, BodyFraming body) {
  if (body.kind == BodyKind::kLength) out.field("Content-Length", body.length);
  if (body.kind == BodyKind::kChunked) out.field("Transfer-Encoding", "chunked");
}

void write_forwarded_for(HeadWriter& out, const Headers& headers, std::string_view client) {
  out.put({"X-Forwarded-For: "});
  if (headers.has(HeaderId::kXForwardedFor)) {
    for (const Header& header : headers) {
      if (header.id() == HeaderId::kXForwardedFor && !header.value().empty()) out.put({header.value(), ", "});
    }
  }
  out.put({client, "\r\n"});
}

void write_forwarding(HeadWriter& out, const RequestHead& head, const RequestEdit& edit, std::string_view host) {
  write_forwarded_for(out, head.headers, edit.client);
  out.field("X-Forwarded-Proto", edit.scheme);
  out.field("X-Forwarded-Host", host);
  if (!edit.port.empty()) out.field("X-Forwarded-Port", edit.port);
  out.field("X-Real-IP", edit.client);
  out.put({"Via: ", version_number(head.version), edit.via, "\r\n"});
}

// A response to HEAD tells the length its body would have; a 1xx or a 204 must not (RFC 9110 8.6). A 304 need not, and
// with any other length than the 200's it would spoil what caches behind us have: it is left out.
bool length_is_metadata(const ResponseHead& head, Method method) {
  return head.headers.has(HeaderId::kContentLength) && method == Method::kHead && head.status >= 200 &&
         head.status != 204 && head.status != 304;
}

void write_connection(HeadWriter& out, const ResponseHead& head, const ResponseEdit& edit) {
  if (edit.websocket) {
    out.put({"Connection: Upgrade\r\nUpgrade: ", head.headers.value(HeaderId::kUpgrade), "\r\n"});
  } else if (head.status < 200) {
    return;
  } else if (edit.close) {
    out.field("Connection", "close");
  } else if (edit.client_version == Version::kHttp10) {
    out.field("Connection", "keep-alive");
  }
}

}  // namespace

Result<std::string_view> write_request(std::span<char> into, const RequestHead& head, const RequestEdit& edit) {
  HeadWriter out(into);
  const std::string_view host = head.authority.text.empty() ? edit.default_host : head.authority.text;
  out.request_line(head.method_text, edit.path.empty() ? head.path : edit.path, head.has_query, head.query);
  out.field("Host", host);
  const uint64_t left_out = edit.revalidate ? kWrittenAnew | kValidators : kWrittenAnew;
  out.fields(head.headers, [&edit, left_out](const Header& header) {
    return !(bit(header.id()) & left_out) && !is_hop_by_hop(header, edit.options);
  });
  if (!edit.if_none_match.empty()) out.field("If-None-Match", edit.if_none_match);
  if (!edit.if_modified_since.empty()) out.field("If-Modified-Since", edit.if_modified_since);
  write_forwarding(out, head, edit, host);
  write_framing(out, edit.body);
  if (edit.expect) out.field("Expect", "100-continue");
  if (edit.websocket) out.put({"Connection: Upgrade\r\nUpgrade: websocket\r\n"});
  if (edit.close) out.field("Connection", "close");
  out.end_of_head();
  return out.finish();
}

Result<std::string_view> write_response(std::span<char> into, const ResponseHead& head, const ResponseEdit& edit) {
  HeadWriter out(into);
  out.status_line(head.status, head.reason);
  out.fields(head.headers, [&edit](const Header& header) {
    return !is_hop_by_hop(header, edit.options) && !(edit.age && header.id() == HeaderId::kAge);
  });
  if (edit.age) out.field("Age", *edit.age);
  if (!edit.content_range.empty()) out.field("Content-Range", edit.content_range);
  if (!edit.cache_status.empty()) out.field("Cache-Status", edit.cache_status);
  if (head.status >= 200 && !edit.date.empty() && !head.headers.has(HeaderId::kDate)) out.field("Date", edit.date);
  out.put({"Via: ", version_number(head.version), edit.via, "\r\n"});
  if (length_is_metadata(head, edit.method)) {
    out.field("Content-Length", head.headers.value(HeaderId::kContentLength));
  } else {
    write_framing(out, edit.body);
  }
  write_connection(out, head, edit);
  out.end_of_head();
  return out.finish();
}

}  // namespace cardea::l7::http
