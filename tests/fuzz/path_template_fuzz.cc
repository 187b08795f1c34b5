// Targets made of groups, of any bytes: lines of an expression, a template, a path and a query. What is made fits the room
// that was asked for, reads as itself, holds no byte that a target may not hold, and has as many parameters as the template
// and the client's query have together: no group is two.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "l7/http/byte_set.h"
#include "l7/route/location.h"

using namespace cardea;
using namespace cardea::l7;

namespace {

std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

size_t parameters(std::string_view query) {
  return query.empty() ? 0 : 1 + size_t(std::ranges::count(query, '&'));
}

void check_target(const MadeTarget& made, std::string_view text, std::string_view query) {
  CHECK(made.path.starts_with('/') && !made.path.starts_with("//") && http::kPathBytes.holds_all(made.path));
  std::string scratch(route::scratch_size(made.path), '\0');
  const auto reading = route::read_path(made.path, scratch);
  CHECK(reading && reading->forward == made.path, "it leads elsewhere than it reads");
  CHECK(http::kQueryBytes.holds_all(made.query));
  const size_t mark = text.find('?');
  const size_t own = mark == text.npos ? 0 : parameters(text.substr(mark + 1));
  const bool drops = mark != text.npos && own == 0;
  CHECK(parameters(made.query) <= own + (drops ? 0 : parameters(query)), "a group is more than one value");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), std::min<size_t>(size, 2000));
  const std::string_view regex = next_line(input), text = next_line(input), path = next_line(input), query = input;
  if (!path.starts_with('/') || !http::kPathBytes.holds_all(path) || !http::kQueryBytes.holds_all(query)) return 0;
  const auto of = Pattern::compile_with_groups(regex);
  const Pattern* const groups = of ? &*of : nullptr;
  const auto by = PathTemplate::parse(text, groups);
  if (!by) return 0;
  CHECK(by->text() == text);
  std::string scratch(route::scratch_size(path), '\0');
  const auto reading = route::read_path(path, scratch);
  if (!reading) return 0;
  std::string room(route::made_size(*by, *reading, query), '\0');
  const auto made = route::make_target(room, *by, groups, *reading, query);
  if (made) check_target(*made, text, query);
  return 0;
}
