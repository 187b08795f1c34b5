#include "base/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace cardea {
namespace {

struct Known {
  VariableId id;
  std::string_view word;
  Moment from;
  std::string_view meaning;
};

constexpr Known kKnown[] = {
#define VARIABLE(id, word, from, meaning) {VariableId::id, word, Moment::from, meaning},
#include "base/variables.def"
#undef VARIABLE
};

struct Named {
  VariableId id;
  std::string_view word, meaning;
};

constexpr Named kNamed[] = {
    {VariableId::kHeader, "header:", "the request's header of that name, its first line"},
    {VariableId::kCookie, "cookie:", "the request's cookie of that name"},
    {VariableId::kQueryParameter, "query:", "the query's parameter of that name, as it stands there"},
    {VariableId::kJwtClaim, "jwt:", "the claim of that name of the token that jwt verified, where it is a text, a number or a "
                                    "list of such"},
    {VariableId::kPathGroup, "path:", "the group of that number or name of the route's path_regex"},
};

// A token (RFC 9110 5.6.2), but for what would end the variable; a parameter's name may hold more than that, and nobody
// names one so.
bool is_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~[]";
  const auto fits = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kMarks.contains(c);
  };
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, fits);
}

Result<Variable> named_variable(const Named& kind, std::string_view name) {
  if (!is_name(name)) return fail(fmt::format("${{{}{}}} names nothing: \"{}\" is no name", kind.word, name, name));
  return Variable{kind.id, std::string(name)};
}

Result<Variable> variable_of(std::string_view word, Moment moment) {
  for (const Named& kind : kNamed)
    if (word.starts_with(kind.word)) return named_variable(kind, word.substr(kind.word.size()));
  const auto* const known = std::ranges::find(kKnown, word, &Known::word);
  if (known == std::end(kKnown)) return fail(fmt::format("no variable is called ${{{}}}", word));
  if (known->from > moment)
    return fail(fmt::format("${{{}}} is not known yet when the request is sent on", word));
  return Variable{known->id, {}};
}

// Behind "${".
Result<Variable> take_variable(std::string_view& text, Moment moment) {
  const size_t end = text.find('}');
  if (end == text.npos) return fail(fmt::format("the brace of \"${{{}\" does not close", text.substr(0, 32)));
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end + 1);
  return variable_of(word, moment);
}

}  // namespace

Result<Template> Template::parse(std::string_view text, Moment moment) {
  Template made;
  std::string before;
  for (;;) {
    const size_t at = text.find("${");
    if (at == text.npos) break;
    const bool escaped = at != 0 && text[at - 1] == '$';
    before += text.substr(0, escaped ? at - 1 : at);
    text.remove_prefix(at + 2);
    if (escaped) {
      before += "${";
      continue;
    }
    auto variable = take_variable(text, moment);
    if (!variable) return std::unexpected(std::move(variable.error()));
    made.pieces_.push_back({std::move(before), std::move(*variable)});
    before.clear();
  }
  before += text;
  if (!before.empty() || made.pieces_.empty()) made.pieces_.push_back({std::move(before), {}});
  return made;
}

std::vector<VariableWord> variable_words(Moment moment) {
  std::vector<VariableWord> words;
  for (const Known& known : kKnown)
    if (known.from <= moment) words.push_back({std::string(known.word), std::string(known.meaning)});
  for (const Named& kind : kNamed)
    words.push_back({std::string(kind.word) + "NAME", std::string(kind.meaning)});
  return words;
}

}  // namespace cardea
