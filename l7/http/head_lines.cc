#include "l7/http/head_lines.h"

#include <algorithm>

#include "l7/http/byte_set.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace cardea::l7::http::head_lines {
namespace {

// Framing, and what the backend is told about the client: who reads a look-alike as one of these believes a stranger.
constexpr uint64_t kMisleading =
    header_set(HeaderId::kContentLength, HeaderId::kTransferEncoding, HeaderId::kHost, HeaderId::kConnection,
               HeaderId::kUpgrade, HeaderId::kExpect, HeaderId::kTe, HeaderId::kForwarded, HeaderId::kXForwardedFor,
               HeaderId::kXForwardedHost, HeaderId::kXForwardedPort, HeaderId::kXForwardedProto, HeaderId::kXRealIp);

bool misleads(std::string_view look_alike) {
  return (bit(look_alike_of(look_alike)) & kMisleading) != 0;
}

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// The line's CR ends them.
const char* skip_blanks(const char* at) {
  while (is_blank(*at)) ++at;
  return at;
}

// There is one.
const char* find_cr(const char* at, const char* end) {
#ifdef __AVX2__
  for (; end - at >= 32; at += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const unsigned mask = unsigned(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\r'))));
    if (mask != 0) return at + __builtin_ctz(mask);
  }
#endif
  return static_cast<const char*>(std::memchr(at, '\r', size_t(end - at)));
}

std::string_view trimmed(const char* at, const char* end) {
  while (at != end && is_blank(*at)) ++at;
  while (at != end && is_blank(end[-1])) --end;
  return {at, size_t(end - at)};
}

Blame blame_name(const char* begin, const char* at) {
  if (is_blank(*begin)) return {Fault::kObsFold, begin};
  if (at != begin && is_blank(*at)) return {Fault::kSpaceBeforeColon, at};
  return {Fault::kHeaderName, at};
}

HeaderId identify(std::string_view name) {
  const HeaderId id = header_id(name);
  if (id != HeaderId::kOther) return id;
  return look_alike_of(name) == HeaderId::kOther ? HeaderId::kOther : HeaderId::kLookAlike;
}

}  // namespace

HeadProgress whole_head(std::string_view buffer, const HeadLimits& limits, HeadScan& scan) {
  const std::string_view allowed = buffer.substr(0, limits.bytes_max);
  const HeadEnd end = find_head_end(allowed, scan);
  if (end.state == HeadEnd::State::kFound) return {HeadProgress::State::kDone, Fault::kNone, end.at};
  if (end.state == HeadEnd::State::kFault) return bad(end.fault, end.at);
  if (allowed.size() < limits.bytes_max) return {};
  const bool in_first_line = allowed.find('\n', 2) == allowed.npos;
  return bad(in_first_line ? Fault::kTargetTooLong : Fault::kHeadTooLarge, allowed.size());
}

std::optional<Version> parse_version(std::string_view text, Fault& fault) {
  if (text == "HTTP/1.1") return Version::kHttp11;
  if (text == "HTTP/1.0") return Version::kHttp10;
  const bool shaped =
      text.size() == 8 && text.starts_with("HTTP/") && text[6] == '.' && is_digit(text[5]) && is_digit(text[7]);
  fault = shaped ? Fault::kVersionUnsupported : Fault::kVersion;
  return {};
}

std::string_view line_at(const char* at, const char* end) {
  return {at, size_t(find_cr(at, end) - at)};
}

Blame parse_headers(const char* at, const char* end, size_t headers_max, Sender sender, Headers& headers) {
  const size_t room = std::min(headers_max, Headers::kMax);
  headers.clear();
  while (*at != '\r') {
    const char* behind = kTokenBytes.skip(at, end);
    const char* colon = sender == Sender::kBackend ? skip_blanks(behind) : behind;
    if (behind == at || *colon != ':') return blame_name(at, behind);
    const char* cr = find_cr(colon, end);
    if (headers.size() == room) return {Fault::kTooManyHeaders, at};
    const std::string_view name(at, size_t(behind - at));
    const HeaderId id = identify(name);
    if (id == HeaderId::kLookAlike && sender == Sender::kClient && misleads(name)) return {Fault::kLookAlike, at};
    headers.add(id, name, trimmed(colon + 1, cr));
    at = cr + 2;
  }
  return {};
}

}  // namespace cardea::l7::http::head_lines
