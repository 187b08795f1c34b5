#include "conf/manual.h"

#include <fmt/format.h>

#include <algorithm>

#include "conf/nearest.h"
#include "conf/quote.h"
#include "conf/schema.h"

namespace cardea::conf {
namespace {

constexpr std::string_view kPreface = R"(# Settings

`cardea help config SETTING` shows the same in a terminal.

A document is written in [libconfig](https://hyperrealm.github.io/libconfig/) syntax: settings are `name = value;`, groups
`name: { … };`, lists of groups `name = ( { … }, { … } );`, arrays of plain values `name = [ …, … ];` (a single value may
stand without the brackets). Comments begin with `#` or `//`, or stand between `/*` and `*/`. A line `@include "FILE"` is
replaced by the file, whose name is relative to the directory of the file that includes it; `@include "conf.d/*.cfg"` by all
files that are called so, in their order. Lists of the document (`services`, `pools`, `caches`, `rate_limits`) may be written
several times, so that a site is a file with services and pools of its own.

Forms of values, and how they are written:

- duration: `"2s"`, `"500ms"`, `"1m30s"`; units h, m, s, ms
- size: `"64MB"`, `"4GiB"`; kB, MB, GB, TB are powers of 1000, KiB, MiB, GiB, TiB powers of 1024; B
- count: `50000` or `"50k"`, `"10M"`, `"1G"` (powers of 1000)
- address: `"192.0.2.1"`, `"2001:db8::1"`
- prefix: `"192.0.2.2/24"`, `"2001:db8::2/64"`
- endpoint: `"192.0.2.1:80"`, `"[2001:db8::1]:80"`
- listen: `"192.0.2.1:80/tcp"`, `"[2001:db8::1]:53/udp"`

`cardea check FILE` reports every mistake of a document, with its line and what was probably meant. `cardea reload`, or the
signal SIGHUP to cardea-mgmt, puts the file in force.
)";

struct Entry {
  std::string path;
  const Row* row;
  const Section* parent;
};

void collect(const Section& section, const std::string& path, std::vector<Entry>& entries) {
  for (const Row& row : section.rows) {
    const std::string here = join_path(path, row.name) + (row.shape == Row::Shape::kList ? "[]" : "");
    entries.push_back({here, &row, &section});
    if (row.section != nullptr) collect(*row.section, here, entries);
  }
}

std::vector<Entry> entries() {
  std::vector<Entry> all;
  collect(schema(), "", all);
  return all;
}

std::string without_brackets(std::string_view path) {
  std::string plain;
  bool inside = false;
  for (char c : path) {
    inside |= c == '[';
    if (!inside) plain += c;
    inside &= c != ']';
  }
  return plain;
}

// "required", or the default as it would be written, or what it means to leave it out.
std::string default_text(const Entry& entry) {
  const Row& row = *entry.row;
  if (row.facts.required) return "required";
  if (row.section != nullptr) return "optional";
  const auto values = row.values(entry.parent->defaults.get());
  if (!row.facts.unset.empty()) return "unset: " + row.facts.unset;
  const std::string text = fmt::format("{}", fmt::join(values, ", "));
  return row.shape == Row::Shape::kArray ? fmt::format("[{}]", text) : text;
}

std::string what(const Row& row) {
  switch (row.shape) {
    case Row::Shape::kValue:
      return row.expected;
    case Row::Shape::kArray:
      return fmt::format("an array of up to {}, each {}", row.facts.count_max, row.expected);
    case Row::Shape::kGroup:
      return "a group { … }";
    case Row::Shape::kList:
      return fmt::format("a list of up to {} groups ( {{ … }}, {{ … }} )", row.facts.count_max);
  }
  return {};
}

// Lines of at most so many letters, all but the first behind `indent` blanks. What has no blank stays whole.
std::string wrapped(const std::string& text, size_t indent) {
  constexpr size_t kWidth = 100;
  std::string out;
  size_t column = indent;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const bool first = out.empty(), fits = column + 1 + word.size() <= kWidth;
    if (!first) out += fits ? " " : "\n" + std::string(indent, ' ');
    column = (first || !fits ? indent : column + 1) + word.size();
    out += word;
    at = end + 1;
  }
  return out;
}

std::string restart_text(Restart restart) {
  const char* when = restart_words(restart);
  return when == nullptr ? "" : fmt::format("A change takes effect {}.", when);
}

std::string facts_markdown(const Entry& entry) {
  const Row& row = *entry.row;
  std::string text = fmt::format("{}\n\n- Value: {}\n", row.facts.prose, what(row));
  for (const Word& word : row.words) text += fmt::format("  - `{}`: {}\n", word.word, word.prose);
  const std::string value = default_text(entry);
  if (row.facts.required || row.section != nullptr) {
    text += fmt::format("- {}\n", row.facts.required ? "Required" : "Optional");
  } else if (value.starts_with("unset: ")) {
    text += fmt::format("- When left out: {}\n", value.substr(7));
  } else {
    text += fmt::format("- Default: `{}`\n", value);
  }
  if (!row.facts.example.empty()) text += fmt::format("- Example: `{}`\n", row.facts.example);
  if (!row.facts.only.empty()) text += fmt::format("- Only with `{}`\n", words_of(row.facts.only));
  if (const std::string restart = restart_text(row.facts.restart); !restart.empty())
    text += fmt::format("- {}\n", restart);
  if (!row.facts.details.empty()) text += fmt::format("\n{}\n", row.facts.details);
  return text;
}

std::string facts_text(const Entry& entry) {
  const Row& row = *entry.row;
  std::string text =
      fmt::format("{}\n  {}\n  value:    {}\n", entry.path, wrapped(row.facts.prose, 2), wrapped(what(row), 12));
  for (const Word& word : row.words) text += fmt::format("            {:<11} {}\n", word.word, wrapped(word.prose, 24));
  text += fmt::format("  default:  {}\n", wrapped(default_text(entry), 12));
  if (!row.facts.example.empty()) text += fmt::format("  example:  {}\n", row.facts.example);
  if (!row.facts.only.empty()) text += fmt::format("  only:     with {}\n", words_of(row.facts.only));
  if (const std::string restart = restart_text(row.facts.restart); !restart.empty())
    text += fmt::format("  {}\n", restart);
  if (!row.facts.details.empty()) text += fmt::format("\n  {}\n", wrapped(row.facts.details, 2));
  return text;
}

// In a table there is no room for what it means to leave a setting out.
std::string short_default(const Entry& entry) {
  const std::string text = default_text(entry);
  return text.starts_with("unset: ") ? "unset" : text;
}

// One line a setting: name, form, default.
std::string outline(std::string_view below) {
  std::string text;
  for (const Entry& entry : entries()) {
    if (!below.empty() && !entry.path.starts_with(below)) continue;
    const std::string form =
        entry.row->section != nullptr ? (entry.row->shape == Row::Shape::kList ? "list" : "group") : entry.row->kind;
    text += fmt::format("  {:<36} {:<9} {}\n", entry.path, form, short_default(entry));
  }
  return text;
}

}  // namespace

std::string manual_markdown() {
  std::string text(kPreface);
  for (const Entry& entry : entries()) {
    const bool top = entry.parent == &schema();
    text += fmt::format("\n{} `{}`\n\n{}", top ? "##" : "###", entry.path, facts_markdown(entry));
  }
  return text;
}

Result<std::string> manual_text(std::string_view path) {
  if (path.empty())
    return "Settings, with their form and default (cardea help config SETTING tells more):\n\n" + outline({});
  const std::string wanted = without_brackets(path);
  std::vector<std::string> known;
  for (const Entry& entry : entries()) {
    known.push_back(without_brackets(entry.path));
    if (known.back() != wanted) continue;
    const std::string text = facts_text(entry);
    return entry.row->section == nullptr ? text : text + "\n" + outline(entry.path + ".");
  }
  // A name alone will do when only one setting has it, and helps when several have.
  std::vector<std::string> same;
  for (const std::string& candidate : known)
    if (candidate.ends_with("." + wanted)) same.push_back(candidate);
  if (same.size() == 1) return manual_text(same.front());
  if (same.size() > 1)
    return fail(fmt::format("several settings are called {}: {}", wanted, fmt::join(same, ", ")), Origin::kOperator);
  const std::string meant = nearest(wanted, known);
  return fail(fmt::format("no setting {}{}", in_quotes(path),
                          meant.empty() ? "; see: cardea help config" : "; did you mean " + meant + "?"),
              Origin::kOperator);
}

std::vector<std::string> setting_paths() {
  std::vector<std::string> paths;
  for (const Entry& entry : entries()) paths.push_back(without_brackets(entry.path));
  return paths;
}

}  // namespace cardea::conf
