// `cardea help`: of a command what --help says, of the settings what their schema says.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "conf/manual.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"

namespace cardea::mgmt::cli {
namespace {

Exit help_config(const Session& session, const std::string& setting) {
  const auto text = conf::manual_text(setting);
  if (!text) return complain(session, Exit::kFailed, text.error().message);
  if (session.json) {
    print(json_text({{"setting", setting}, {"text", *text}}));
  } else {
    print(text->ends_with('\n') ? *text : *text + "\n");
  }
  return Exit::kOk;
}

// CLI::App::help() would print the help of the command that was given: of this one.
std::string help_text(const CLI::App& root) {
  return root.get_formatter()->make_help(&root, "cardea", CLI::AppFormatMode::Normal);
}

Exit help_command(const Session& session, CLI::App& root, const std::string& name) {
  const bool known = name.empty() || std::ranges::find(commands(), name, &Command::name) != commands().end();
  if (!known)
    return complain(session, Exit::kUsage, fmt::format("there is no command \"{}\"", name),
                    "cardea help lists them all");
  const std::string text = name.empty() ? help_text(root) : root.get_subcommand(name)->help("cardea");
  print(session.json ? json_text({{"command", name}, {"text", text}}) : text);
  return Exit::kOk;
}

}  // namespace

void declare_help(CLI::App& command, Job& job) {
  struct Arguments {
    std::string topic, setting;
  };
  const auto arguments = std::make_shared<Arguments>();
  command.add_option("topic", arguments->topic, "a command, or \"config\" for the settings")
      ->type_name("COMMAND|config");
  command.add_option("setting", arguments->setting, "with config: a setting, such as pools.health.interval")
      ->type_name("SETTING");
  command.callback([arguments, &command, &job] {
    job = [arguments, root = command.get_parent()](const Session& session) {
      if (arguments->topic == "config") return help_config(session, arguments->setting);
      return help_command(session, *root, arguments->topic);
    };
  });
}

}  // namespace cardea::mgmt::cli
