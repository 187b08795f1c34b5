#include "l7/http/byte_set.h"
#include "l7/http/head_lines.h"
#include "l7/http/parse_head.h"

namespace cardea::l7::http {
namespace {

using head_lines::bad;
using head_lines::Blame;

Blame parse_status_line(std::string_view line, ResponseHead& head) {
  constexpr size_t kVersion = 8, kStatus = 9, kStatusEnd = 12;
  if (line.size() < kStatusEnd || line[kVersion] != ' ') return {Fault::kStatusLine, line.data()};
  Fault fault = Fault::kNone;
  const auto version = head_lines::parse_version(line.substr(0, kVersion), fault);
  if (!version) return {fault, line.data()};
  head.version = *version;
  unsigned status = 0;
  for (const char c : line.substr(kStatus, 3)) {
    if (!is_digit(static_cast<unsigned char>(c))) return {Fault::kStatusLine, line.data() + kStatus};
    status = status * 10 + unsigned(c - '0');
  }
  if (status < 100 || status > 599) return {Fault::kStatusLine, line.data() + kStatus};
  head.status = uint16_t(status);
  if (line.size() > kStatusEnd && line[kStatusEnd] != ' ') return {Fault::kStatusLine, line.data() + kStatusEnd};
  head.reason = line.size() > kStatusEnd ? line.substr(kStatusEnd + 1) : std::string_view();
  return {};
}

}  // namespace

HeadProgress parse_response_head(std::string_view buffer, const HeadLimits& limits, HeadScan& scan,
                                 ResponseHead& head) {
  const HeadProgress whole = head_lines::whole_head(buffer, limits, scan);
  if (!whole.done()) return whole;
  const char* begin = buffer.data();
  const char* end = begin + whole.at;
  const std::string_view line = head_lines::line_at(begin, end);
  Blame blame = parse_status_line(line, head);
  if (!blame) {
    blame = head_lines::parse_headers(line.data() + line.size() + 2, end, limits.headers_max, Sender::kBackend, head.headers);
  }
  if (blame) return bad(blame.fault, size_t(blame.at - begin));
  return whole;
}

}  // namespace cardea::l7::http
