#include "mgmt/cli/table.h"

#include <gtest/gtest.h>

namespace cardea::mgmt::cli {
namespace {

Table sample() {
  Table table({{"POOL"}, {"FLOWS", Column::Align::kRight}, {"STATE"}});
  table.add({"web", "7", {"up", Tone::kGood}});
  table.add({"größe", "12 345", {"down", Tone::kBad}});
  return table;
}

TEST(Table, AlignsByWhatIsInTheColumns) {
  EXPECT_EQ(sample().text(false),
            "POOL    FLOWS  STATE\n"
            "web         7  up\n"
            "größe  12 345  down\n");
}

TEST(Table, ColourAddsNothingButEscapeCodes) {
  std::string coloured = sample().text(true);
  EXPECT_NE(coloured.find("\x1b[31mdown\x1b[0m"), std::string::npos);
  for (size_t at; (at = coloured.find('\x1b')) != std::string::npos;)
    coloured.erase(at, coloured.find('m', at) + 1 - at);
  EXPECT_EQ(coloured, sample().text(false));
}

TEST(Table, KnowsWhenThereIsNothingToShow) {
  EXPECT_TRUE(Table({{"A"}}).empty());
  EXPECT_FALSE(sample().empty());
}

TEST(Table, LeavesOutALastColumnThatSaysNothing) {
  Table table({{"NAME"}, {"WARNING"}});
  table.add({"a", ""});
  EXPECT_EQ(table.text(false), "NAME\na\n");
  table.add({"long", "expires soon"});
  EXPECT_EQ(table.text(false), "NAME  WARNING\na\nlong  expires soon\n") << "no blanks at a line's end";
}

TEST(Clipped, CountsWhatIsSeen) {
  EXPECT_EQ(clipped("abcdef", 3), "abc");
  EXPECT_EQ(clipped("äöü", 2), "äö");
  EXPECT_EQ(clipped("ab", 3), "ab");
  EXPECT_EQ(clipped("\x1b[31mabc\x1b[0mdef", 4), "\x1b[31mabc\x1b[0md\x1b[0m");
}

}  // namespace
}  // namespace cardea::mgmt::cli
