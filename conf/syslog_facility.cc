#include "conf/syslog_facility.h"

#include <algorithm>
#include <iterator>

namespace cardea::conf {
namespace {

struct Facility {
  const char* name;
  uint8_t number;
};
constexpr Facility kFacilities[] = {{"user", 1},    {"daemon", 3},  {"auth", 4},    {"local0", 16}, {"local1", 17},
                                    {"local2", 18}, {"local3", 19}, {"local4", 20}, {"local5", 21}, {"local6", 22},
                                    {"local7", 23}};

std::vector<Word> words() {
  std::vector<Word> all;
  for (const Facility& one : kFacilities) all.push_back({one.name, ""});
  return all;
}

}  // namespace

Form<std::string> facility_form() {
  return {"word", one_of(words()), words(),
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind == Node::Kind::kText)
              for (const Facility& one : kFacilities)
                if (node.text == one.name) return node.text;
            return std::unexpected(unknown_word(node, words()));
          },
          [](const std::string& value) { return word_literal(value); }};
}

uint8_t facility_number(const std::string& name) {
  return std::ranges::find(kFacilities, name, &Facility::name)->number;
}

}  // namespace cardea::conf
