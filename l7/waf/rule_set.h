// A list of rule files as libmodsecurity has it: loaded once, by a process that has one thread, and then only read. What we
// add to the files stands in rule_set.cc: how bodies are read, and what of the core rule set would keep state between
// requests. The engine's
// headers are not of C++23: what includes them is compiled as C++20 and has no Result (rule_set.cc, inspect.cc).
#pragma once

#include <memory>
#include <span>
#include <string>

namespace modsecurity {
class ModSecurity;
class RulesSet;
}

namespace cardea::l7::waf {

using Rules = std::shared_ptr<modsecurity::RulesSet>;

struct LoadedRules {
  Rules rules;          // null: refused
  std::string refused;  // why: with the file and the line
};

// Patterns (*) of files are the engine's.
LoadedRules load_rules(std::span<const std::string> files);

// One for a process; it never ends.
modsecurity::ModSecurity& engine();

}  // namespace cardea::l7::waf
