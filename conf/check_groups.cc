// Checks of what is made of the groups of a route's path_regex: targets and headers.
#include <fmt/format.h>

#include "base/header_line.h"
#include "base/path_template.h"
#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

using settings::HeaderEditsT;

// The expression with its groups. One that is no expression at all was refused when it was read.
class Groups {
 public:
  explicit Groups(const std::string& regex) {
    if (!regex.empty()) compiled_ = Pattern::compile_with_groups(regex);
  }
  const Pattern* pattern() const { return compiled_ && *compiled_ ? &**compiled_ : nullptr; }
  // Why none can be asked for, though there is an expression.
  std::string failed() const { return compiled_ && !*compiled_ ? compiled_->error().message : std::string(); }
  // Why a group cannot be asked for; empty: it can.
  std::string lacks(const std::string& name) const {
    if (!compiled_) return fmt::format("there is no path_regex whose group ${{path:{}}} could be", name);
    if (!pattern()) return failed();
    if (pattern()->group(name)) return {};
    return fmt::format("the path_regex has no group \"{}\", but {}", name, pattern()->groups());
  }

 private:
  std::optional<Result<Pattern>> compiled_;
};

void check_made(Checks& checks, const std::string& text, const Groups& groups, const std::string& path) {
  if (text.empty()) return;
  const auto made = PathTemplate::parse(text, groups.pattern());
  if (made) return;
  const bool names_one = text.find("${path:") != text.npos;
  checks.report(Finding::error, path, names_one && !groups.failed().empty() ? groups.failed() : made.error().message,
                "a path, with groups of path_regex as in \"/new/${path:1}\"");
}

void check_line(Checks& checks, const std::string& line, const Groups& groups, const std::string& path) {
  const auto read = read_header_line(line, Moment::kResponse);
  if (!read) return;
  for (const Template::Piece& piece : read->value.pieces()) {
    if (piece.variable.id != VariableId::kPathGroup) continue;
    const std::string why = groups.lacks(piece.variable.name);
    if (!why.empty()) checks.report(Finding::error, path, why, "a group of the route's path_regex");
  }
}

void check_edits(Checks& checks, const HeaderEditsT* edits, const Groups& groups, const std::string& path) {
  if (edits == nullptr) return;
  for (const auto& [lines, name] : {std::pair(&edits->set, ".set"), {&edits->add, ".add"}, {&edits->if_absent, ".if_absent"}})
    for (size_t i = 0; i < lines->size(); ++i) check_line(checks, (*lines)[i], groups, index_path(path + name, i));
}

}  // namespace

void check_groups(Checks& checks, const Route& route) {
  const std::string& path = route.place.path;
  const Groups groups(route.match.path_regex);
  if (route.rewrite) check_made(checks, route.rewrite->path, groups, path + ".rewrite.path");
  if (route.redirect) check_made(checks, route.redirect->path, groups, path + ".redirect.path");
  check_edits(checks, route.policies.request_headers.get(), groups, path + ".request_headers");
  check_edits(checks, route.policies.response_headers.get(), groups, path + ".response_headers");
}

void check_groups(Checks& checks, const Service& service) {
  if (service.redirect) check_made(checks, service.redirect->path, Groups({}), service.place.path + ".redirect.path");
}

}  // namespace cardea::conf
