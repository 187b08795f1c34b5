// One run of the CLI: what all commands share, and how each of them ends. Results go to stdout, words about failures to
// stderr; with --json stdout carries one JSON document in either case.
#pragma once

#include <string>

namespace cardea::mgmt::cli {

enum class Exit : int {
  kOk = 0,
  kFailed = 1,    // what was asked for failed: errors in the file, refused, no such backend
  kUsage = 2,     // the command line is wrong, or a file or the API cannot be reached
  kWarnings = 3,  // check --strict: nothing but warnings
};

struct Session {
  std::string api;  // the API's socket
  bool json = false;
  bool colour = false;  // stdout is a terminal and NO_COLOR is not set
};

void print(const std::string& text);  // to stdout, as it is

// Says what failed and, on the next line, what to do about it (`hint` may be empty); returns `exit`.
Exit complain(const Session& session, Exit exit, const std::string& message, const std::string& hint = {});

bool colour_wanted();  // asks stdout and the environment

}  // namespace cardea::mgmt::cli
