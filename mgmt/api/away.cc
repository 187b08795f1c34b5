#include "mgmt/api/away.h"

#include <fmt/format.h>

namespace cardea::mgmt::api {

std::string away_text(const ProcessView& process) {
  if (process.connected || !process.concerned) return "";
  if (process.start_failure)
    return fmt::format("{}; it is started again until it can, and `cardea doctor` looks at what this host lacks",
                       process.problem);
  return fmt::format("nobody answers at {}: is {} running?", process.socket, process.consumer->process);
}

Json away_rows(const View& view) {
  Json rows = Json::array();
  for (const auto& process : view.processes)
    if (const auto problem = away_text(process); !problem.empty())
      rows.push_back({{"name", process.consumer->name}, {"problem", problem}});
  return rows;
}

}  // namespace cardea::mgmt::api
