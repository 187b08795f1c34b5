#include "mgmt/cli/commands.h"

#include <CLI/CLI.hpp>
#include <array>

#include "conf/nearest.h"

namespace cardea::mgmt::cli {
namespace {

constexpr std::array kCommands = {
    Command{"status", "how the load balancer is, on one screen", declare_status},
    Command{"show", "list services, routes, pools, backends, flows, certs, cache", declare_show},
    Command{"set", "drain a backend, take it out, change its weight", declare_set},
    Command{"reload", "put the configuration file in force", declare_reload},
    Command{"check", "look for mistakes in a configuration file (works offline)", declare_check},
    Command{"explain", "what would happen to a packet or a request, and why", declare_explain},
    Command{"purge", "forget what caches have of a URL", declare_purge},
    Command{"top", "rates of services and backends, live", declare_top},
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

// Words where a command was expected; the parser would only say that one is missing.
Exit complain_of_words(const Session& session, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const Command& command : kCommands) names.emplace_back(command.name);
  const std::string meant = conf::nearest(words.front(), names);
  return complain(session, Exit::kUsage, "there is no command \"" + words.front() + "\"",
                  meant.empty() ? "cardea --help lists them all" : "did you mean " + meant + "?");
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

int run(int argc, char** argv) {
  Session session{.api = "/run/cardea/api.sock", .json = false, .colour = colour_wanted()};
  Job job;
  CLI::App app("", "cardea");
  declare_all(app, session, job);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& wrong) {
    if (const auto words = app.remaining(); app.get_subcommands().empty() && !words.empty())
      return int(complain_of_words(session, words));
    app.exit(wrong);
    return int(Exit::kUsage);
  } catch (const CLI::ParseError& wrong) {
    // Asking for help is no mistake; every mistake has one exit code.
    return app.exit(wrong) == 0 ? int(Exit::kOk) : int(Exit::kUsage);
  }
  return int(job(session));
}

}  // namespace cardea::mgmt::cli
