// Routes and requests made of any bytes: the table answers as the linear scan over all routes does, and a path's
// reading resolves its dot segments as a stack of segments does. Lines "r HOST,HOST PATH" are routes, "q HOST PATH" are
// requests.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "l7/http/authority.h"
#include "l7/http/byte_set.h"
#include "l7/http/fields.h"
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
  CHECK(testing::without_dots(reading.match) == std::string(reading.match), "dot segments are left");
  CHECK(testing::without_dots(reading.lenient) == std::string(reading.lenient), "dot segments are left");
  CHECK(reading.lenient.find("//") == reading.lenient.npos && reading.lenient.find(';') == reading.lenient.npos);
  if (path.find('%') == path.npos) CHECK(testing::without_dots(path) == std::string(reading.match));
  // What is forwarded reads as what was matched.
  std::string again(scratch_size(reading.forward), '\0');
  const auto second = read_path(reading.forward, again);
  CHECK(second && second->match == reading.match && second->lenient == reading.lenient);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<RouteRow> rows;
  std::vector<std::string> prefixes;
  std::vector<Line> requests;
  for (std::string_view text(reinterpret_cast<const char*>(data), size); !text.empty();) {
    const size_t end = std::min(text.find('\n'), text.size());
    const Line line = parse_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.kind == 'q' && is_path(line.path)) requests.push_back(line);
    if (line.kind != 'r' || rows.size() == 200) continue;
    RouteRow row{"r", {}, line.path};
    for (std::string_view hosts = line.host; const auto host = http::next_element(hosts);) row.hosts.push_back(*host);
    if (!Table::build(std::span(&row, 1))) continue;
    rows.push_back(row);
    std::string scratch(scratch_size(line.path), '\0');
    prefixes.emplace_back(read_path(line.path, scratch)->match);
  }
  const auto table = Table::build(rows);
  CHECK(table.has_value(), "routes that are good alone are refused together");
  for (const Line& request : requests) {
    std::string scratch(scratch_size(request.path), '\0');
    const auto reading = read_path(request.path, scratch);
    if (!reading) continue;
    check_reading(request.path, *reading, scratch);
    const auto authority = http::parse_authority(request.host);
    if (!authority) continue;
    const auto strict = testing::linear_scan(rows, prefixes, authority->host, reading->match);
    const auto lenient = testing::linear_scan(rows, prefixes, authority->host, reading->lenient);
    const auto found = table->match(authority->host, *reading);
    CHECK(found.has_value() == (strict.has_value() && strict == lenient));
    if (found) CHECK(found->route == *strict && testing::prefix_matches(found->prefix, reading->match));
    if (!found && strict != lenient) CHECK(found.error() == NoRoute::kAmbiguous);
  }
  return 0;
}
