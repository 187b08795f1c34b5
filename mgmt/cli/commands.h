// Every command of the CLI: one row each, from which the parser, the help and the completion script grow. A row's
// function declares the command's arguments and what it does when it is the one that was given.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "mgmt/cli/session.h"

namespace CLI {
class App;
}

namespace cardea::mgmt::cli {

// What the command line asked for; set while it is parsed, run afterwards.
using Job = std::function<Exit(const Session&)>;

struct Command {
  const char* name;
  const char* summary;
  void (*declare)(CLI::App& command, Job& job);
};

void declare_check(CLI::App& command, Job& job);
void declare_status(CLI::App& command, Job& job);
void declare_show(CLI::App& command, Job& job);
void declare_set(CLI::App& command, Job& job);
void declare_reload(CLI::App& command, Job& job);
void declare_doctor(CLI::App& command, Job& job);
void declare_explain(CLI::App& command, Job& job);
void declare_purge(CLI::App& command, Job& job);
void declare_unblock(CLI::App& command, Job& job);
void declare_tail(CLI::App& command, Job& job);
void declare_top(CLI::App& command, Job& job);
void declare_help(CLI::App& command, Job& job);
void declare_completion(CLI::App& command, Job& job);
void declare_version(CLI::App& command, Job& job);

std::span<const Command> commands();

// The whole command line; the exit code.
int run(int argc, char** argv);

}  // namespace cardea::mgmt::cli
