// `cardea explain`: the way of one packet, or of one request, as a numbered story that ends in one sentence. The
// process that would forward it tells it, by the code that forwards.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/ip.h"
#include "mgmt/cli/api_client.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/state_tone.h"
#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

struct Arguments {
  std::string first, second, protocol, id;
  std::string client, service;
  std::vector<std::string> headers;
};

bool is_url(const std::string& word) {
  return word.find("://") != word.npos;  // which schemes there are is for cardea-mgmt to say
}

// A path alone is for the only http service there is, or for --service.
bool is_of_request(const std::string& word) {
  return is_url(word) || word.starts_with('/');
}

// "GET /path" in one word, as it is copied from a log.
Arguments split(Arguments arguments) {
  const size_t blank = arguments.first.find(' ');
  if (blank == std::string::npos || !arguments.second.empty()) return arguments;
  arguments.second = arguments.first.substr(arguments.first.find_first_not_of(' ', blank));
  arguments.first.resize(blank);
  if (const size_t version = arguments.second.find(' '); version != std::string::npos) arguments.second.resize(version);
  return arguments;
}

constexpr std::string_view kOnward = " (where a request goes from there: cardea explain GET URL)";

// A client's packet is of a service, a backend's is not.
std::string shard_ending(const json& explained, bool colour) {
  const std::string service = text_at(explained, "service");
  const std::string ours = fmt::format(": shard {} takes it", count_at(explained, "shard"));
  return painted("handed to cardea-l7", Tone::kGood, colour) + ours +
         (service.empty() ? " by TCP of its own" : fmt::format(" for service {} by TCP of its own{}", service, kOnward));
}

std::string packet_ending(const json& explained, bool colour) {
  const std::string verdict = text_at(explained, "verdict"), reason = text_at(explained, "reason");
  const std::string why = reason.empty() ? "" : ": " + reason;
  if (verdict == "forward") {
    return painted("forwarded", Tone::kGood, colour) +
           fmt::format(": service {} sends this packet to {} of pool {} by {}", text_at(explained, "service"),
                       text_at(explained, "backend"), text_at(explained, "pool"), text_at(explained, "forward"));
  }
  if (verdict == "kernel" && reason == "local_service")
    return painted("handed to this host", Tone::kGood, colour) +
           fmt::format(": cardea-l7 takes it for service {}{}", text_at(explained, "service"), kOnward);
  if (verdict == "shard") return shard_ending(explained, colour);
  if (verdict == "kernel") return painted("left to this host", Tone::kWarning, colour) + why;
  return painted("dropped", Tone::kBad, colour) + why;
}

std::string request_ending(const json& explained, bool colour) {
  const std::string verdict = text_at(explained, "verdict"), cached = text_at(explained, "cache_verdict");
  if (verdict == "reply")
    return painted(fmt::format("answered {}", count_at(explained, "status")), Tone::kBad, colour) + ": " +
           text_at(explained, "reason");
  if (verdict == "files")
    return painted("answered", Tone::kGood, colour) +
           (known_at(explained, "file") ? fmt::format(" with the file {}", text_at(explained, "file")) : " 404") +
           fmt::format(": route {} of service {}", text_at(explained, "route"), text_at(explained, "service"));
  if (verdict == "redirect" || verdict == "respond")
    return painted(fmt::format("answered {}", count_at(explained, "status")), Tone::kGood, colour) +
           (verdict == "redirect" ? fmt::format(" to {}", text_at(explained, "location")) : std::string()) +
           fmt::format(": route {} of service {}", text_at(explained, "route"), text_at(explained, "service"));
  if (cached == "hit")
    return painted("answered from the cache", Tone::kGood, colour) +
           fmt::format(" {}: route {} of service {}", text_at(explained, "cache"), text_at(explained, "route"),
                       text_at(explained, "service"));
  const std::string backend = known_at(explained, "backend") ? text_at(explained, "backend") : "one backend";
  return painted("proxied", Tone::kGood, colour) +
         fmt::format(": route {} of service {} sends this request to {} of pool {} ({})", text_at(explained, "route"),
                     text_at(explained, "service"), backend, text_at(explained, "pool"), text_at(explained, "balance"));
}

std::string candidates(const json& explained, bool colour) {
  Table table({{"BACKEND"}, {"STATE"}, {"WEIGHT", Column::Align::kRight}, {"WHY"}});
  for (const json& row : part_at(explained, "candidates")) {
    const std::string state = text_at(row, "state");
    table.add({{text_at(row, "backend"), Tone::kStrong},
               {state, tone_of_state(state)},
               std::to_string(count_at(row, "weight")),
               text_at(row, "why")});
  }
  return table.empty() ? "" : table.text(colour);
}

std::string sentences(const json& explained) {
  std::string out;
  size_t number = 0;
  for (const json& sentence : part_at(explained, "story"))
    if (sentence.is_string()) out += fmt::format("{:>3}. {}\n", ++number, sentence.get<std::string>());
  return out;
}

Exit explain_packet(const Session& session, const Arguments& arguments) {
  for (const std::string* endpoint : {&arguments.first, &arguments.second}) {
    if (const auto parsed = Endpoint::parse(*endpoint); !parsed) {
      return complain(session, Exit::kUsage, parsed.error().message,
                      "expected ADDRESS:PORT, such as 192.0.2.7:40000 or [2001:db8::7]:40000");
    }
  }
  std::string path =
      fmt::format("/v1/explain?source={}&destination={}", escaped(arguments.first), escaped(arguments.second));
  if (!arguments.protocol.empty()) path += "&protocol=" + arguments.protocol;
  return show(session, path, [&](const json& explained) {
    return sentences(explained) + "So it is " + packet_ending(explained, session.colour) + "\n";
  });
}

Exit explain_request(const Session& session, const Arguments& arguments) {
  const bool method_first = !is_of_request(arguments.first);
  std::string path = fmt::format("/v1/explain?method={}&url={}", method_first ? escaped(arguments.first) : "GET",
                                 escaped(method_first ? arguments.second : arguments.first));
  if (!arguments.client.empty()) path += "&client=" + escaped(arguments.client);
  if (!arguments.service.empty()) path += "&service=" + escaped(arguments.service);
  if (!arguments.headers.empty()) path += "&headers=" + escaped(fmt::format("{}", fmt::join(arguments.headers, "\n")));
  return show(session, path, [&](const json& explained) {
    return sentences(explained) + candidates(explained, session.colour) + "So it is " +
           request_ending(explained, session.colour) + "\n";
  });
}

// One that was: what its shard remembers.
Exit explain_exchange(const Session& session, const std::string& id) {
  return show(session, "/v1/explain?id=" + escaped(id), [&](const json& explained) {
    const bool failed = text_at(explained, "kind") == "failed";
    return sentences(explained) + "So it ended: " +
           painted(text_at(explained, "verdict"), failed ? Tone::kBad : Tone::kWarning, session.colour) + "\n";
  });
}

Exit explain(const Session& session, const Arguments& given) {
  if (!given.id.empty()) return explain_exchange(session, given.id);
  if (given.first.empty())
    return complain(session, Exit::kUsage, "nothing to explain",
                    "a packet's two ends, a method and a URL, or --id ID of a request that was");
  const Arguments arguments = split(given);
  if (is_of_request(arguments.first) || is_of_request(arguments.second)) return explain_request(session, arguments);
  if (arguments.second.empty())
    return complain(
        session, Exit::kUsage, fmt::format("\"{}\" alone is nothing to explain", arguments.first),
        "a packet has two ends, 192.0.2.7:40000 203.0.113.10:80; a request has a URL, GET https://shop.com/");
  return explain_packet(session, arguments);
}

}  // namespace

void declare_explain(CLI::App& command, Job& job) {
  const auto arguments = std::make_shared<Arguments>();
  command.add_option("from", arguments->first, "a packet's source, or a request's method such as GET")
      ->type_name("ADDRESS:PORT or METHOD");
  command.add_option("to", arguments->second, "where the packet goes, or the request's URL, or its path alone")
      ->type_name("ADDRESS:PORT or URL");
  command
      .add_option("protocol", arguments->protocol, "of a packet; left out: what a service there takes, tcp before udp")
      ->check(CLI::IsMember({"tcp", "udp"}))
      ->type_name("tcp|udp");
  command.add_option("--client", arguments->client, "of a request: who sends it")->type_name("ADDRESS:PORT");
  command.add_option("--service", arguments->service, "of a request: who takes it")->type_name("SERVICE");
  command.add_option("-H,--header", arguments->headers, "of a request: what it carries, several times if need be")
      ->type_name("NAME: VALUE")
      ->allow_extra_args(false);
  command.add_option("--id", arguments->id, "of a request that was: the access log's id, or X-Request-ID")->type_name("ID");
  command.callback(
      [arguments, &job] { job = [arguments](const Session& session) { return explain(session, *arguments); }; });
}

}  // namespace cardea::mgmt::cli
