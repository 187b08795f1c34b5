#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

namespace cardea::log {
namespace {

class LogTest : public testing::Test {
 protected:
  LogTest() { ::unsetenv("CARDEA_LOG"), ::unsetenv("JOURNAL_STREAM"); }
  ~LogTest() override { ::unsetenv("CARDEA_LOG"), ::unsetenv("JOURNAL_STREAM"), start("cardea"); }

  static std::string written(const std::function<void()>& act) {
    testing::internal::CaptureStderr();
    act();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, ALineHasTimeLevelProcessAndSentence) {
  start("cardea-mgmt");
  EXPECT_THAT(written([] { warning("pool {} has {} backends", "web", 0); }),
              testing::MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9][0-9][0-9]Z warning cardea-mgmt: "
                                    "pool web has 0 backends\n"));
}

TEST_F(LogTest, LevelsBelowTheChosenOneAreSilent) {
  start("x", Level::kWarning);
  EXPECT_EQ(written([] { info("no"), debug("no"); }), "");
  EXPECT_NE(written([] { error("yes"); }), "");
}

TEST_F(LogTest, TheEnvironmentOverridesTheLevel) {
  ::setenv("CARDEA_LOG", "debug", 1);
  start("x", Level::kError);
  EXPECT_NE(written([] { debug("yes"); }), "");
}

TEST_F(LogTest, TheJournalGetsItsPriorityAndAddsTheRest) {
  ::setenv("JOURNAL_STREAM", "8:1", 1);
  start("x");
  EXPECT_EQ(written([] { error("gone"); }), "<3>gone\n");
  EXPECT_EQ(written([] { info("here"); }), "<6>here\n");
}

TEST_F(LogTest, TextFromOutsideCannotForgeLines) {
  ::setenv("JOURNAL_STREAM", "8:1", 1);
  start("x");
  EXPECT_EQ(written([] { info("host {}", "a\n<3>forged\x1b[2J\x7f~"); }), "<6>host a\\x0a<3>forged\\x1b[2J\\x7f~\n");
}

}  // namespace
}  // namespace cardea::log
