#include "l7/http/reply_text.h"

#include "l7/http/grpc.h"
#include "l7/http/serialise.h"

namespace cardea::l7::http {

namespace {

// Without a body (a "trailers-only" response). Words need no escapes.
Result<std::string_view> write_grpc_reply(HeadWriter& out, const Reply& reply) {
  out.status_line(200, "");
  if (!reply.date.empty()) out.field("Date", reply.date);
  out.field("Content-Type", "application/grpc");
  out.field("Grpc-Status", uint64_t{grpc_status(reply.status)});
  out.field("Grpc-Message", reply.reason_word);
  out.lines(reply.changes.lines);
  write_id(out, reply.id_header, reply.changes);
  out.end_of_head();
  return out.finish();
}

}  // namespace

Result<std::string_view> write_reply(std::span<char> into, const Reply& reply) {
  HeadWriter out(into);
  if (reply.grpc) return write_grpc_reply(out, reply);
  const std::string_view phrase = reason_phrase(reply.status);
  out.status_line(reply.status, phrase);
  if (!reply.date.empty()) out.field("Date", reply.date);
  const bool own_text = reply.body.empty();
  if (!reply.changes.drops(HeaderId::kContentType))
    out.field("Content-Type", own_text ? "text/plain; charset=utf-8" : reply.content_type);
  out.field("Content-Length", own_text ? phrase.size() + 2 + reply.reason_word.size() + 1 : reply.body.size());
  if (!reply.changes.drops(HeaderId::kCacheControl)) out.field("Cache-Control", "no-store");
  if (!reply.proxy_error.empty()) {
    out.put("Proxy-Status: cardea; error=", reply.proxy_error, "; details=\"", reply.reason_word, "\"\r\n");
  }
  write_id(out, reply.id_header, reply.changes);
  if (reply.close) {
    out.field("Connection", "close");
  } else if (reply.version == Version::kHttp10) {
    out.field("Connection", "keep-alive");
  }
  out.put(reply.line);
  out.lines(reply.changes.lines);
  out.end_of_head();
  if (reply.method == Method::kHead) return out.finish();
  if (own_text) {
    out.put(phrase, ": ", reply.reason_word, "\n");
  } else {
    out.put(reply.body);
  }
  return out.finish();
}

}  // namespace cardea::l7::http
