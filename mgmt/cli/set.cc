// `cardea set backend|weight`: what an operator wants of one backend. Answers with the new state, when it is in force.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "mgmt/cli/amounts.h"
#include "mgmt/cli/api_client.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/state_tone.h"
#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

struct Arguments {
  std::string backend;  // POOL/ADDRESS
  std::string value;
};

std::string wish_text(const json& of, const char* operator_field) {
  std::string out = text_at(of, operator_field);
  if (known_at(of, "weight_override")) out += fmt::format(", weight {}", count_at(of, "weight_override"));
  return out;
}

std::string share_text(const json& backend) {
  if (count_at(backend, "weight_effective") == 0) return "no";
  return fmt::format("{:.1f} % of its pool's", number_at(backend, "share_percent"));
}

std::string result_text(const json& answer, bool colour) {
  const json& backend = part_at(answer, "backend");
  const std::string state = text_at(backend, "state");
  std::string out = fmt::format("{}/{}: {} (was: {}); it is {} and gets {} new work", text_at(backend, "pool"),
                                text_at(backend, "address"), wish_text(backend, "operator"),
                                wish_text(part_at(answer, "previous"), "operator"),
                                painted(state, tone_of_state(state), colour), share_text(backend));
  if (known_at(backend, "flows")) out += fmt::format(", {} live", counted(count_at(backend, "flows"), "flow"));
  if (known_at(backend, "l7"))
    out += fmt::format(", {} under way", counted(count_at(part_at(backend, "l7"), "connections"), "exchange"));
  out += "\n";
  if (known_at(answer, "note")) out += "  " + text_at(answer, "note") + "\n";
  for (const json& warning : part_at(answer, "warnings"))
    if (warning.is_string())
      out += painted("warning", Tone::kWarning, colour) + ": " + warning.get<std::string>() + "\n";
  return out;
}

Exit change(const Session& session, const std::string& backend, const json& body) {
  const size_t slash = backend.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == backend.size()) {
    return complain(session, Exit::kUsage, fmt::format("\"{}\" does not name a backend", backend),
                    "expected POOL/ADDRESS, such as web/10.0.0.11:8080 (cardea show backends lists them)");
  }
  const Asked answer = tell(
      session, fmt::format("/v1/backends/{}/{}", escaped(backend.substr(0, slash)), escaped(backend.substr(slash + 1))),
      body);
  if (!answer) return complain(session, answer.error());
  print(session.json ? json_text(*answer) : result_text(*answer, session.colour));
  return Exit::kOk;
}

json weight_of(const std::string& text) {
  if (text == "config") return text;
  return std::stoul(text);
}

constexpr unsigned long kWeightMax = 65535;  // as pools[].backends[].weight

// CLI11's validators return what is wrong; "" is right.
std::string weight_is_wrong(const std::string& text) {
  const bool digits = !text.empty() && text.size() <= 9 && text.find_first_not_of("0123456789") == std::string::npos;
  if ((digits && std::stoul(text) <= kWeightMax) || text == "config") return "";
  return fmt::format(
      "\"{}\" is not a weight: a whole number up to 65535 (0: no new flows), or \"config\" for what the file says",
      text);
}

}  // namespace

void declare_set(CLI::App& command, Job& job) {
  command.require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();

  CLI::App* const state =
      command.add_subcommand("backend", "ready: serve; drain: no new flows or requests; maint: none at all");
  state->add_option("backend", arguments->backend, "such as web/10.0.0.11:8080")->required()->type_name("POOL/ADDRESS");
  state->add_option("state", arguments->value, "")
      ->required()
      ->check(CLI::IsMember({"ready", "drain", "maint"}))
      ->type_name("ready|drain|maint");
  state->callback([arguments, &job] {
    job = [arguments](const Session& session) {
      return change(session, arguments->backend, {{"state", arguments->value}});
    };
  });

  CLI::App* const weight = command.add_subcommand("weight", "its part of new work; \"config\" goes back to the file's");
  weight->add_option("backend", arguments->backend, "such as web/10.0.0.11:8080")
      ->required()
      ->type_name("POOL/ADDRESS");
  weight->add_option("weight", arguments->value, "")->required()->check(weight_is_wrong)->type_name("N|config");
  weight->callback([arguments, &job] {
    job = [arguments](const Session& session) {
      return change(session, arguments->backend, {{"weight", weight_of(arguments->value)}});
    };
  });
}

}  // namespace cardea::mgmt::cli
