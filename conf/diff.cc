#include "conf/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <unordered_map>

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

  // What one of a list is called: by its key, by what it says where it may go without, and by its number beside others
  // of that name.
  using Named = std::vector<std::pair<std::string, const void*>>;
  static Named named(const Section& section, const std::vector<const void*>& objects) {
    const Row& key = *section.find(section.key);
    std::unordered_map<std::string, size_t> times;
    Named all;
    all.reserve(objects.size());
    for (const void* object : objects) {
      std::string name = shown(key, object);
      if (name == kUnset) name = section.nickname ? section.nickname(object) : "without a name";
      const size_t time = ++times[name];
      all.emplace_back(time == 1 ? name : fmt::format("{} ({})", name, time), object);
    }
    return all;
  }

  // Those of a list are matched by their key; those whose key is new were added, those whose key is gone removed.
  void list(const Row& row, const void* before, const void* after, const std::string& context) {
    const Section& section = *row.section;
    std::map<std::string, const void*> gone;
    for (auto& [name, object] : named(section, row.objects(before))) gone.emplace(std::move(name), object);
    for (const auto& [name, object] : named(section, row.objects(after))) {
      const std::string which = section.noun + " " + name;
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

std::vector<std::string> texts_of(const std::vector<Change>& changes) {
  constexpr size_t kMax = 200;
  const bool all = changes.size() <= kMax;
  std::vector<std::string> texts;
  const auto add = [&](const Change& change) {
    if (all || texts.size() < kMax - 1) texts.push_back(text_of(change));
  };
  const auto needs_restart = [](const Change& change) { return change.restart != Restart::kNone; };
  if (!all) std::ranges::for_each(changes | std::views::filter(needs_restart), add);
  for (const Change& change : changes)
    if (all || !needs_restart(change)) add(change);
  if (!all) texts.push_back(fmt::format("and {} more changes", changes.size() - texts.size()));
  return texts;
}

std::string text_of(const Change& change) {
  const char* restart = restart_words(change.restart);
  return restart == nullptr ? change.text : fmt::format("{} (takes effect {})", change.text, restart);
}

}  // namespace cardea::conf
