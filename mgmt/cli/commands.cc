#include "mgmt/cli/commands.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>

#include "conf/nearest.h"

namespace cardea::mgmt::cli {
namespace {

constexpr std::array kCommands = {
    Command{"status", "how the load balancer is, on one screen", declare_status},
    Command{"show", "list services, routes, pools, backends, flows, exchanges, connections, certs, limits, cache, audit", declare_show},
    Command{"set", "drain a backend, take it out, change its weight", declare_set},
    Command{"reload", "put the configuration file in force", declare_reload},
    Command{"check", "look for mistakes in a configuration file (works offline)", declare_check},
    Command{"doctor", "look at this host and its cards before they are put to work (works offline)", declare_doctor},
    Command{"explain", "what would happen to a packet or a request, and why", declare_explain},
    Command{"purge", "forget what caches have of a URL", declare_purge},
    Command{"unblock", "let an address in again that a rate limit has blocked", declare_unblock},
    Command{"tail", "requests and connections as they end, live", declare_tail},
    Command{"top", "rates of services, routes and backends, live", declare_top},
    Command{"help", "the manual of a command or of the settings (works offline)", declare_help},
    Command{"completion", "print a completion script for bash (works offline)", declare_completion},
    Command{"version", "versions of this command and of cardea-mgmt", declare_version},
};

constexpr const char* kFooter =
    "Exit codes: 0 done; 1 what was asked for failed; 2 wrong usage, or a file or the API cannot be reached;\n"
    "3 warnings with check --strict.\n"
    "With --json the answer is one JSON document on stdout, errors too.";

void declare_all(CLI::App& app, Session& session, Job& job) {
  app.description("Cardea, the load balancer: its command line.");
  app.footer(kFooter);
  app.set_version_flag("--version", "cardea " CARDEA_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.get_formatter()->column_width(38);
  app.add_option("--api", session.api, "the API's socket")
      ->envname("CARDEA_API")
      ->default_str(session.api)
      ->type_name("SOCKET");
  app.add_flag("--json", session.json, "answer in JSON");
  for (const Command& row : kCommands) {
    CLI::App* command = app.add_subcommand(row.name, row.summary);
    row.declare(*command, job);
  }
}

// The command that the words led to, such as `cardea set weight`.
const CLI::App& deepest(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string full_name(const CLI::App& command) {
  const CLI::App* const parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

// A word where a command was expected, or none: the parser would only say that one is missing.
Exit complain_of_word(const Session& session, const CLI::App& under, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : under.get_subcommands({})) names.push_back(command->get_name());
  const std::string meant = conf::nearest(word, names), list = full_name(under) + " --help lists them all";
  if (word.empty()) return complain(session, Exit::kUsage, "a command is missing after " + full_name(under), list);
  return complain(session, Exit::kUsage, fmt::format("there is no command \"{} {}\"", full_name(under), word),
                  meant.empty() ? list : "did you mean " + meant + "?");
}

Exit complain_of_usage(Session session, const CLI::App& app, const CLI::ParseError& wrong) {
  const CLI::App& command = deepest(app);
  if (app.get_option("--json")->count() > 0) session.json = true;  // the parser sets it only when all is well
  const bool wants_command = command.get_require_subcommand_min() > 0 && command.get_subcommands().empty();
  if (wants_command && dynamic_cast<const CLI::RequiredError*>(&wrong) != nullptr) {
    const auto words = app.remaining();
    return complain_of_word(session, command, words.empty() ? "" : words.front());
  }
  return complain(session, Exit::kUsage, wrong.what(), full_name(command) + " --help tells more");
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

int run(int argc, char** argv) {
  Session session{.api = "/run/cardea-api/api.sock", .json = false, .colour = colour_wanted()};
  Job job;
  CLI::App app("", "cardea");
  declare_all(app, session, job);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // for help or the version
    return app.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    return int(complain_of_usage(session, app, wrong));
  }
  return int(job(session));
}

}  // namespace cardea::mgmt::cli
