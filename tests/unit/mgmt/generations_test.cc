#include "mgmt/generations.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "conf/read.h"

namespace cardea::mgmt {
namespace {

namespace fs = std::filesystem;

conf::Config config(const std::string& pool) {
  const std::string text = R"(
    cluster: { name = "here"; seed = "a seed that is long enough"; };
    l7: { shards = [0]; };
    pools = ( { name = ")" +
                           pool + R"("; backends = ( { address = "10.0.0.11:80"; } ); } );
    services = ( { name = "shop"; mode = "http"; listen = ["127.0.0.1:8080/tcp"]; pool = ")" +
                           pool + R"("; } );)";
  return conf::read_text(text, "test.cfg").config.value();
}

class GenerationsTest : public ::testing::Test {
 protected:
  GenerationsTest() {
    std::string pattern = fs::temp_directory_path() / "cardea-generations-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~GenerationsTest() override { fs::remove_all(folder_); }
  void write(uint64_t number, const std::string& pool, const Marks& marks) {
    ASSERT_TRUE(write_configuration(folder_, number, config(pool)));
    ASSERT_TRUE(write_marks(folder_, marks));
  }
  std::string folder_;
};

TEST_F(GenerationsTest, WhatIsMarkedComesBackAsItWasWithItsSeed) {
  write(4, "old", {4, 0, {}});
  write(5, "new", {4, 5, {"dataplane"}});
  const auto remembered = load_generations(folder_);
  EXPECT_EQ(remembered.marks, (Marks{4, 5, {"dataplane"}}));
  ASSERT_TRUE(remembered.accepted && remembered.waiting);
  EXPECT_TRUE(*remembered.accepted == config("old"));
  EXPECT_TRUE(*remembered.waiting == config("new"));
  EXPECT_EQ(remembered.warning, "");
}

TEST_F(GenerationsTest, NothingIsRememberedBeforeTheFirst) {
  const auto remembered = load_generations(folder_);
  EXPECT_EQ(remembered.marks, Marks{});
  EXPECT_FALSE(remembered.accepted);
  EXPECT_EQ(remembered.warning, "");
}

TEST_F(GenerationsTest, ADamagedConfigurationIsAWarningThatNamesIt) {
  write(4, "old", {4, 0, {}});
  std::ofstream(generation_path(folder_, 4)) << "pools = (";
  const auto remembered = load_generations(folder_);
  EXPECT_FALSE(remembered.accepted);
  EXPECT_NE(remembered.warning.find("4.cfg"), std::string::npos);
}

TEST_F(GenerationsTest, WithDamagedMarksTheNewestIsTaken) {
  write(4, "old", {4, 0, {}});
  write(12, "new", {12, 0, {}});
  std::ofstream(folder_ + "/generations/marks.json") << "{";
  const auto remembered = load_generations(folder_);
  EXPECT_EQ(remembered.marks.accepted, 12u);
  EXPECT_TRUE(remembered.accepted);
  EXPECT_NE(remembered.warning.find("marks.json"), std::string::npos);
}

TEST_F(GenerationsTest, OnlyTheNewestAreKeptAndThoseThatAreMarked) {
  for (uint64_t number = 1; number <= kGenerationsKept + 5; ++number)
    ASSERT_TRUE(write_configuration(folder_, number, config("web")));
  ASSERT_TRUE(write_marks(folder_, {1, 2, {"l7"}}));
  for (const uint64_t kept : {uint64_t{1}, uint64_t{2}, uint64_t{6}, uint64_t{kGenerationsKept + 5}})
    EXPECT_TRUE(fs::exists(generation_path(folder_, kept))) << kept;
  for (const uint64_t gone : {3u, 5u}) EXPECT_FALSE(fs::exists(generation_path(folder_, gone))) << gone;
}

}  // namespace
}  // namespace cardea::mgmt
