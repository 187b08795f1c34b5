// The configuration language as data: sections of rows, one row a setting. A row says the setting's name, form, meaning
// and limits and which field of Config holds it; reading, printing, comparing, the manual and completion all go by the
// rows and know no setting by name. The default is the field's own initial value. Adding a setting: one field, one row.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "conf/form.h"

namespace cardea::conf {

enum class Restart : uint8_t { kNone, kDataplane, kL7, kMgmt };  // what a change of the setting needs to take effect

using Modes = std::vector<Mode>;
inline Modes for_l4() { return {Mode::kL4}; }
inline Modes for_tcp() { return {Mode::kTcp}; }
inline Modes for_http() { return {Mode::kHttp}; }
inline Modes for_tcp_and_http() { return {Mode::kHttp, Mode::kTcp}; }
std::string words_of(const Modes& modes);  // "mode = \"http\" or \"tcp\""

struct Facts {
  std::string prose;    // what it does, in one sentence or two
  std::string example;  // a whole setting as it would be written; empty: none needed
  bool required = false;
  Restart restart = Restart::kNone;
  bool secret = false;
  size_t count_max = 1000;   // of an array or list
  std::string unset = {};    // what an empty value means, for the manual
  std::string details = {};  // a paragraph for who wants to know more, behind all else
  Modes only = {};           // of services, and of routes by their service's; empty: any
};

struct Section;

struct Row {
  enum class Shape : uint8_t { kValue, kArray, kGroup, kList };
  std::string name;
  Shape shape = Shape::kValue;
  Facts facts;

  // Values and arrays of values.
  std::string kind, expected;
  std::vector<Word> words;
  std::function<void(void* owner)> clear;                                      // before the first value is put
  std::function<std::optional<Mistake>(const Node& scalar, void* owner)> put;  // sets, or adds to an array
  std::function<std::vector<std::string>(const void* owner)> values = {};      // as written; none: unset
  std::function<bool(const void* owner, const void* other)> same = {};         // both have the same values

  // Groups and lists of groups.
  const Section* section = nullptr;
  std::function<void(void* owner, size_t more)> reserve = {};  // lists: so many will be opened
  std::function<void*(void* owner)> open = {};  // the group's object, or a new one at the end of the list
  std::function<std::vector<const void*>(const void* owner)> objects = {};
};

struct Section {
  std::string noun;  // what one of a list is called: "backend"
  std::string key;   // the setting that tells those of a list apart: "address"
  std::vector<Row> rows;
  std::shared_ptr<const void> defaults;  // an owner nobody has written to
  std::function<void(void* owner, const Place&)> put_place;
  std::function<std::string(const void* owner)> nickname = {};  // of one without its key

  const Row* find(std::string_view name) const;
  std::vector<const Row*> misplaced(Mode mode) const;  // those that stand for other modes alone
};

const char* restart_words(Restart restart);  // "when cardea-l7 is restarted"; null: at once

const Section& schema();  // of the whole document; the owner is a Config

// A setting's row by its path, indices ignored: "pools[].health.interval", "pools.health.interval". Null: no such
// setting.
const Row* find_row(std::string_view path);

// Every row with its path, in the order of the manual.
struct PathRow {
  std::string path;
  const Row* row;
};
const std::vector<PathRow>& all_rows();

std::string example_of(const Row& row);
std::string index_path(const std::string& path, size_t index);            // "pools" → "pools[3]"
std::string join_path(const std::string& path, const std::string& name);  // "" + "pools", "pools[3]" + "name"

// ---- how the rows of a section are written -------------------------------------------------------------------------

template <typename T>
struct FieldOf {
  using Value = T;
  static constexpr bool kMany = false;
};
template <typename T>
struct FieldOf<std::optional<T>> : FieldOf<T> {};
template <typename T>
struct FieldOf<std::unique_ptr<T>> : FieldOf<T> {};
template <typename T>
struct FieldOf<std::vector<T>> {
  using Value = T;
  static constexpr bool kMany = true;
};

template <typename Field, typename T>
std::vector<std::string> written(const Field& field, const Form<T>& form) {
  std::vector<std::string> values;
  if constexpr (FieldOf<Field>::kMany) {
    for (const T& value : field) values.push_back(form.write(value));
  } else if constexpr (std::same_as<Field, std::optional<T>>) {
    if (field) values.push_back(form.write(*field));
  } else {
    values.push_back(form.write(T(field)));
  }
  return values;
}

template <typename Owner, typename Field, typename T>
Row value(std::string name, Field Owner::* member, Form<T> form, Facts facts) {
  using Value = typename FieldOf<Field>::Value;
  static_assert(std::same_as<Value, T>, "the form has to be of the field's type");
  constexpr bool kMany = FieldOf<Field>::kMany;
  Row row{std::move(name), kMany ? Row::Shape::kArray : Row::Shape::kValue, std::move(facts), form.kind, form.expected,
          form.words};
  row.clear = [member](void* owner) { static_cast<Owner*>(owner)->*member = Field{}; };
  row.put = [member, form](const Node& scalar, void* owner) -> std::optional<Mistake> {
    auto value = form.read(scalar);
    if (!value) return std::move(value.error());
    Field& field = static_cast<Owner*>(owner)->*member;
    if constexpr (kMany) {
      field.push_back(std::move(*value));
    } else {
      field = std::move(*value);
    }
    return std::nullopt;
  };
  row.values = [member, form](const void* owner) { return written(static_cast<const Owner*>(owner)->*member, form); };
  row.same = [member](const void* owner, const void* other) {
    return static_cast<const Owner*>(owner)->*member == static_cast<const Owner*>(other)->*member;
  };
  return row;
}

template <typename Owner, typename Field>
Row group(std::string name, Field Owner::* member, const Section& section, Facts facts) {
  Row row{.name = std::move(name), .shape = Row::Shape::kGroup, .facts = std::move(facts)};
  row.section = &section;
  row.open = [member](void* owner) -> void* {
    Field& field = static_cast<Owner*>(owner)->*member;
    if constexpr (std::same_as<Field, typename FieldOf<Field>::Value>) {
      return &field;
    } else if constexpr (std::same_as<Field, std::unique_ptr<typename FieldOf<Field>::Value>>) {
      return (field = std::make_unique<typename FieldOf<Field>::Value>()).get();
    } else {
      return &field.emplace();
    }
  };
  row.objects = [member](const void* owner) -> std::vector<const void*> {
    const Field& field = static_cast<const Owner*>(owner)->*member;
    if constexpr (std::same_as<Field, typename FieldOf<Field>::Value>) {
      return {&field};
    } else {
      return field ? std::vector<const void*>{&*field} : std::vector<const void*>{};
    }
  };
  return row;
}

template <typename Owner, typename T>
Row list(std::string name, std::vector<std::unique_ptr<T>> Owner::* member, const Section& section, Facts facts) {
  Row row{.name = std::move(name), .shape = Row::Shape::kList, .facts = std::move(facts)};
  row.section = &section;
  row.reserve = [member](void* owner, size_t more) {
    auto& objects = static_cast<Owner*>(owner)->*member;
    objects.reserve(objects.size() + more);
  };
  row.open = [member](void* owner) -> void* {
    return (static_cast<Owner*>(owner)->*member).emplace_back(std::make_unique<T>()).get();
  };
  row.objects = [member](const void* owner) {
    std::vector<const void*> objects;
    for (const auto& object : static_cast<const Owner*>(owner)->*member) objects.push_back(object.get());
    return objects;
  };
  return row;
}

template <typename Owner, typename T>
Row list(std::string name, std::vector<T> Owner::* member, const Section& section, Facts facts) {
  Row row{.name = std::move(name), .shape = Row::Shape::kList, .facts = std::move(facts)};
  row.section = &section;
  row.reserve = [member](void* owner, size_t more) {
    auto& objects = static_cast<Owner*>(owner)->*member;
    objects.reserve(objects.size() + more);
  };
  row.open = [member](void* owner) -> void* { return &(static_cast<Owner*>(owner)->*member).emplace_back(); };
  row.objects = [member](const void* owner) {
    std::vector<const void*> objects;
    for (const T& object : static_cast<const Owner*>(owner)->*member) objects.push_back(&object);
    return objects;
  };
  return row;
}

// A row of something that the owner holds.
template <typename Owner, typename Part>
Row within(Part Owner::* member, Row row) {
  const auto part = [member](void* owner) -> void* { return &(static_cast<Owner*>(owner)->*member); };
  const auto seen = [member](const void* owner) -> const void* { return &(static_cast<const Owner*>(owner)->*member); };
  if (row.clear) row.clear = [part, f = row.clear](void* owner) { f(part(owner)); };
  if (row.put) row.put = [part, f = row.put](const Node& node, void* owner) { return f(node, part(owner)); };
  if (row.values) row.values = [seen, f = row.values](const void* owner) { return f(seen(owner)); };
  if (row.same) row.same = [seen, f = row.same](const void* a, const void* b) { return f(seen(a), seen(b)); };
  if (row.reserve) row.reserve = [part, f = row.reserve](void* owner, size_t more) { f(part(owner), more); };
  if (row.open) row.open = [part, f = row.open](void* owner) { return f(part(owner)); };
  if (row.objects) row.objects = [seen, f = row.objects](const void* owner) { return f(seen(owner)); };
  return row;
}

template <typename Owner>
Section section_of(std::string noun, std::string key, std::vector<Row> rows) {
  Section section{std::move(noun), std::move(key), std::move(rows), std::make_shared<const Owner>(), {}};
  section.put_place = [](void* owner, const Place& place) {
    if constexpr (requires(Owner& o) { o.place = place; }) static_cast<Owner*>(owner)->place = place;
  };
  return section;
}

}  // namespace cardea::conf
