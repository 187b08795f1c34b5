// The command that has processes run what only a start can change.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace cardea::mgmt {

// "systemctl restart cardea-dataplane && systemctl reload cardea-l7": cardea-l7 is started anew without losing a
// connection.
inline std::string start_anew(const std::vector<std::string>& processes) {
  std::string commands;
  for (const std::string& process : processes)
    commands += fmt::format("{}systemctl {} {}", commands.empty() ? "" : " && ",
                            process == "cardea-l7" ? "reload" : "restart", process);
  return commands;
}

}  // namespace cardea::mgmt
