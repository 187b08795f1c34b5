#include "conf/diff.h"

#include <fmt/format.h>

#include <map>

namespace cardea::conf {
namespace {

constexpr const char* kUnset = "(unset)";

// A value as a sentence shows it: without the quotes a document needs.
std::string plain(std::string value) {
  if (value.size() >= 2 && value.starts_with('"')) value = value.substr(1, value.size() - 2);
  return value;
}

std::string shown(const Row& row, const void* owner) {
  std::vector<std::string> values = row.values(owner);
  for (std::string& value : values) value = plain(value);
  const bool unset = values.empty() || (values.size() == 1 && values.front().empty());
  if (unset) return kUnset;
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
    if (row.same(before, after)) return;
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

  // What one of a list is called: by its key, or by its number where it may go without.
  static std::string label(const Row& key, const void* object, size_t number) {
    std::string name = shown(key, object);
    return name == kUnset ? fmt::format("#{}", number + 1) : name;
  }

  // Those of a list are matched by their key; those whose key is new were added, those whose key is gone removed.
  void list(const Row& row, const void* before, const void* after, const std::string& context) {
    const Section& section = *row.section;
    const Row& key = *section.find(section.key);
    std::map<std::string, const void*> gone;
    for (size_t number = 0; const void* object : row.objects(before))
      gone.emplace(label(key, object, number++), object);
    for (size_t number = 0; const void* object : row.objects(after)) {
      const std::string name = label(key, object, number++), which = section.noun + " " + name;
      const auto old = gone.find(name);
      if (old == gone.end()) {
        add(context, which + " added", row.facts.restart);
        continue;
      }
      sections(section, old->second, object, context.empty() ? which : context + " " + which, Restart::kNone);
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
  const char* restart = restart_words(change.restart);
  return restart == nullptr ? change.text : fmt::format("{} (takes effect {})", change.text, restart);
}

}  // namespace cardea::conf
