// Rules that have a name: the OWASP core rule set as Debian's modsecurity-crs installs it, and what it is told for APIs.
#pragma once

#include <string>
#include <vector>

namespace cardea::l7::waf {

// The core rule set with the operator's own set-up and exclusions of /etc/modsecurity/crs, in the order that these need.
std::vector<std::string> core_rules();

// What APIs send that the core rule set's own defaults refuse: methods, types.
struct Variable {
  const char* name;
  const char* value;
};
const std::vector<Variable>& api_variables();

}  // namespace cardea::l7::waf
