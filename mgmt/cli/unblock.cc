// `cardea unblock`: an address that a rate limit has blocked is let in again before its time.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"

namespace cardea::mgmt::cli {
namespace {

Exit unblock(const Session& session, const std::string& address) {
  const Asked answer = tell(session, "/v1/unblock", {{"address", address}});
  if (!answer) return complain(session, answer.error());
  print(session.json ? json_text(*answer) : fmt::format("{} is blocked no more\n", text_at(*answer, "unblocked")));
  return Exit::kOk;
}

}  // namespace

void declare_unblock(CLI::App& command, Job& job) {
  const auto address = std::make_shared<std::string>();
  command.add_option("address", *address, "such as 192.0.2.7; of IPv6 any of its /64")->required()->type_name("ADDRESS");
  command.callback([address, &job] { job = [address](const Session& session) { return unblock(session, *address); }; });
}

}  // namespace cardea::mgmt::cli
