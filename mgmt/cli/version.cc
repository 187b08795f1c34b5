// `cardea version`: this command's version, and cardea-mgmt's when it can be reached; not reaching it is no failure.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"

namespace cardea::mgmt::cli {
namespace {

Exit version(const Session& session) {
  const Asked mgmt = ask(session, "/v1/version");
  if (session.json) {
    print(json_text({{"cardea", CARDEA_VERSION}, {"cardea-mgmt", mgmt ? *mgmt : nlohmann::json()}}));
    return Exit::kOk;
  }
  print(fmt::format("cardea {}\n", CARDEA_VERSION));
  if (mgmt) {
    print(fmt::format("cardea-mgmt {} (plan schema {}, of cardea-l7 {})\n", text_at(*mgmt, "version"),
                      text_at(*mgmt, "plan_schema"), text_at(*mgmt, "l7_plan_schema")));
  } else {
    print(fmt::format("cardea-mgmt: unknown, {}\n", mgmt.error().message));
  }
  return Exit::kOk;
}

}  // namespace

void declare_version(CLI::App& command, Job& job) {
  command.callback([&job] { job = version; });
}

}  // namespace cardea::mgmt::cli
