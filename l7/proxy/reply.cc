// Our own answers: a status, the reason word an operator finds again in the log, and who is to blame (RFC 9209).
#include "l7/http/reply_text.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/header_changes.h"

namespace cardea::l7::proxy {

Task<> reply(Exchange& x, Failure failed) {
  x.end().drop_body(x);
  x.close = x.bound || x.end().ends_with(x, http::BodyKind::kLength);
  const http::HeaderChanges changes = response_changes(x, nullptr);
  const http::Reply text{.status = failed.status,
                         .reason_word = failed.word,
                         .proxy_error = failed.proxy_error,
                         .method = x.head.method,
                         .version = x.head.version,
                         .close = x.close,
                         .date = x.shard().date(x.record.unix_ms / 1000),
                         .changes = changes,
                         .grpc = x.grpc && x.head.version == http::Version::kHttp20};
  const size_t room = http::kReplyBytesMax + changes.bytes;
  const auto written = x.end().write_reply({x.arena().characters(room), room}, text);
  x.record.status = failed.status;
  if (!written) co_return;
  if (x.record.response_head == Instant{}) x.record.response_head = x.now();
  const IoResult sent = co_await x.client().write_all(*written, x.to_client);
  x.record.bytes_out += sent.bytes;
  if (!sent.ok()) x.close = true;
}

Task<> send_whole(Exchange& x, std::span<iovec> pieces) {
  x.record.response_head = x.now();
  x.answer.sent = true;
  const IoResult written = co_await x.client().write_all(pieces, x.to_client);
  x.record.bytes_out += written.bytes;
  x.answer.complete = written.ok();
  if (!written.ok()) x.failure = client_failure(written, Reason::kClientStalled, x.to_client);
}

}  // namespace cardea::l7::proxy
