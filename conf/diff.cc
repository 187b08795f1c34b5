#include "conf/diff.h"

#include <fmt/format.h>

#include <map>

namespace cardea::conf {
namespace {

// A value as a sentence shows it: without the quotes a document needs.
std::string plain(std::string value) {
  if (value.size() >= 2 && value.starts_with('"')) value = value.substr(1, value.size() - 2);
  return value;
}

std::string shown(const Row& row, const void* owner) {
  std::vector<std::string> values = row.values(owner);
  for (std::string& value : values) value = plain(value);
  const bool unset = values.empty() || (values.size() == 1 && values.front().empty());
  if (unset) return "(unset)";
  return row.shape == Row::Shape::kArray ? fmt::format("[{}]", fmt::join(values, ", ")) : values.front();
}

class Comparison {
 public:
  void sections(const Section& section, const void* before, const void* after, const std::string& context,
                Restart restart) {
    for (const Row& row : section.rows) {
      const Restart needed = row.facts.restart != Restart::kNone ? row.facts.restart : restart;
      switch (row.shape) {
        case Row::Shape::kValue:
        case Row::Shape::kArray:
          value(row, before, after, context, needed);
          break;
        case Row::Shape::kGroup:
          group(row, before, after, context, needed);
          break;
        case Row::Shape::kList:
          list(row, before, after, context);
          break;
      }
    }
  }

  std::vector<Change> take() { return std::move(changes_); }

 private:
  void value(const Row& row, const void* before, const void* after, const std::string& context, Restart restart) {
    if (row.values(before) == row.values(after)) return;
    const std::string text = row.facts.secret
                                 ? row.name + " changed"
                                 : fmt::format("{} {} → {}", row.name, shown(row, before), shown(row, after));
    add(context, text, restart);
  }

  void group(const Row& row, const void* before, const void* after, const std::string& context, Restart restart) {
    const auto old_objects = row.objects(before), new_objects = row.objects(after);
    if (old_objects.empty() && new_objects.empty()) return;
    if (old_objects.size() != new_objects.size()) {
      return add(context, row.name + (new_objects.empty() ? " removed" : " added"), restart);
    }
    const std::string inner = context.empty() ? row.name : context + " " + row.name;
    sections(*row.section, old_objects.front(), new_objects.front(), inner, restart);
  }

  // Those of a list are matched by their key; those whose key is new were added, those whose key is gone removed.
  void list(const Row& row, const void* before, const void* after, const std::string& context) {
    const Section& section = *row.section;
    const Row& key = *section.find(section.key);
    std::map<std::string, const void*> gone;
    for (const void* object : row.objects(before)) gone.emplace(shown(key, object), object);
    for (const void* object : row.objects(after)) {
      const std::string label = section.noun + " " + shown(key, object);
      const auto old = gone.find(shown(key, object));
      if (old == gone.end()) {
        add(context, label + " added", row.facts.restart);
        continue;
      }
      sections(section, old->second, object, context.empty() ? label : context + " " + label, Restart::kNone);
      gone.erase(old);
    }
    for (const auto& [name, object] : gone)
      add(context, fmt::format("{} {} removed", section.noun, name), row.facts.restart);
  }

  void add(const std::string& context, const std::string& text, Restart restart) {
    changes_.push_back({context.empty() ? text : context + ": " + text, restart});
  }

  std::vector<Change> changes_;
};

}  // namespace

std::vector<Change> diff(const Config& before, const Config& after) {
  Comparison comparison;
  comparison.sections(schema(), &before, &after, "", Restart::kNone);
  return comparison.take();
}

std::string text_of(const Change& change) {
  switch (change.restart) {
    case Restart::kNone:
      return change.text;
    case Restart::kDataplane:
      return change.text + " (takes effect when cardea-dataplane is restarted)";
    case Restart::kMgmt:
      return change.text + " (takes effect when cardea-mgmt is restarted)";
  }
  return {};
}

}  // namespace cardea::conf
