#include "l7/policy/header_rules.h"

#include <algorithm>

#include "base/header_line.h"
#include "l7/http/fields.h"

namespace cardea::l7::policy {

Result<> HeaderRules::add_lines(const std::vector<std::string>& lines, Moment moment, bool if_absent) {
  for (const std::string& line : lines) {
    auto read = read_header_line(line, moment);
    if (!read) return std::unexpected(std::move(read.error()));
    lines_.push_back({std::string(read->name) + ": ", http::header_id(read->name), std::move(read->value), if_absent});
  }
  return {};
}

Result<HeaderRules> HeaderRules::read(const settings::HeaderEditsT& edits, Moment moment) {
  HeaderRules rules;
  for (const std::string& name : edits.remove) {
    if (auto named = check_header_name(name); !named) return std::unexpected(std::move(named.error()));
    rules.dropped_.add(name);
  }
  if (auto done = rules.add_lines(edits.set, moment, false); !done) return std::unexpected(std::move(done.error()));
  for (const Line& line : rules.lines_) rules.dropped_.add(line.name());
  const size_t set = rules.lines_.size();
  if (auto done = rules.add_lines(edits.add, moment, false); !done) return std::unexpected(std::move(done.error()));
  if (auto done = rules.add_lines(edits.if_absent, moment, true); !done)
    return std::unexpected(std::move(done.error()));
  for (size_t i = set; i < rules.lines_.size(); ++i) rules.dropped_.add_look_alikes(rules.lines_[i].name());
  return rules;
}

bool HeaderRules::varies(std::string_view name) const {
  return std::ranges::any_of(lines_, [name](const Line& line) {
    return !line.value.is_fixed() && http::equal_without_case(line.name(), name);
  });
}

}  // namespace cardea::l7::policy
