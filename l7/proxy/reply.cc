// Our own answers: a status, the reason word an operator finds again in the log, and who is to blame (RFC 9209).
#include "l7/http/reply_text.h"
#include "l7/proxy/endpoint_text.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/header_changes.h"
#include "l7/proxy/identify.h"
#include "l7/proxy/meter.h"

namespace cardea::l7::proxy {
namespace {

std::string_view page_for(Exchange& x, const policy::ErrorPage& page, const Failure& failed) {
  const PortText status(failed.status);
  char* const room = x.arena().characters(page.size(status.view().size(), failed.word.size()));
  return page.write(status.view(), failed.word, room);
}

}  // namespace

Task<> reply(Exchange& x, Failure failed) {
  x.end().drop_body(x);
  x.close = x.bound || x.end().ends_with(x, http::BodyKind::kLength);
  const http::HeaderChanges changes = response_changes(x, nullptr);
  const policy::ErrorPage* const page = policies_of(x).error_pages.of(failed.status);
  const http::Reply text{.status = failed.status,
                         .reason_word = failed.word,
                         .proxy_error = failed.proxy_error,
                         .method = x.head.method,
                         .version = x.head.version,
                         .close = x.close,
                         .date = x.shard().date(x.record.unix_ms / 1000),
                         .changes = changes,
                         .line = x.reply_line,
                         .body = page == nullptr ? std::string_view() : page_for(x, *page, failed),
                         .content_type = page == nullptr ? std::string_view() : std::string_view(page->content_type),
                         .id_header = id_for_client(x),
                         .grpc = x.grpc && x.head.version == http::Version::kHttp20};
  const size_t room =
      http::kReplyBytesMax + changes.bytes + text.line.size() + text.body.size() + text.content_type.size();
  const auto written = x.end().write_reply({x.arena().characters(room), room}, text);
  x.record.status = failed.status;
  if (!written) co_return;
  if (x.record.response_head == Instant{}) x.record.response_head = x.now();
  const IoResult sent = co_await x.client().write_all(*written, x.to_client);
  note_sent(x, sent.bytes);
  if (!sent.ok()) x.close = true;
}

Task<> send_whole(Exchange& x, std::span<iovec> pieces) {
  x.record.response_head = x.now();
  x.answer.sent = true;
  const IoResult written = co_await x.client().write_all(pieces, x.to_client);
  note_sent(x, written.bytes);
  x.answer.complete = written.ok();
  if (!written.ok()) x.failure = client_failure(written, Reason::kClientStalled, x.to_client);
}

}  // namespace cardea::l7::proxy
