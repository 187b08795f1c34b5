#include "mgmt/cli/man_page.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace cardea::mgmt::cli {
namespace {

constexpr const char* kBefore = R"(cardea 1 "" Cardea
=====

# NAME

cardea - the command line of a Cardea load balancer

# SYNOPSIS

**cardea** [**--api** *SOCKET*] [**--json**] *COMMAND* ...

# DESCRIPTION

Asks and tells **cardea-mgmt**(8) over its socket, which members of the group cardea-operators may use. **check**, **doctor**,
**help** and **completion** work without it.

)";

constexpr const char* kAfter = R"(# EXIT STATUS

**0**
: done

**1**
: what was asked for failed

**2**
: wrong usage, or a file or the API cannot be reached

**3**
: warnings with **check --strict**

# ENVIRONMENT

**CARDEA_API**
: the API's socket, where **--api** does not name it

**NO_COLOR**
: not empty: no colours

# FILES

*/etc/cardea/cardea.cfg*
: the configuration, **cardea.cfg**(5)

*/run/cardea-api/api.sock*
: the API's socket

*/usr/share/doc/cardea/examples*
: configurations to start from

# EXAMPLES

    cardea check --strict /etc/cardea/cardea.cfg && cardea reload
    cardea show backends --state down
    cardea set backend web/10.0.0.11:8080 drain
    cardea explain 192.0.2.7:40000 203.0.113.10:80
    cardea explain GET https://shop.example/ --client 192.0.2.7:40000
    cardea help config pools.health.interval

# SEE ALSO

**cardea.cfg**(5), **cardea-mgmt**(8), **cardea-l7**(8), **cardea-dataplane**(8), **cardea-host-setup**(8)
)";

// Behind a type's name the parser puts what it checks: the same choices again, or a range.
std::string type_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.substr(0, std::min(type.find(":{"), type.find(":UINT")));
}

std::string usage_of(const CLI::App& command, const std::string& path) {
  std::string usage = path;
  bool options = false;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) {
      usage += option->get_required() ? " " + type_of(*option) : fmt::format(" [{}]", type_of(*option));
    } else {
      options |= !option->check_lname("help");
    }
  }
  return options ? usage + " [OPTIONS]" : usage;
}

std::string entry_of(const CLI::Option& option) {
  const std::string type = type_of(option), name = option.get_lnames().empty() ? "" : option.get_lnames().front();
  std::string term = name.empty() ? fmt::format("*{}*", type) : fmt::format("**--{}**", name);
  if (!name.empty() && !type.empty()) term += fmt::format(" *{}*", type);
  std::string meaning = option.get_description();
  if (!option.get_default_str().empty()) meaning += fmt::format(" (default: {})", option.get_default_str());
  return meaning.empty() || name == "help" ? "" : fmt::format("{}\n: {}\n\n", term, meaning);
}

std::string options_of(const CLI::App& command) {
  std::string text;
  for (const CLI::Option* option : command.get_options()) text += entry_of(*option);
  return text;
}

// A command that only has commands below it is a heading for them.
std::string command_text(const CLI::App& command, const std::string& path) {
  const auto below = command.get_subcommands([](const CLI::App*) { return true; });
  std::string text = fmt::format("## {}{}\n\n{}\n\n{}", usage_of(command, path), below.empty() ? "" : " COMMAND",
                                 command.get_description(), options_of(command));
  for (const CLI::App* sub : below) text += command_text(*sub, path + " " + sub->get_name());
  return text;
}

}  // namespace

std::string man_page(const CLI::App& root) {
  std::string text = kBefore + ("# OPTIONS\n\n" + options_of(root)) + "# COMMANDS\n\n";
  for (const CLI::App* command : root.get_subcommands([](const CLI::App*) { return true; }))
    text += command_text(*command, "cardea " + command->get_name());
  return text + kAfter;
}

}  // namespace cardea::mgmt::cli
