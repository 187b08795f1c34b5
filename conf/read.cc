#include "conf/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "conf/check.h"
#include "conf/document.h"
#include "conf/nearest.h"
#include "conf/places.h"
#include "conf/quote.h"
#include "conf/schema.h"
#include "conf/units.h"

namespace cardea::conf {
namespace {

std::string shape_expected(const Row& row) {
  switch (row.shape) {
    case Row::Shape::kValue:
      return row.expected;
    case Row::Shape::kArray:
      return "an array [ … ], each element " + row.expected;
    case Row::Shape::kGroup:
      return fmt::format("a group: {}: {{ … }};", row.name);
    case Row::Shape::kList:
      return fmt::format("a list of groups: {} = ( {{ … }}, {{ … }} );", row.name);
  }
  return {};
}

// Walks a tree along the schema and fills the objects the rows point to.
class Reader {
 public:
  Reader(const Source& source, bool complete, Places& places, Findings& findings)
      : source_(source), complete_(complete), places_(places), findings_(findings) {}

  void section(const Section& section, const Node& node, const std::string& path, void* owner) {
    const Place place = source_.place(node.line, path);
    places_.put(path, node.line);
    section.put_place(owner, place);
    for (const Node& child : node.children) {
      const Row* row = section.find(child.name);
      if (row == nullptr) {
        unknown(section, child, path);
      } else {
        setting(*row, child, join_path(path, child.name), owner);
      }
    }
    if (complete_) missing(section, node, path);
  }

 private:
  void setting(const Row& row, const Node& node, const std::string& path, void* owner) {
    places_.put(path, node.line);
    switch (row.shape) {
      case Row::Shape::kValue:
        return value(row, node, path, owner);
      case Row::Shape::kArray:
        return array(row, node, path, owner);
      case Row::Shape::kGroup:
        if (node.kind != Node::Kind::kGroup) return mistaken(node, path, {}, shape_expected(row));
        return section(*row.section, node, path, row.open(owner));
      case Row::Shape::kList:
        return list(row, node, path, owner);
    }
  }

  void value(const Row& row, const Node& node, const std::string& path, void* owner) {
    auto mistake = node.scalar() ? row.put(node, owner) : Mistake{};
    if (!mistake) return;
    if (row.shape == Row::Shape::kArray && row.kind == "number" && node.kind == Node::Kind::kText)
      if (std::string each = range_meant(node.text); !each.empty()) mistake->nearest = std::move(each);
    mistaken(node, path, *mistake, row.expected);
    if (!row.words.empty()) take_as_meant(row, *mistake, path, owner);
  }

  // "HTTP" is refused, and yet it is an http service that the checks have to look at: otherwise they would find fault
  // with settings that are right.
  void take_as_meant(const Row& row, const Mistake& mistake, const std::string& path, void* owner) {
    Node meant{.kind = Node::Kind::kText};
    for (const Word& known : row.words) {
      if (in_quotes(known.word) != mistake.nearest) continue;
      meant.text = known.word;
      row.put(meant, owner);
      places_.mend(path);
    }
  }

  void array(const Row& row, const Node& node, const std::string& path, void* owner) {
    if (node.kind == Node::Kind::kGroup) return mistaken(node, path, {}, shape_expected(row));
    row.clear(owner);
    if (node.scalar()) return value(row, node, path, owner);  // one value may stand without brackets
    if (!count_fits(row, node, path)) return;
    for (size_t i = 0; i < node.children.size(); ++i) {
      const std::string here = index_path(path, i);
      places_.put(here, node.children[i].line);
      value(row, node.children[i], here, owner);
    }
  }

  void list(const Row& row, const Node& node, const std::string& path, void* owner) {
    const bool empty_array = node.kind == Node::Kind::kArray && node.children.empty();
    if (node.kind != Node::Kind::kList && !empty_array) return mistaken(node, path, {}, shape_expected(row));
    if (!count_fits(row, node, path)) return;
    row.reserve(owner, node.children.size());
    for (size_t i = 0; i < node.children.size(); ++i) {
      const Node& child = node.children[i];
      const std::string here = index_path(path, i);
      if (child.kind == Node::Kind::kGroup) {
        section(*row.section, child, here, row.open(owner));
      } else {
        mistaken(child, here, {}, fmt::format("a group {{ … }} for each {}", row.section->noun));
      }
    }
  }

  bool count_fits(const Row& row, const Node& node, const std::string& path) {
    const size_t count = node.children.size();
    if (row.facts.required && count == 0) {
      mistaken(node, path, {"it is empty", {}}, fmt::format("at least one {}", one(row)));
      return false;
    }
    if (count <= row.facts.count_max) return true;
    mistaken(node, path, {fmt::format("{} are too many", count), {}}, fmt::format("at most {}", row.facts.count_max));
    return false;
  }

  static std::string one(const Row& row) { return row.section != nullptr ? row.section->noun : row.kind; }

  void mistaken(const Node& node, const std::string& path, const Mistake& mistake, std::string expected) {
    places_.spoil(path);
    std::string message = mistake.message.empty() ? "found " + describe(node) : mistake.message;
    findings_.push_back(
        {Finding::error, source_.place(node.line, path), std::move(message), std::move(expected), mistake.nearest});
  }

  void missing(const Section& section, const Node& node, const std::string& path) {
    for (const Row& row : section.rows) {
      if (!row.facts.required || std::ranges::count(node.children, row.name, &Node::name) > 0) continue;
      const std::string here = join_path(path, row.name);
      if (places_.spoilt(here)) continue;  // it is there, with a slip of the pen in its name
      places_.spoil(here);
      findings_.push_back({Finding::error,
                           source_.place(node.line, path),
                           fmt::format("{} is missing", in_quotes(row.name)),
                           shape_expected(row),
                           {}});
    }
  }

  void unknown(const Section& section, const Node& node, const std::string& path) {
    std::vector<std::string> names;
    for (const Row& row : section.rows) names.push_back(row.name);
    const std::vector<std::string> related = with_words_of(node.name, names);
    const std::string home = related.empty() ? homes(node.name) : "";
    std::string meant = related.size() == 1 ? related.front() : home.empty() && related.empty() ? nearest(node.name, names) : "";
    if (!meant.empty()) places_.spoil(join_path(path, meant));
    findings_.push_back(
        {Finding::error, source_.place(node.line, join_path(path, node.name)),
         home.empty() ? "unknown setting" : fmt::format("unknown setting here; {}", home),
         meant.empty() ? fmt::format("one of {}", fmt::join(related.empty() ? names : related, ", ")) : "",
         std::move(meant)});
  }

  // A setting known in other sections, if by the same words in another order, was probably put into the wrong one.
  static std::string homes(const std::string& name) {
    std::vector<std::string> paths;
    std::string there = name;
    for (const PathRow& known : all_rows()) {
      if (!same_words(known.row->name, name)) continue;
      there = known.row->name;
      const size_t cut = known.path.size() - std::min(known.path.size(), there.size() + 1);
      paths.push_back(cut == 0 ? "the top level" : known.path.substr(0, cut));
    }
    if (paths.empty()) return {};
    return fmt::format("{} belongs to {}", there == name ? "it" : there, fmt::join(paths, " or "));
  }

  const Source& source_;
  bool complete_;
  Places& places_;
  Findings& findings_;
};

void sort(const Source& source, Findings& findings) {
  std::map<std::string, size_t> order;
  for (size_t i = 0; i < source.files.size(); ++i) order.emplace(source.files[i], i);
  std::multimap<std::pair<size_t, unsigned>, Finding> sorted;  // equals stay in the order they were found
  for (Finding& finding : findings)
    sorted.emplace(std::pair(order[finding.place.file], finding.place.line), std::move(finding));
  findings.clear();
  for (auto& [place, finding] : sorted) findings.push_back(std::move(finding));
}

// A slip in a generated file is made a hundred thousand times. What counts most is kept, in the order of the file, and
// the last finding says how many there are more.
void order(const Source& source, Findings& findings) {
  constexpr size_t kMax = 1000;
  if (findings.size() <= kMax) return sort(source, findings);
  std::ranges::stable_sort(findings, {}, &Finding::level);
  const Place whole{findings.front().place.file, 0, {}};
  const Finding rest{
      findings[kMax].level, whole, fmt::format("{} more are not listed", findings.size() - kMax), {}, {}};
  findings.resize(kMax);
  sort(source, findings);
  findings.push_back(rest);
}

void put_places(const Node& node, const std::string& path, Places& places) {
  places.put(path, node.line);
  const bool indexed = node.kind == Node::Kind::kArray || node.kind == Node::Kind::kList;
  for (size_t i = 0; i < node.children.size(); ++i) {
    const Node& child = node.children[i];
    put_places(child, indexed ? index_path(path, i) : join_path(path, child.name), places);
  }
}

ReadResult read(Source source, Findings findings) {
  const bool whole = findings.empty();
  const Document document = parse_document(source, findings);
  Config config;
  Places places(source);
  Findings found;
  Reader(source, whole && document.complete, places, found).section(schema(), document.root, "", &config);
  if (whole && document.complete) check(config, places, found);
  const Place cut = source.place(document.cut_line);
  for (Finding& finding : found) {
    const bool half = !document.complete && finding.place.line == cut.line && finding.place.file == cut.file;
    if (!half) findings.push_back(std::move(finding));
  }
  order(source, findings);
  config.files = source.files;
  ReadResult result{{}, std::move(findings), std::move(source)};
  const bool failed = std::ranges::count(result.findings, Finding::error, &Finding::level) > 0;
  if (!failed) result.config = std::move(config);
  return result;
}

}  // namespace

void add_findings(ReadResult& read, Findings more) {
  if (more.empty()) return;
  Findings known;
  const Document document = parse_document(read.source, known);
  Places places(read.source);
  put_places(document.root, "", places);
  for (Finding& finding : more) {
    finding.place = places.of(finding.place.path);
    read.findings.push_back(std::move(finding));
  }
  order(read.source, read.findings);
}

ReadResult read_file(const std::string& path) {
  Findings findings;
  Source source = load_source(path, findings);
  return read(std::move(source), std::move(findings));
}

ReadResult read_text(std::string_view text, const std::string& name, Includes includes) {
  Findings findings;
  Source source = source_of_text(text, name, includes, findings);
  return read(std::move(source), std::move(findings));
}

}  // namespace cardea::conf
