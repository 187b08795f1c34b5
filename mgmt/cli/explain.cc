// `cardea explain`: the way of one packet as a numbered story that ends in one sentence. The dataplane tells it, by the
// code that forwards.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/ip.h"
#include "mgmt/cli/api_client.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

struct Arguments {
  std::string source, destination, protocol = "tcp";
};

std::string ending(const json& explained, bool colour) {
  const std::string verdict = text_at(explained, "verdict"), reason = text_at(explained, "reason");
  const std::string why = reason.empty() ? "" : ": " + reason;
  if (verdict == "forward") {
    return painted("forwarded", Tone::kGood, colour) +
           fmt::format(": service {} sends this packet to {} of pool {} by {}", text_at(explained, "service"),
                       text_at(explained, "backend"), text_at(explained, "pool"), text_at(explained, "forward"));
  }
  if (verdict == "kernel") return painted("left to this host", Tone::kWarning, colour) + why;
  return painted("dropped", Tone::kBad, colour) + why;
}

std::string story(const json& explained, bool colour) {
  std::string out;
  size_t number = 0;
  for (const json& sentence : part_at(explained, "story"))
    if (sentence.is_string()) out += fmt::format("{:>3}. {}\n", ++number, sentence.get<std::string>());
  return out + "So it is " + ending(explained, colour) + "\n";
}

Exit explain(const Session& session, const Arguments& arguments) {
  for (const std::string* endpoint : {&arguments.source, &arguments.destination}) {
    if (const auto parsed = Endpoint::parse(*endpoint); !parsed) {
      return complain(session, Exit::kUsage, parsed.error().message,
                      "expected ADDRESS:PORT, such as 192.0.2.7:40000 or [2001:db8::7]:40000");
    }
  }
  const std::string path = fmt::format("/v1/explain?source={}&destination={}&protocol={}", escaped(arguments.source),
                                       escaped(arguments.destination), arguments.protocol);
  return show(session, path, [&](const json& explained) { return story(explained, session.colour); });
}

}  // namespace

void declare_explain(CLI::App& command, Job& job) {
  const auto arguments = std::make_shared<Arguments>();
  command.add_option("source", arguments->source, "the client, such as 192.0.2.7:40000")
      ->required()
      ->type_name("ADDRESS:PORT");
  command.add_option("destination", arguments->destination, "what it connects to")
      ->required()
      ->type_name("ADDRESS:PORT");
  command.add_option("protocol", arguments->protocol, "")
      ->capture_default_str()
      ->check(CLI::IsMember({"tcp", "udp"}))
      ->type_name("tcp|udp");
  command.callback(
      [arguments, &job] { job = [arguments](const Session& session) { return explain(session, *arguments); }; });
}

}  // namespace cardea::mgmt::cli
