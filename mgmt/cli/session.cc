#include "mgmt/cli/session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

namespace cardea::mgmt::cli {

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

Exit complain(const Session& session, Exit exit, const std::string& message, const std::string& hint) {
  if (session.json) {
    nlohmann::ordered_json body{{"error", message}};
    if (!hint.empty()) body["hint"] = hint;
    print(body.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  } else {
    fmt::print(stderr, "error: {}\n", message);
    if (!hint.empty()) fmt::print(stderr, "  {}\n", hint);
  }
  return exit;
}

// https://no-color.org: set and not empty means no colour.
bool colour_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (no_colour == nullptr || *no_colour == '\0') && ::isatty(STDOUT_FILENO) != 0 &&
         (terminal == nullptr || std::strcmp(terminal, "dumb") != 0);
}

}  // namespace cardea::mgmt::cli
