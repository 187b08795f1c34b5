// Who changed what: what is kept, how much of it, and what becomes of it where the disk is full.
#include "mgmt/api/audit.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/base/scratch_folder.h"

namespace cardea::mgmt::api {
namespace {

struct AuditTest : testing::Test {
  Change change(const std::string& of) const {
    return {.by = {.pid = 7, .user = 0, .group = 0}, .action = "purge", .of = of, .status = 200, .error = {}};
  }
  std::string file() const { return folder.file("audit.log"); }
  ScratchFolder folder;
  Audit audit{std::filesystem::path(folder.file("x")).parent_path()};
};

TEST_F(AuditTest, ALineForEachTheNewestFirst) {
  EXPECT_TRUE(audit.last(10).empty());
  for (int i = 0; i < 5; ++i) audit.note(change(std::to_string(i)));
  const auto last = audit.last(3);
  ASSERT_EQ(last.size(), 3u);
  EXPECT_EQ(last[0]["of"], "4");
  EXPECT_EQ(last[2]["of"], "2");
  EXPECT_EQ(last[0]["user"], "root");
  EXPECT_EQ(last[0]["pid"], 7);
  EXPECT_TRUE(last[0]["error"].is_null());
  struct stat found{};
  ASSERT_EQ(::stat(file().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0640u & ~022u) << "nobody else's to read";
}

TEST_F(AuditTest, WhatIsQuotedIsCutAndCannotBreakALine) {
  audit.note(change("a\nb\"" + std::string(5000, 'x') + "\xff"));
  const auto last = audit.last(1);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0]["of"].get<std::string>().size(), Audit::kTextMax);
  EXPECT_TRUE(last[0]["of"].get<std::string>().starts_with("a\nb\"x"));
}

TEST_F(AuditTest, TheFileHasABoundAndTheOneBeforeIsKept) {
  const std::string large(Audit::kTextMax, 'x');
  for (size_t i = 0; i < 3 * Audit::kBytesMax / Audit::kTextMax; ++i) audit.note(change(std::to_string(i) + large));
  EXPECT_LE(std::filesystem::file_size(file()), Audit::kBytesMax);
  EXPECT_LE(std::filesystem::file_size(file() + ".1"), Audit::kBytesMax);
  const auto last = audit.last(100'000);
  EXPECT_GT(last.size(), Audit::kBytesMax / 700) << "those of the file before, too";
  EXPECT_TRUE(last.front()["of"].get<std::string>().starts_with(std::to_string(3 * Audit::kBytesMax / Audit::kTextMax - 1) + "x"));
}

TEST_F(AuditTest, AnErrorIsCutAsWell) {
  Change refused = change("x");
  refused.error = std::string(60'000, 'k');
  audit.note(refused);
  EXPECT_EQ(audit.last(1)[0]["error"].get<std::string>().size(), Audit::kTextMax);
  EXPECT_LT(std::filesystem::file_size(file()), 1024u);
}

// The folder is its group's to write into.
TEST_F(AuditTest, WhatAnotherPutInItsPlaceIsNeitherWaitedForNorFollowed) {
  ASSERT_EQ(::mkfifo(file().c_str(), 0666), 0);
  audit.note(change("1"));
  EXPECT_TRUE(audit.last(10).empty());
  std::filesystem::remove(file());
  std::filesystem::create_symlink(folder.file("elsewhere"), file());
  audit.note(change("2"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("elsewhere")));
  EXPECT_TRUE(audit.last(10).empty());
}

TEST_F(AuditTest, HalfALineIsNone) {
  audit.note(change("1"));
  std::ofstream(file(), std::ios::app) << "{\"ts\": \"20";
  EXPECT_EQ(audit.last(10).size(), 1u);
  audit.note(change("2"));
  EXPECT_EQ(audit.last(10).size(), 2u);
}

}  // namespace
}  // namespace cardea::mgmt::api
