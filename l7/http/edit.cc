#include "l7/http/edit.h"

#include "base/check.h"
#include "l7/http/authority.h"
#include "l7/http/fields.h"
#include "l7/http/forwarded.h"
#include "l7/http/forwarding.h"
#include "l7/http/serialise.h"

namespace cardea::l7::http {
namespace {

constexpr uint64_t kTrace = header_set(HeaderId::kTraceparent, HeaderId::kTracestate);
constexpr uint64_t kValidators = header_set(HeaderId::kIfNoneMatch, HeaderId::kIfModifiedSince);
constexpr uint64_t kWrittenAnew =
    header_set(HeaderId::kHost, HeaderId::kExpect, HeaderId::kXForwardedFor, HeaderId::kXForwardedProto,
               HeaderId::kXForwardedHost, HeaderId::kXForwardedPort, HeaderId::kXRealIp, HeaderId::kForwarded);

// What reads like a name that is known by its number is never sent on.
bool stands_for_id(const Header& header, const IdHeader& ours) {
  if (ours.name.empty() || (header.id() != HeaderId::kOther && header.id() != HeaderId::kXRequestId)) return false;
  return reads_alike(header.name(), ours.name);
}

std::string_view version_number(Version version) {
  return version == Version::kHttp11 ? "1.1 " : version == Version::kHttp20 ? "2.0 " : "1.0 ";
}

void write_framing(HeadWriter& out, BodyFraming body) {
  if (body.kind == BodyKind::kLength) out.field("Content-Length", body.length);
  if (body.kind == BodyKind::kChunked) out.field("Transfer-Encoding", "chunked");
}

bool is_strangers_word(const Header& header, const RequestEdit& edit) {
  return !edit.strangers_header.empty() && tells_of_forwarding(header, edit.strangers_header);
}

void write_forwarded_for(HeadWriter& out, const Headers& headers, const RequestEdit& edit) {
  out.put("X-Forwarded-For: ");
  if (headers.has(HeaderId::kXForwardedFor) && !edit.replaces_forwarded_for) {
    for (const Header& header : headers) {
      if (header.id() == HeaderId::kXForwardedFor && !header.value().empty()) out.put(header.value(), ", ");
    }
  } else if (!edit.peer.empty() && edit.peer != edit.client) {
    out.put(edit.client, ", ");
  }
  out.put(edit.peer.empty() ? edit.client : edit.peer, "\r\n");
}

void write_forwarding(HeadWriter& out, const RequestHead& head, const RequestEdit& edit, std::string_view host) {
  const auto wanted = [&edit](HeaderId id) { return !edit.changes.drops(id); };
  if (wanted(HeaderId::kXForwardedFor)) write_forwarded_for(out, head.headers, edit);
  if (wanted(HeaderId::kXForwardedProto)) out.field("X-Forwarded-Proto", edit.scheme);
  const std::string_view asked = head.authority.text.empty() ? std::string_view() : host;  // none is invented
  const std::string_view told = edit.forwarded_host.empty() ? asked : edit.forwarded_host;
  if (wanted(HeaderId::kXForwardedHost) && !told.empty()) out.field("X-Forwarded-Host", told);
  if (wanted(HeaderId::kXForwardedPort) && !edit.port.empty()) out.field("X-Forwarded-Port", edit.port);
  if (wanted(HeaderId::kXRealIp)) out.field("X-Real-IP", edit.client);
  if (edit.forwarded && wanted(HeaderId::kForwarded)) write_forwarded(out, {edit.client, edit.peer, told, edit.scheme});
  if (wanted(HeaderId::kVia)) out.put("Via: ", version_number(head.version), edit.via, "\r\n");
}

// A response to HEAD tells the length its body would have; a 1xx or a 204 must not (RFC 9110 8.6). A 304 need not, and
// with any other length than the 200's it would spoil what caches behind us have: it is left out.
bool length_is_metadata(const ResponseHead& head, const ResponseEdit& edit) {
  return head.headers.has(HeaderId::kContentLength) && edit.method == Method::kHead && head.status >= 200 &&
         head.status != 204 && head.status != 304 && edit.coding.empty();
}

// What was said of the bytes that are compressed here.
bool is_of_other_bytes(const Header& header) {
  return header.id() == HeaderId::kContentEncoding || (header.id() == HeaderId::kOther && tells_of_bytes(header.name()));
}

void write_coding(HeadWriter& out, const Headers& headers, const ResponseEdit& edit) {
  if (!edit.coding.empty()) out.field("Content-Encoding", edit.coding);
  if (edit.weak_tag && !edit.changes.drops(HeaderId::kEtag)) out.put("ETag: W/", headers.value(HeaderId::kEtag), "\r\n");
  if (edit.varies) out.field("Vary", "Accept-Encoding");
}

bool goes_on(const Header& header, const ResponseEdit& edit) {
  if (is_hop_by_hop(header, edit.options) || (edit.age && header.id() == HeaderId::kAge)) return false;
  if (edit.changes.drops(header) || stands_for_id(header, edit.id_header)) return false;
  if (edit.weak_tag && header.id() == HeaderId::kEtag) return false;
  return edit.coding.empty() || !is_of_other_bytes(header);
}

// What a 426 wants the client to change to: without it the answer says nothing (RFC 9110 15.5.22, 7.8).
void write_upgrade(HeadWriter& out, const Headers& headers, const ResponseEdit& edit) {
  const bool goes_on = !edit.close && edit.client_version == Version::kHttp10;
  out.put("Connection: Upgrade", edit.close ? ", close" : goes_on ? ", keep-alive" : "", "\r\n");
  for (const Header& header : headers) {
    if (header.id() == HeaderId::kUpgrade) out.field("Upgrade", header.value());
  }
}

void write_connection(HeadWriter& out, const ResponseHead& head, const ResponseEdit& edit) {
  if (edit.websocket) {
    out.put("Connection: Upgrade\r\nUpgrade: ", head.headers.value(HeaderId::kUpgrade), "\r\n");
  } else if (head.status < 200) {
    return;
  } else if (head.status == 426 && head.headers.has(HeaderId::kUpgrade)) {
    write_upgrade(out, head.headers, edit);
  } else if (edit.close) {
    out.field("Connection", "close");
  } else if (edit.client_version == Version::kHttp10) {
    out.field("Connection", "keep-alive");
  }
}

}  // namespace

bool tells_of_bytes(std::string_view name) {
  constexpr std::string_view kNames[] = {"Accept-Ranges", "Content-MD5", "Digest", "Content-Digest", "Repr-Digest"};
  for (const std::string_view one : kNames) {
    if (equal_without_case(name, one)) return true;
  }
  return false;
}

bool is_sent_on(const Header& header, const ConnectionOptions& options) {
  return !(bit(header.id()) & kWrittenAnew) && !is_hop_by_hop(header, options);
}

Result<std::string_view> write_request(std::span<char> into, const RequestHead& head, const RequestEdit& edit) {
  HeadWriter out(into);
  const HostText asked(head.authority, edit.scheme);
  const std::string_view host = head.authority.text.empty() ? edit.default_host : asked.view();
  const std::string_view query = edit.query.value_or(head.query);
  out.request_line(head.method_text, edit.path.empty() ? head.path : edit.path, edit.query ? !query.empty() : head.has_query, query);
  out.field("Host", edit.host.empty() ? host : edit.host);
  const uint64_t replaced = (edit.revalidate ? kValidators : 0) |
                            (edit.max_forwards ? bit(HeaderId::kMaxForwards) : 0) |
                            (edit.traceparent.empty() ? 0 : kTrace);
  out.fields(head.headers, [&edit, replaced](const Header& header) {
    return !(bit(header.id()) & replaced) && is_sent_on(header, edit.options) && !edit.changes.drops(header) &&
           !stands_for_id(header, edit.id_header) && !is_strangers_word(header, edit);
  });
  if (edit.max_forwards) out.field("Max-Forwards", *edit.max_forwards);
  if (!edit.if_none_match.empty()) out.field("If-None-Match", edit.if_none_match);
  if (!edit.if_modified_since.empty()) out.field("If-Modified-Since", edit.if_modified_since);
  write_forwarding(out, head, edit, host);
  write_id(out, edit.id_header, edit.changes);
  if (!edit.traceparent.empty() && !edit.changes.drops(HeaderId::kTraceparent))
    out.field("traceparent", edit.traceparent);
  out.lines(edit.changes.lines);
  write_framing(out, edit.body);
  if (edit.expect) out.field("Expect", "100-continue");
  if (edit.websocket) out.put("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  if (edit.trailers) out.put("TE: trailers\r\nConnection: TE\r\n");
  if (edit.close) out.field("Connection", "close");
  out.end_of_head();
  return out.finish();
}

Result<std::string_view> write_response(std::span<char> into, const ResponseHead& head, const ResponseEdit& edit) {
  HeadWriter out(into);
  out.status_line(head.status, head.reason);
  out.fields(head.headers, [&edit](const Header& header) { return goes_on(header, edit); });
  write_coding(out, head.headers, edit);
  write_id(out, edit.id_header, edit.changes);
  if (edit.age) out.field("Age", *edit.age);
  if (!edit.content_range.empty()) out.field("Content-Range", edit.content_range);
  if (!edit.set_cookie.empty()) out.field("Set-Cookie", edit.set_cookie);
  if (!edit.cache_status.empty()) out.field("Cache-Status", edit.cache_status);
  if (head.status >= 200 && !edit.date.empty() && !head.headers.has(HeaderId::kDate)) out.field("Date", edit.date);
  if (!edit.via.empty() && !edit.changes.drops(HeaderId::kVia)) out.put("Via: ", version_number(head.version), edit.via, "\r\n");
  if (length_is_metadata(head, edit)) {
    if (const auto length = stated_length(head.headers, Sender::kBackend)) out.field("Content-Length", *length);
  } else {
    write_framing(out, edit.body);
  }
  write_connection(out, head, edit);
  out.lines(edit.changes.lines);
  out.end_of_head();
  return out.finish();
}

}  // namespace cardea::l7::http
