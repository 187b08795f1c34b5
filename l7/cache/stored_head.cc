#include "l7/cache/stored_head.h"

#include <algorithm>

#include "base/check.h"
#include "l7/http/connection.h"
#include "l7/http/date.h"
#include "l7/http/fields.h"
#include "l7/http/parse_head.h"
#include "l7/http/serialise.h"

namespace cardea::l7::cache {
namespace {

using http::Header;
using http::HeaderId;

// Said anew with every answer, or for one client only.
constexpr uint64_t kNotKept = http::header_set(HeaderId::kAge, HeaderId::kSetCookie);
// What describes the stored body stays as it came with the body; and the selector was made of the stored Vary.
constexpr uint64_t kStaysWithBody = http::header_set(HeaderId::kContentEncoding, HeaderId::kContentType,
                                                     HeaderId::kContentRange, HeaderId::kVary);
constexpr size_t kAddedHeaders = 2;  // Date, Content-Length

size_t written_size(const http::ResponseHead& head) {
  size_t size = head.reason.size() + 128;
  for (const Header& header : head.headers) size += header.name().size() + header.value().size() + 4;
  return size;
}

bool is_kept(const Header& header, const http::ConnectionOptions& options) {
  return !(http::bit(header.id()) & kNotKept) && !http::is_hop_by_hop(header, options);
}

bool has_name(const http::Headers& headers, const Header& wanted) {
  if (wanted.id() != HeaderId::kOther) return headers.has(wanted.id());
  return std::any_of(headers.begin(), headers.end(), [&wanted](const Header& header) {
    return header.id() == HeaderId::kOther && http::equal_without_case(header.name(), wanted.name());
  });
}

void write_date(http::HeadWriter& out, int64_t now) {
  const http::DateText date = http::format_date(now);
  out.field("Date", std::string_view(date.data(), date.size()));
}

}  // namespace

std::optional<std::string> begin_stored_head(const http::ResponseHead& response, int64_t now) {
  const auto options = http::connection_options(response.headers);
  if (!options || response.headers.size() + kAddedHeaders > http::Headers::kMax) return {};
  std::string bytes(written_size(response), '\0');
  http::HeadWriter out(bytes);
  out.status_line(response.status, response.reason);
  out.fields(response.headers, [&options](const Header& header) { return is_kept(header, *options); });
  if (!response.headers.has(HeaderId::kDate)) write_date(out, now);
  bytes.resize(out.finish()->size());
  return bytes;
}

void end_stored_head(std::string& head, uint64_t length) {
  head.append("Content-Length: ").append(std::to_string(length)).append("\r\n\r\n");
}

std::optional<std::string> begin_refreshed_head(const http::ResponseHead& stored,
                                                const http::ResponseHead& not_modified, int64_t now) {
  const auto options = http::connection_options(not_modified.headers);
  if (!options) return {};
  if (stored.headers.size() + not_modified.headers.size() + kAddedHeaders > http::Headers::kMax) return {};
  const auto is_news = [&options](const Header& header) {
    return is_kept(header, *options) && !(http::bit(header.id()) & kStaysWithBody);
  };
  std::string bytes(written_size(stored) + written_size(not_modified), '\0');
  http::HeadWriter out(bytes);
  out.status_line(stored.status, stored.reason);
  out.fields(stored.headers, [&](const Header& header) {
    if (header.id() == HeaderId::kContentLength) return false;  // written behind the others
    if (header.id() == HeaderId::kDate) return false;           // of the 304, or the time it came
    return (http::bit(header.id()) & kStaysWithBody) || !has_name(not_modified.headers, header);
  });
  out.fields(not_modified.headers, is_news);
  if (!not_modified.headers.has(HeaderId::kDate)) write_date(out, now);
  bytes.resize(out.finish()->size());
  return bytes;
}

void parse_stored_head(std::string_view bytes, http::ResponseHead& head) {
  http::HeadScan scan;
  const http::HeadProgress progress =
      http::parse_response_head(bytes, {.bytes_max = bytes.size() + 1}, scan, head);
  CHECK(progress.done() && progress.at == bytes.size(), "a stored head does not parse");
}

}  // namespace cardea::l7::cache
