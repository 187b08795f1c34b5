// Any requests and responses as a cache sees them. What is stored reads back as it was sent, without what was for one
// connection or one client; another request gets it only when its URL and the headers named in Vary are the same, found
// out naively; a 304 keeps the body; a purge leaves nothing; memory stays under its limit. The input: a byte of choices, then
// request, response, second request and 304, each ended by a zero byte, then the body.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "l7/cache/cache.h"
#include "l7/http/byte_set.h"
#include "l7/http/connection.h"
#include "l7/http/fields.h"
#include "l7/http/framing.h"
#include "l7/http/parse_head.h"
#include "l7/http/vary.h"

using namespace cardea::l7;
using cache::Lookup;

namespace {

constexpr int64_t kNow = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr cache::Limits kLimits{.memory_bytes = 256 << 10, .object_bytes_max = 16 << 10};

std::string_view take(std::string_view& input) {
  const std::string_view part = input.substr(0, input.find('\0'));
  input.remove_prefix(std::min(part.size() + 1, input.size()));
  return part;
}

struct Asked {
  http::RequestHead head;
  cache::Request request;
  bool good = false;

  Asked(std::string_view text, int64_t now) {
    http::HeadScan scan;
    good = http::parse_request_head(text, {}, scan, head).done();
    if (good) request = {&head, nullptr, "https", 443, head.path, "web", now};
  }
};

struct Answer {
  http::ResponseHead head;
  bool good = false;

  explicit Answer(std::string_view text) {
    http::HeadScan scan;
    good = http::parse_response_head(text, {}, scan, head).done();
  }
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), http::lower);
  return out;
}

std::string host(const http::Authority& authority) {
  std::string out = lower(authority.host);
  if (out.ends_with('.')) out.pop_back();
  return out + ":" + std::to_string(authority.port == 0 ? 443 : authority.port);
}

// All values under a name; those that differ only in white space and case are taken for the same, which is more than the
// cache may do for most headers: it must never serve where even this differs.
std::string values(const http::Headers& headers, std::string_view name) {
  std::string out;
  for (const http::Header& header : headers) {
    if (lower(header.name()) == lower(name)) out.append(",").append(lower(header.value()));
  }
  std::erase_if(out, [](char c) { return c == ' ' || c == '\t' || c == ','; });
  return out;
}

void check_same_object(const Asked& stored_for, const Asked& asked, const http::ResponseHead& answer) {
  const http::RequestHead &a = stored_for.head, &b = asked.head;
  CHECK(a.path == b.path && a.has_query == b.has_query && a.query == b.query);
  CHECK(host(a.authority) == host(b.authority));
  http::for_each_varying(answer.headers, [&](std::string_view name) {
    const http::HeaderId id = http::header_id(name);
    if (id == http::HeaderId::kHost) return;
    if (id == http::HeaderId::kXForwardedHost || id == http::HeaderId::kXForwardedProto) return;
    if (id == http::HeaderId::kXForwardedPort || id == http::HeaderId::kForwarded) return;
    CHECK(values(a.headers, name) == values(b.headers, name), "another variant was served");
  });
}

std::string body_of(const cache::Stored& stored) {
  std::string body;
  for (const iovec& piece : stored.body) body.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  return body;
}

void check_stored(const cache::Object& object, uint16_t status, std::string_view body) {
  const cache::Stored stored = cache::stored(object);
  CHECK(stored.head.status == status && stored.body_size == body.size() && body_of(stored) == body);
  const auto framing = http::response_body(stored.head, http::Method::kGet);
  const bool bodiless = status == 204;
  const http::BodyFraming expected{bodiless ? http::BodyKind::kNone : http::BodyKind::kLength, body.size()};
  CHECK(framing && *framing == expected, "another length was stored");
  const auto options = http::connection_options(stored.head.headers);
  CHECK(options && options->named_count == 0 && !options->close);
  CHECK(!stored.head.headers.has(http::HeaderId::kSetCookie) && !stored.head.headers.has(http::HeaderId::kAge));
  CHECK(stored.head.headers.has(http::HeaderId::kDate));
}

void check_range(const http::ByteRange& range, uint64_t size) {
  if (range.kind != http::ByteRange::Kind::kPart) return CHECK(range.length == 0);
  CHECK(range.length > 0 && range.first < size && range.length <= size - range.first, "a piece reaches beyond the body");
}

bool store(cache::Cache& cache, const Asked& asked, const http::ResponseHead& answer, std::string_view body, bool chunked) {
  cache::Request request = asked.request;
  request.since = cache.find(request).since;
  const auto with_body = chunked ? http::BodyKind::kChunked : http::BodyKind::kLength;
  const http::BodyFraming framing{answer.status == 204 ? http::BodyKind::kNone : with_body, chunked ? 0 : body.size()};
  const auto writer = cache.begin(request, answer, framing);
  if (!writer || !writer->append(body)) return false;
  writer->finish();
  return true;
}

void renew(cache::Cache& cache, const Asked& asked, const http::ResponseHead& not_modified, std::string_view body) {
  Lookup lookup = cache.find(asked.request);
  if (!lookup.object) return;
  const uint16_t status = cache::stored(*lookup.object).head.status;
  const cache::ObjectPointer renewed = cache.refresh(asked.request, std::move(lookup.object), not_modified);
  if (renewed) check_stored(*renewed, status, body);
}

void run(std::string_view input) {
  const bool chunked = input[0] & 1;
  const int64_t later = kNow + uint8_t(input[0]);
  input.remove_prefix(1);
  const auto asked = std::make_unique<Asked>(take(input), kNow);
  const auto answer = std::make_unique<Answer>(take(input));
  const auto second = std::make_unique<Asked>(take(input), later);
  const auto third = std::make_unique<Answer>(take(input));
  if (!asked->good || !answer->good) return;
  if (answer->head.status == 204) input = {};  // ends with its head

  cache::Cache cache(kLimits);
  if (!store(cache, *asked, answer->head, input, chunked)) return CHECK(cache.find(asked->request).object == nullptr);
  const Lookup own = cache.find(asked->request);
  CHECK(own.object != nullptr, "what was stored is not found");
  check_stored(*own.object, answer->head.status, input);
  cache::not_modified(asked->head, *own.object);
  CHECK(cache.figures().bytes <= kLimits.memory_bytes);
  if (second->good) {
    const Lookup other = cache.find(second->request);
    if (other.object) check_same_object(*asked, *second, answer->head);
    CHECK(other.object || other.result != cache::Result::kHit);
    if (other.object) check_range(cache::wanted_range(second->head, *other.object), input.size());
    if (third->good) renew(cache, *second, third->head, input);
    store(cache, *second, answer->head, input, !chunked);
  }
  const std::string target = std::string(asked->head.path) + (asked->head.has_query ? "?" : "") + std::string(asked->head.query);
  cache.purge("https", asked->head.authority.text, target);
  CHECK(cache.find(asked->request).object == nullptr, "a purge left something");
  CHECK(cache.figures().bytes <= kLimits.memory_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::unique_ptr<char[]> exact(new char[size]);  // so that reading one byte too far is seen
  std::copy_n(reinterpret_cast<const char*>(data), size, exact.get());
  run({exact.get(), size});
  return 0;
}
