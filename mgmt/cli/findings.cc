#include "mgmt/cli/findings.h"

#include <nlohmann/json.hpp>

#include "mgmt/cli/ask.h"
#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {

using nlohmann::json;

// `text` is the whole finding on one line, the way `cardea check` prints it.
std::string findings_text(const json& reload, bool colour) {
  std::string out;
  for (const json& finding : part_at(reload, "findings")) {
    const Tone tone = text_at(finding, "level") == "error" ? Tone::kBad : Tone::kWarning;
    out += painted(text_at(finding, "text"), tone, colour) + "\n";
  }
  return out;
}

}  // namespace cardea::mgmt::cli
