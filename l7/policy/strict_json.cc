#include "l7/policy/strict_json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace cardea::l7::policy {
namespace {

using nlohmann::json;
using Event = json::parse_event_t;

constexpr int kDepthMax = 16;

// What stands in the objects that are open.
class Names {
 public:
  // False: it is not to be read.
  bool see(int depth, Event event, const json& parsed) {
    if (depth > kDepthMax) return sound_ = false;
    if (event == Event::object_start) open_.emplace_back();
    if (event == Event::object_end) open_.pop_back();
    if (event == Event::key) sound_ &= open_.back().insert(parsed.get<std::string>()).second;
    return true;
  }
  bool sound() const { return sound_; }

 private:
  std::vector<std::set<std::string>> open_;
  bool sound_ = true;
};

}  // namespace

json read_object(std::string_view text) {
  const json refused(json::value_t::discarded);
  Names names;
  const auto see = [&names](int depth, Event event, json& parsed) { return names.see(depth, event, parsed); };
  json read = json::parse(text.begin(), text.end(), see, false);
  return names.sound() && read.is_object() ? read : refused;
}

}  // namespace cardea::l7::policy
