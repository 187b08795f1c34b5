// `cardea purge`: what is stored for a URL is forgotten, in every cache and every variant.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

Exit purge(const Session& session, const std::string& url) {
  if (url.find("://") == std::string::npos)
    return complain(session, Exit::kUsage, fmt::format("\"{}\" is not a whole URL", url),
                    fmt::format("expected http:// or https:// before it, such as https://{}", url));
  const Asked answer = tell(session, "/v1/purge", {{"url", url}});
  if (!answer) return complain(session, answer.error());
  const uint64_t count = count_at(*answer, "purged");
  print(session.json ? json_text(*answer)
                     : fmt::format("{} stored object{} of {} purged\n", count, count == 1 ? "" : "s", url));
  return Exit::kOk;
}

}  // namespace

void declare_purge(CLI::App& command, Job& job) {
  const auto url = std::make_shared<std::string>();
  command.add_option("url", *url, "such as https://shop.com/images/a.png")->required()->type_name("URL");
  command.callback([url, &job] { job = [url](const Session& session) { return purge(session, *url); }; });
}

}  // namespace cardea::mgmt::cli
