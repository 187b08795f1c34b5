// `cardea help`: of a command what --help says, of the settings what their schema says, and the source of `man cardea`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "conf/manual.h"
#include "conf/nearest.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/man_page.h"

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

Exit say_help(const Session& session, const std::string& command, const std::string& text) {
  print(session.json ? json_text({{"command", command}, {"text", text}}) : text);
  return Exit::kOk;
}

// "cardea show backends" → "show backends"
std::string without_program(const std::string& path) {
  return path.substr(path.find(' ') + 1);
}

// Down the words of a command such as `show backends`. `path`: what led to `at`.
Exit help_command(const Session& session, const CLI::App& at, const std::string& path,
                  std::span<const std::string> words) {
  if (words.empty() || words.front().empty())
    return say_help(session, without_program(path), at.help(path.substr(0, path.find_last_of(' '))));
  std::vector<std::string> names;
  for (const CLI::App* sub : at.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_name() == words.front())
      return help_command(session, *sub, path + " " + sub->get_name(), words.subspan(1));
    names.push_back(sub->get_name());
  }
  const std::string meant = conf::nearest(words.front(), names);
  return complain(session, Exit::kUsage, fmt::format("there is no command \"{} {}\"", path, words.front()),
                  meant.empty() ? "cardea help lists them all" : "did you mean " + meant + "?");
}

}  // namespace

void declare_help(CLI::App& command, Job& job) {
  struct Arguments {
    std::string topic, more;
  };
  const auto arguments = std::make_shared<Arguments>();
  command
      .add_option("topic", arguments->topic,
                  "a command, \"config\" for the settings, \"man\" for the man page's source")
      ->type_name("COMMAND|config|man");
  command
      .add_option("more", arguments->more,
                  "with config a setting, such as pools.health.interval; a command's own, such as show backends")
      ->type_name("SETTING or COMMAND");
  command.callback([arguments, &command, &job] {
    job = [arguments, root = command.get_parent()](const Session& session) {
      if (arguments->topic == "config") return help_config(session, arguments->more);
      if (arguments->topic == "man") return say_help(session, "man", man_page(*root));
      if (arguments->topic.empty()) return say_help(session, "", help_text(*root));
      return help_command(session, *root, "cardea", std::array{arguments->topic, arguments->more});
    };
  });
}

}  // namespace cardea::mgmt::cli
