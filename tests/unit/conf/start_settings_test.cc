#include "base/start_settings.h"

#include <gtest/gtest.h>

#include "conf/schema.h"

namespace cardea::conf {
namespace {

// What the processes refuse to change is what the manual and the list of changes say.
TEST(StartSettings, EachIsASettingThatSaysWhoHasToBeRestarted) {
  for (const StartRow& start : kStartSettings) {
    const Row* row = find_row(start.path);
    ASSERT_NE(row, nullptr) << start.path;
    EXPECT_EQ(row->facts.restart, start.process == StartsWith::kL7 ? Restart::kL7 : Restart::kDataplane) << start.path;
  }
}

TEST(StartSettings, NoSettingSaysSoBesides) {
  for (const auto& [path, row] : all_rows()) {
    if (row->facts.restart == Restart::kNone || row->facts.restart == Restart::kMgmt) continue;
    std::string plain = path;
    for (size_t at; (at = plain.find("[]")) != plain.npos;) plain.erase(at, 2);
    EXPECT_NE(who_starts_with(plain), StartsWith::kNothing) << path;
  }
}

}  // namespace
}  // namespace cardea::conf
