// How a daemon reads its command line: --help and --version answer and end the process with 0, a line that cannot be
// understood says why on stderr and ends it with 2, as the command `cardea` does.
#pragma once

namespace CLI {
class App;
}

namespace cardea {

constexpr int kWrongUsage = 2;

// Returns when every word was understood and the options' variables hold what was said.
void read_command_line(CLI::App& app, int argc, char** argv);

}  // namespace cardea
