#include "base/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

namespace cardea {

void read_command_line(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // for help or the version
    std::exit(app.exit(asked));
  } catch (const CLI::ParseError& wrong) {
    const std::string program = std::filesystem::path(argc > 0 ? argv[0] : app.get_name()).filename();
    fmt::print(stderr, "{0}: {1}\n{0} --help tells more\n", program, wrong.what());
    std::exit(kWrongUsage);
  }
}

}  // namespace cardea
