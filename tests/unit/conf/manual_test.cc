#include "conf/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "conf/schema.h"
#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

using testing::HasSubstr;

std::string file_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Manual, CommittedPageIsUpToDate) {
  EXPECT_EQ(file_text(CARDEA_SOURCE_DIR "/conf/MANUAL.md"), manual_markdown())
      << "write it anew: CARDEA_WRITE_MANUAL=1 unit_conf --gtest_filter=Manual.WrittenOnRequest";
}

TEST(Manual, WrittenOnRequest) {
  if (getenv("CARDEA_WRITE_MANUAL") == nullptr) GTEST_SKIP() << "CARDEA_WRITE_MANUAL is not set";
  std::ofstream(CARDEA_SOURCE_DIR "/conf/MANUAL.md") << manual_markdown();
}

TEST(Manual, TellsFormDefaultAndRestart) {
  const auto text = manual_text("dataplane.flows");
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("from 1024 to 1G"));
  EXPECT_THAT(*text, HasSubstr("default:  \"1M\""));
  EXPECT_THAT(*text, HasSubstr("cardea-dataplane is restarted"));
  EXPECT_THAT(*manual_text("pools[].health"), HasSubstr("pools[].health.interval"));
  EXPECT_THAT(*manual_text("jitter_percent"), HasSubstr("pools[].health.jitter_percent"));
}

// A terminal breaks long lines wherever they are full, and a table with them is none.
TEST(Manual, LinesFitATerminal) {
  const auto fits = [](const std::string& text, size_t width) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
      if (!line.contains("unset: ")) EXPECT_LE(line.size(), width) << line;
  };
  fits(*manual_text(""), 110);
  EXPECT_THAT(*manual_text(""), testing::Not(HasSubstr("unset: ")));
  for (const std::string& path : setting_paths()) fits(*manual_text(path), 110);
  EXPECT_THAT(*manual_text("services.mode"), HasSubstr("requests are routed, cached and balanced one by one\n"));
  EXPECT_THAT(*manual_text("services.mode"), HasSubstr("\n\n  How strictly HTTP is read: clients as RFC 9112"));
}

TEST(Manual, UnknownSettingNamesTheNearest) {
  EXPECT_THAT(manual_text("dataplane.flws").error().message, HasSubstr("did you mean dataplane.flows?"));
  EXPECT_THAT(manual_text("name").error().message, HasSubstr("pools.name, services.name"));
}

TEST(Manual, EveryRowIsDescribedAndItsExampleIsOfIt) {
  for (const PathRow& known : all_rows()) {
    EXPECT_TRUE(known.row->facts.prose.ends_with(".")) << known.path;
    const std::string& example = known.row->facts.example;
    EXPECT_TRUE(example.empty() || example.starts_with(known.row->name + " = ")) << known.path;
  }
}

TEST(Examples, LoadWithoutAWordOfCriticism) {
  for (const char* name : {"quickstart.cfg", "l4-edge.cfg"}) {
    const ReadResult read = read_file(std::string(CARDEA_SOURCE_DIR "/conf/examples/") + name);
    EXPECT_TRUE(read.config) << name;
    EXPECT_EQ(findings_text(read.findings, read.source), "") << name;
  }
}

}  // namespace
}  // namespace cardea::conf
