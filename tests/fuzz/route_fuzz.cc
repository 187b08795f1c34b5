// Routes and requests made of any bytes: the table answers as the linear scan over all routes does, and a path's
// reading resolves its dot segments as a stack of segments does. Lines "r HOST,HOST PATH" are routes, "e" those of an
// exact path, "x" of a regular expression; "c KIND RULE NAME=TEXT" is a condition of the last route, KIND being one of
// hqkmn (header, query, cookie, method, network) and RULE a digit; "q HOST TARGET" is a request, "h LINE" a header of
// it.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "l7/http/authority.h"
#include "l7/http/byte_set.h"
#include "l7/http/fields.h"
#include "l7/http/parse_head.h"
#include "l7/route/table.h"
#include "tests/unit/l7/route/oracle.h"

using namespace cardea::l7::route;
using namespace cardea::l7;

namespace {

struct Line {
  char kind = 0;
  std::string_view host, path;
};

Line parse_line(std::string_view text) {
  if (text.size() < 3 || text[1] != ' ') return {};
  const size_t space = text.find(' ', 2);
  if (space == text.npos) return {};
  return {text[0], text.substr(2, space - 2), text.substr(space + 1)};
}

bool within(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

bool is_path(std::string_view path) {
  return path.starts_with('/') && path.size() < 500 && http::kPathBytes.holds_all(path);
}

void check_reading(std::string_view path, const PathReading& reading, std::string_view scratch) {
  for (const std::string_view view : {reading.match, reading.lenient, reading.forward}) {
    CHECK(view.starts_with('/') && (within(view, path) || within(view, scratch)));
  }
  CHECK(test::without_dots(reading.match) == std::string(reading.match), "dot segments are left");
  CHECK(test::without_dots(reading.lenient) == std::string(reading.lenient), "dot segments are left");
  CHECK(reading.lenient.find("//") == reading.lenient.npos && reading.lenient.find(';') == reading.lenient.npos);
  if (path.find('%') == path.npos) CHECK(test::without_dots(path) == std::string(reading.match));
  // What is forwarded reads as what was matched.
  std::string again(scratch_size(reading.forward), '\0');
  const auto second = read_path(reading.forward, again);
  CHECK(second && second->match == reading.match && second->lenient == reading.lenient);
}

// Of the last route; what is no condition is none.
void add_condition(Conditions& to, std::string_view text) {
  if (text.size() < 6 || to.count() > 8) return;
  const size_t equals = std::min(text.find('='), text.size());
  Condition one{std::string(text.substr(6, equals < 6 ? 0 : equals - 6)), Condition::Rule(uint8_t(text[4]) % 5)};
  one.text = text.substr(std::min(equals + 1, text.size()));
  one.id = text[2] == 'h' ? http::header_id(one.name) : http::HeaderId::kOther;
  if (one.rule == Condition::Rule::kPattern) {
    auto pattern = cardea::Pattern::compile(one.text);
    if (!pattern) return;
    one.pattern = std::move(*pattern);
  }
  if (text[2] == 'h')
    to.headers.push_back(std::move(one));
  else if (text[2] == 'q')
    to.query.push_back(std::move(one));
  else if (text[2] == 'k')
    to.cookies.push_back(std::move(one));
  else if (text[2] == 'm')
    to.methods.push_back(std::move(one.name));
  else if (const auto network = cardea::Prefix::parse(one.name))
    to.clients.push_back(*network);
}

void add_route(std::vector<RouteRow>& rows, std::vector<std::string>& paths, const Line& line) {
  RouteRow row{"r", {}, line.path};
  row.rule = line.kind == 'e' ? PathRule::kExact : line.kind == 'x' ? PathRule::kPattern : PathRule::kPrefix;
  for (std::string_view hosts = line.host; const auto host = http::next_element(hosts);) row.hosts.push_back(*host);
  if (rows.size() == 200 || !Table::build(std::span(&row, 1))) return;
  rows.push_back(row);
  std::string scratch(scratch_size(line.path), '\0');
  paths.emplace_back(row.rule == PathRule::kPattern ? line.path : read_path(line.path, scratch)->match);
}

void check_request(const Table& table, std::span<const RouteRow> rows, std::span<const std::string> paths,
                   const std::string& text) {
  http::HeadScan scan;
  http::RequestHead head;
  if (!http::parse_request_head(text, {}, scan, head).done() || !is_path(head.path)) return;
  std::string scratch(scratch_size(head.path), '\0');
  const auto reading = read_path(head.path, scratch);
  if (!reading) return;
  check_reading(head.path, *reading, scratch);
  const Asked asked{&head, cardea::IpAddress::v4(0x0a010203)};
  const auto strict = test::linear_scan(rows, paths, head.authority.host, reading->match, asked);
  const auto lenient = test::linear_scan(rows, paths, head.authority.host, reading->lenient, asked);
  bool agree = strict == lenient;
  if (reading->match.starts_with("//")) {  // as a reference: a host and its path
    const std::string_view path = reading->lenient.substr(std::min(reading->lenient.find('/', 1), reading->lenient.size()));
    agree = agree && strict == test::linear_scan(rows, paths, head.authority.host, path.empty() ? "/" : path, asked);
  }
  const auto found = table.match(head.authority.host, *reading, asked);
  CHECK(found.has_value() == (strict.has_value() && agree));
  if (found)
    CHECK(found->route == *strict && test::path_fits(found->path_rule, std::string(found->path), reading->match));
  if (!found && !agree) CHECK(found.error() == NoRoute::kAmbiguous);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<RouteRow> rows;
  std::vector<std::string> paths, requests;
  for (std::string_view text(reinterpret_cast<const char*>(data), size); !text.empty();) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view whole = text.substr(0, end);
    const Line line = parse_line(whole);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (whole.starts_with("h ") && !requests.empty()) requests.back().append(whole.substr(2)).append("\r\n");
    if (whole.starts_with("c ") && !rows.empty()) add_condition(rows.back().conditions, whole);
    if (line.kind == 'r' || line.kind == 'e' || line.kind == 'x') add_route(rows, paths, line);
    if (line.kind == 'q')
      requests.push_back("GET " + std::string(line.path) + " HTTP/1.1\r\nHost: " + std::string(line.host) + "\r\n");
  }
  const auto table = Table::build(rows);
  CHECK(table.has_value(), "routes that are good alone are refused together");
  for (const std::string& request : requests) check_request(*table, rows, paths, request + "\r\n");
  return 0;
}
