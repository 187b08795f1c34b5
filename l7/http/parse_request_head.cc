#include <algorithm>
#include <utility>

#include "l7/http/authority.h"
#include "l7/http/byte_set.h"
#include "l7/http/head_lines.h"
#include "l7/http/parse_head.h"

namespace cardea::l7::http {
namespace {

using head_lines::bad;
using head_lines::Blame;

constexpr size_t kMethodMax = 32;

Method method_of(std::string_view text) {
  static constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"GET", Method::kGet},     {"POST", Method::kPost},       {"HEAD", Method::kHead},
      {"PUT", Method::kPut},     {"DELETE", Method::kDelete},   {"OPTIONS", Method::kOptions},
      {"PATCH", Method::kPatch}, {"CONNECT", Method::kConnect}, {"TRACE", Method::kTrace}};
  for (const auto& [name, method] : kMethods) {
    if (text == name) return method;
  }
  return Method::kOther;
}

const char* end_of(std::string_view text) {
  return text.data() + text.size();
}

bool same_without_case(std::string_view text, std::string_view small) {
  if (text.size() != small.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != small[i]) return false;
  }
  return true;
}

// `rest` is what follows the authority, or an origin form: path and query.
Blame parse_path(std::string_view rest, RequestHead& head) {
  const char* end = end_of(rest);
  const char* at = kPathBytes.skip(rest.data(), end);
  head.path = {rest.data(), size_t(at - rest.data())};
  head.has_query = at != end && *at == '?';
  head.query = {};
  if (head.has_query) {
    const char* query = at + 1;
    at = kQueryBytes.skip(query, end);
    head.query = {query, size_t(at - query)};
  }
  if (at != end) return {Fault::kTargetByte, at};
  return {};
}

Blame parse_absolute(RequestHead& head) {
  const size_t colon = head.target.find("://");
  if (colon == head.target.npos) return {Fault::kTarget, head.target.data()};
  head.form = TargetForm::kAbsolute;
  head.scheme = head.target.substr(0, colon);
  if (!same_without_case(head.scheme, "http") && !same_without_case(head.scheme, "https")) {
    return {Fault::kTarget, head.target.data()};
  }
  const std::string_view rest = head.target.substr(colon + 3);
  const size_t path = std::min(rest.find_first_of("/?"), rest.size());
  const auto authority = parse_authority(rest.substr(0, path));
  if (!authority) return {Fault::kHostInvalid, rest.data()};
  head.authority = *authority;
  if (const Blame blame = parse_path(rest.substr(path), head)) return blame;
  // RFC 9112 3.2.4: the last proxy turns an OPTIONS without path and query into the asterisk form.
  const bool asterisk = head.path.empty() && head.method == Method::kOptions && !head.has_query;
  if (head.path.empty()) head.path = asterisk ? "*" : "/";
  return {};
}

Blame parse_authority_form(RequestHead& head) {
  const auto authority = parse_authority(head.target);
  if (!authority || authority->port == 0) return {Fault::kTarget, head.target.data()};
  head.form = TargetForm::kAuthority;
  head.authority = *authority;
  head.path = head.query = {};
  head.has_query = false;
  return {};
}

Blame parse_target(RequestHead& head) {
  head.scheme = {};
  head.authority = {};
  if (head.method == Method::kConnect) return parse_authority_form(head);
  if (head.target == "*") {
    if (head.method != Method::kOptions) return {Fault::kTarget, head.target.data()};
    head.form = TargetForm::kAsterisk;
    head.path = head.target;
    head.query = {};
    head.has_query = false;
    return {};
  }
  if (!head.target.starts_with('/')) return parse_absolute(head);
  head.form = TargetForm::kOrigin;
  return parse_path(head.target, head);
}

Blame parse_request_line(std::string_view line, const HeadLimits& limits, RequestHead& head) {
  const char* end = end_of(line);
  const char* space = kTokenBytes.skip(line.data(), end);
  if (space == end) return {Fault::kRequestLine, space};
  if (space == line.data()) return {is_one_of(*space, " \t") ? Fault::kRequestLine : Fault::kMethod, space};
  if (*space != ' ') return {Fault::kMethod, space};
  head.method_text = {line.data(), size_t(space - line.data())};
  if (head.method_text.size() > kMethodMax) return {Fault::kMethodTooLong, line.data()};
  head.method = method_of(head.method_text);

  const std::string_view rest(space + 1, size_t(end - space - 1));
  const size_t second = rest.find(' ');
  if (second == rest.npos || second == 0) return {Fault::kRequestLine, rest.data()};
  head.target = rest.substr(0, second);
  if (head.target.size() > limits.target_max) return {Fault::kTargetTooLong, rest.data()};
  const std::string_view version_text = rest.substr(second + 1);
  if (version_text.find(' ') != version_text.npos) return {Fault::kRequestLine, version_text.data()};
  Fault fault = Fault::kNone;
  const auto version = head_lines::parse_version(version_text, fault);
  if (!version) return {fault, version_text.data()};
  head.version = *version;
  return parse_target(head);
}

// RFC 9112 3.2: exactly one valid Host, even where an absolute form overrides it (3.2.2).
Blame settle_host(RequestHead& head) {
  const Header* host = head.headers.find(HeaderId::kHost);
  if (host == nullptr) {
    if (head.version == Version::kHttp10) return {};
    return {Fault::kHostMissing, head.method_text.data()};
  }
  if (head.headers.repeated(HeaderId::kHost)) return {Fault::kHostRepeated, host->name().data()};
  const auto authority = parse_authority(host->value());
  if (!authority) return {Fault::kHostInvalid, host->value().data()};
  if (head.authority.text.empty()) head.authority = *authority;
  return {};
}

}  // namespace

HeadProgress parse_request_head(std::string_view buffer, const HeadLimits& limits, HeadScan& scan, RequestHead& head) {
  const HeadProgress whole = head_lines::whole_head(buffer, limits, scan);
  if (!whole.done()) return whole;
  const char* begin = buffer.data();
  const char* end = begin + whole.at;
  const char* at = begin;
  if (*at == '\r') at += 2;  // RFC 9112 2.2: some clients send an empty line behind a body
  if (at + 2 >= end) return bad(Fault::kRequestLine, size_t(at - begin));
  const std::string_view line = head_lines::line_at(at, end);
  Blame blame = parse_request_line(line, limits, head);
  if (!blame) blame = head_lines::parse_headers(end_of(line) + 2, end, limits.headers_max, Sender::kClient, head.headers);
  if (!blame) blame = settle_host(head);
  if (blame) return bad(blame.fault, size_t(blame.at - begin));
  return whole;
}

}  // namespace cardea::l7::http
