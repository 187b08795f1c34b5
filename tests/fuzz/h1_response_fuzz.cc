// Any bytes as a backend's: read whole or in pieces they give the same, no view leaves the buffer, and what the client
// is sent reads back as what was received, with one clear end. First byte: size of the pieces; second: what was asked.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "l7/http/cache_control.h"
#include "l7/http/date.h"
#include "l7/http/edit.h"
#include "l7/http/entity_tag.h"
#include "l7/http/parse_head.h"
#include "l7/http/vary.h"

using namespace cardea::l7::http;

namespace {

void check_views(const ResponseHead& head, std::string_view buffer) {
  const auto inside = [buffer](std::string_view view) {
    return view.empty() || (view.data() >= buffer.data() && view.data() + view.size() <= buffer.data() + buffer.size());
  };
  CHECK(inside(head.reason));
  for (const Header& header : head.headers) CHECK(inside(header.name()) && inside(header.value()));
}

void read_fields(const Headers& headers) {
  const CacheControl control = cache_control(headers);
  CHECK(!control.max_age || *control.max_age <= (1u << 31));
  vary_of(headers);
  const auto tag = parse_entity_tag(headers.value(HeaderId::kEtag));
  if (tag) CHECK(list_holds(headers.value(HeaderId::kEtag), *tag));
  if (const auto date = parse_date(headers.value(HeaderId::kDate), 1'800'000'000)) {
    const DateText text = format_date(*date);
    CHECK(parse_date({text.data(), text.size()}, 1'800'000'000) == date);
  }
}

void check_sent(const ResponseHead& head, Method method, Version client, const ConnectionOptions& options,
                BodyFraming body) {
  std::string out(40000, '\0');
  const BodyFraming sent = framing_towards(body, client);
  const ResponseEdit edit{.body = sent,
                          .options = options,
                          .method = method,
                          .client_version = client,
                          .close = sent.kind == BodyKind::kUntilClose,
                          .date = "Sun, 06 Nov 1994 08:49:37 GMT"};
  const auto written = write_response(out, head, edit);
  CHECK(written.has_value());
  const auto again = std::make_unique<ResponseHead>();
  HeadScan scan;
  const HeadProgress progress = parse_response_head(*written, {.bytes_max = 40000}, scan, *again);
  if (progress.bad() && progress.fault == Fault::kTooManyHeaders) return;  // ours came on top
  CHECK(progress.done() && progress.at == written->size() && again->status == head.status);
  const auto second = response_body(*again, method);
  CHECK(second && *second == sent, "sent with another framing");
  const auto second_options = connection_options(again->headers);
  CHECK(second_options && second_options->named_count == 0 && second_options->close == edit.close);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = std::max<size_t>(1, data[0]);
  const Method method = data[1] & 1 ? Method::kHead : Method::kGet;
  const Version client = data[1] & 2 ? Version::kHttp10 : Version::kHttp11;
  const std::unique_ptr<char[]> exact(new char[size]);  // so that reading one byte too far is seen
  std::copy_n(reinterpret_cast<const char*>(data) + 2, size - 2, exact.get() + 2);
  const std::string_view bytes(exact.get() + 2, size - 2);

  const auto head = std::make_unique<ResponseHead>(), pieces = std::make_unique<ResponseHead>();
  HeadScan scan, piece_scan;
  const HeadProgress whole = parse_response_head(bytes, {}, scan, *head);
  HeadProgress progress;
  for (size_t visible = 0; progress.state == HeadProgress::State::kNeedMore;) {
    visible = std::min(visible + piece, bytes.size());
    progress = parse_response_head(bytes.substr(0, visible), {}, piece_scan, *pieces);
    if (visible == bytes.size()) break;
  }
  CHECK(whole.state == progress.state && whole.at == progress.at && whole.fault == progress.fault);
  if (!whole.done()) return 0;
  check_views(*head, bytes.substr(0, whole.at));
  read_fields(head->headers);

  const auto options = connection_options(head->headers);
  const auto body = response_body(*head, method);
  if (!options || !body) return 0;
  if (backend_keeps_alive(*head, *options, *body)) CHECK(body->kind != BodyKind::kUntilClose);
  check_sent(*head, method, client, *options, *body);
  return 0;
}
