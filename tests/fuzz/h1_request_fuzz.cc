// Any bytes as a client's: read whole or in pieces they give the same, no view leaves the buffer, the vector and the
// byte scanner agree, and what is forwarded reads back as what was received, framed the same. First byte: size of the
// pieces.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "l7/http/body.h"
#include "l7/http/edit.h"
#include "l7/http/fields.h"
#include "l7/http/parse_head.h"
#include "l7/http/trailers.h"

using namespace cardea::l7::http;

namespace {

void check_views(const RequestHead& head, std::string_view buffer) {
  const auto inside = [buffer](std::string_view view) {
    return view.empty() || (view.data() >= buffer.data() && view.data() + view.size() <= buffer.data() + buffer.size());
  };
  for (const std::string_view view :
       {head.method_text, head.target, head.query, head.authority.text, head.authority.host}) {
    CHECK(inside(view));
  }
  CHECK(inside(head.path) || head.path == "/" || head.path == "*");
  for (const Header& header : head.headers) CHECK(inside(header.name()) && inside(header.value()));
}

void check_scanners(std::string_view bytes) {
  HeadScan fast, slow;
  const HeadEnd a = find_head_end(bytes, fast), b = find_head_end_slowly(bytes, slow);
  CHECK(a.state == b.state && a.at == b.at && a.fault == b.fault);
}

std::string end_to_end(const Headers& headers, const ConnectionOptions& options) {
  constexpr uint64_t kRewritten =
      header_set(HeaderId::kHost, HeaderId::kExpect, HeaderId::kVia, HeaderId::kXForwardedFor,
                 HeaderId::kXForwardedProto, HeaderId::kXForwardedHost, HeaderId::kXForwardedPort, HeaderId::kXRealIp);
  std::string text;
  for (const Header& header : headers) {
    if (is_hop_by_hop(header, options) || (bit(header.id()) & kRewritten)) continue;
    text.append(header.name()).append(": ").append(header.value()).append("\n");
  }
  return text;
}

// One spelling of what was asked for: small letters, without a final dot and without the scheme's own port.
void check_host(const Authority& asked, const Authority& forwarded) {
  std::string host(asked.text.empty() ? "none" : asked.host);
  for (char& c : host)
    if (c >= 'A' && c <= 'Z') c = char(c + ('a' - 'A'));
  if (host.ends_with('.')) host.pop_back();
  CHECK(forwarded.host == host, "forwarded for another host");
  CHECK(forwarded.port == (asked.port == 443 ? 0 : asked.port), "forwarded for another port");
}

void check_forwarded(const RequestHead& head, const ConnectionOptions& options, BodyFraming body) {
  std::string out(40000, '\0');
  const RequestEdit edit{
      .body = body, .options = options, .client = "192.0.2.1", .scheme = "https", .default_host = "none"};
  const auto written = write_request(out, head, edit);
  CHECK(written.has_value());
  const auto again = std::make_unique<RequestHead>();
  HeadScan scan;
  const HeadLimits limits{.bytes_max = 40000, .target_max = 40000};
  const HeadProgress progress = parse_request_head(*written, limits, scan, *again);
  if (progress.bad() && progress.fault == Fault::kTooManyHeaders) return;  // ours came on top
  CHECK(progress.done() && progress.at == written->size());
  CHECK(again->version == Version::kHttp11 && again->method_text == head.method_text);
  CHECK(again->path == head.path && again->has_query == head.has_query && again->query == head.query);
  check_host(head.authority, again->authority);
  const auto second = request_body(*again);
  CHECK(second && *second == body, "forwarded with another framing");
  const auto second_options = connection_options(again->headers);
  CHECK(second_options && second_options->named_count == 0 && !second_options->upgrade);
  CHECK(end_to_end(again->headers, options) == end_to_end(head.headers, options));
  std::string small(written->size() - 1, '\0');
  CHECK(!write_request(small, head, edit).has_value());
}

// Whatever passes as trailers is lines that are read alike, and none of which may go on frames or describes anything.
void check_trailers(std::string_view section) {
  CHECK(section.empty() || section.ends_with("\r\n"));
  std::string written;
  for (std::string_view left = section; !left.empty();) {
    const TrailerField field = next_trailer(left);
    CHECK(is_token(field.name) && field.value.find_first_of("\r\n") == field.value.npos && trim(field.value) == field.value);
    if (!may_be_trailer(field.name)) continue;
    CHECK(header_id(field.name) == HeaderId::kOther);
    written.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  ChunkedDecoder decoder;
  std::string again;
  const std::string body = "0\r\n" + written + "\r\n";
  for (size_t at = 0;;) {
    const BodyStep step = decoder.next(std::string_view(body).substr(at));
    at += step.consumed, again += step.data;
    if (step.state == BodyStep::State::kTrailers) continue;
    CHECK(step.state == BodyStep::State::kEnd || (step.state == BodyStep::State::kBad && written.size() > section.size()));
    if (step.state == BodyStep::State::kEnd) CHECK(again == written && at == body.size());
    return;
  }
}

std::string read_body(BodyFraming framing, Sender sender, std::string_view bytes, size_t piece, std::string& data) {
  BodyReader reader(framing, sender);
  std::string trailers;
  size_t used = 0, visible = std::min(piece, bytes.size());
  for (;;) {
    const BodyStep step = reader.next(bytes.substr(used, visible - used));
    CHECK(step.consumed <= visible - used);
    used += step.consumed;
    (step.state == BodyStep::State::kTrailers ? trailers : data) += step.data;
    if (step.state == BodyStep::State::kEnd) check_trailers(trailers), data += trailers;
    if (step.state == BodyStep::State::kEnd || step.state == BodyStep::State::kBad) {
      return std::string(word(step.fault)) + std::to_string(used);
    }
    if (step.state == BodyStep::State::kData || step.state == BodyStep::State::kTrailers) continue;
    CHECK(used == visible);
    if (visible == bytes.size()) return "need more";
    visible = std::min(visible + piece, bytes.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = std::max<size_t>(1, data[0]);
  const std::unique_ptr<char[]> exact(new char[size]);  // so that reading one byte too far is seen
  std::copy_n(reinterpret_cast<const char*>(data) + 1, size - 1, exact.get() + 1);
  const std::string_view bytes(exact.get() + 1, size - 1);
  check_scanners(bytes);

  const auto head = std::make_unique<RequestHead>(), pieces = std::make_unique<RequestHead>();
  HeadScan scan, piece_scan;
  const HeadProgress whole = parse_request_head(bytes, {}, scan, *head);
  HeadProgress progress;
  for (size_t visible = 0; progress.state == HeadProgress::State::kNeedMore;) {
    visible = std::min(visible + piece, bytes.size());
    progress = parse_request_head(bytes.substr(0, visible), {}, piece_scan, *pieces);
    if (visible == bytes.size()) break;
  }
  CHECK(whole.state == progress.state && whole.at == progress.at && whole.fault == progress.fault);
  CHECK(whole.at <= bytes.size());
  if (!whole.done()) return 0;
  check_views(*head, bytes.substr(0, whole.at));

  const auto options = connection_options(head->headers);
  const auto body = request_body(*head);
  if (!options || !body) return 0;
  check_forwarded(*head, *options, *body);
  for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
    std::string one, many;
    CHECK(read_body(*body, sender, bytes.substr(whole.at), bytes.size() + 1, one) ==
          read_body(*body, sender, bytes.substr(whole.at), piece, many));
    CHECK(one == many);
  }
  return 0;
}
