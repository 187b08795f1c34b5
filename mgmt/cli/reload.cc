// `cardea reload`: returns when the configuration is in force or refused, and says what changed.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/findings.h"
#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

std::string success_text(const json& reload, bool colour) {
  std::string out = findings_text(reload, colour);
  const json& changes = part_at(reload, "changes");
  for (const json& change : changes)
    if (change.is_string()) out += "  " + change.get<std::string>() + "\n";
  if (changes.empty()) out += "  nothing changed\n";
  out += fmt::format("{}: generation {} in force after {:.1f} ms\n", painted("reloaded", Tone::kGood, colour),
                     count_at(reload, "generation"), number_at(reload, "duration_ms"));
  if (known_at(reload, "hint")) out += "  " + text_at(reload, "hint") + "\n";
  return out;
}

Exit reload(const Session& session) {
  const Asked answer = tell(session, "/v1/reload", json::object());
  if (answer) {
    print(session.json ? json_text(*answer) : success_text(*answer, session.colour));
    return Exit::kOk;
  }
  if (!session.json && !answer.error().body.empty())
    print(findings_text(json::parse(answer.error().body, nullptr, false), session.colour));
  return complain(session, answer.error());
}

}  // namespace

void declare_reload(CLI::App& command, Job& job) {
  command.callback([&job] { job = reload; });
}

}  // namespace cardea::mgmt::cli
