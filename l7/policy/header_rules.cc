#include "l7/policy/header_rules.h"

#include <algorithm>

#include "base/header_line.h"
#include "l7/http/fields.h"
#include "l7/policy/one_request.h"

namespace cardea::l7::policy {

Result<> HeaderRules::add_lines(const std::vector<std::string>& lines, Moment moment, bool if_absent) {
  for (const std::string& line : lines) {
    auto read = read_header_line(line, moment);
    if (!read) return std::unexpected(std::move(read.error()));
    lines_.push_back({std::string(read->name) + ": ", http::header_id(read->name), std::move(read->value), if_absent, false});
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

namespace {

struct Preset {
  std::string_view line;
  bool basic, strict, only_secure;
};
constexpr Preset kPresets[] = {
    {"X-Content-Type-Options: nosniff", true, true, false},
    {"X-Frame-Options: SAMEORIGIN", true, false, false},
    {"X-Frame-Options: DENY", false, true, false},
    {"Referrer-Policy: strict-origin-when-cross-origin", true, false, false},
    {"Referrer-Policy: no-referrer", false, true, false},
    {"Cross-Origin-Opener-Policy: same-origin", false, true, false},
    {"Cross-Origin-Resource-Policy: same-origin", false, true, false},
    {"Content-Security-Policy: default-src 'self'; frame-ancestors 'none'", false, true, false},
    {"Strict-Transport-Security: max-age=31536000", true, false, true},
    {"Strict-Transport-Security: max-age=31536000; includeSubDomains", false, true, true},
};

}  // namespace

// A name that the operator sets or removes is his.
void HeaderRules::add_security(settings::SecurityHeaders which) {
  for (const Preset& preset : kPresets) {
    const bool wanted = (which == settings::SecurityHeaders::basic && preset.basic) ||
                        (which == settings::SecurityHeaders::strict && preset.strict);
    auto line = *read_header_line(preset.line, Moment::kResponse);
    const auto is_same = [&line](const Line& own) { return http::equal_without_case(own.name(), line.name); };
    if (!wanted || dropped_.names(line.name) || std::ranges::any_of(lines_, is_same)) continue;
    lines_.push_back({.front = std::string(line.name) + ": ",
                      .id = http::header_id(line.name),
                      .value = std::move(line.value),
                      .if_absent = true,
                      .only_secure = preset.only_secure});
  }
}

bool HeaderRules::varies(std::string_view name) const {
  return std::ranges::any_of(lines_, [name](const Line& line) {
    const auto has_one = [](const Template::Piece& piece) { return is_of_one_request(piece.variable); };
    return http::equal_without_case(line.name(), name) && std::ranges::any_of(line.value.pieces(), has_one);
  });
}

}  // namespace cardea::l7::policy
