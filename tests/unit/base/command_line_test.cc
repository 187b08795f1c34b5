#include "base/command_line.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace cardea {
namespace {

// What a daemon with one option makes of these words.
std::string read(std::vector<std::string> words) {
  CLI::App app{"a daemon"};
  std::string folder = "/run/cardea";
  app.add_option("--run-dir", folder);
  app.set_version_flag("--version", "1.2.3");
  words.insert(words.begin(), "/usr/sbin/cardea-some");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  read_command_line(app, int(argv.size()), argv.data());
  return folder;
}

TEST(CommandLine, FillsTheOptions) {
  EXPECT_EQ(read({}), "/run/cardea");
  EXPECT_EQ(read({"--run-dir", "/tmp/x"}), "/tmp/x");
}

TEST(CommandLine, AnswersHelpAndVersion) {
  EXPECT_EXIT(read({"--help"}), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(read({"--version"}), testing::ExitedWithCode(0), "");
}

TEST(CommandLine, TellsWrongUsageAndEndsWithTwo) {
  EXPECT_EXIT(read({"--no-such"}), testing::ExitedWithCode(2), "cardea-some: .*--no-such\ncardea-some --help");
  EXPECT_EXIT(read({"--run-dir"}), testing::ExitedWithCode(2), "cardea-some: .*--run-dir");
  EXPECT_EXIT(read({"a-word"}), testing::ExitedWithCode(2), "a-word");
}

}  // namespace
}  // namespace cardea
