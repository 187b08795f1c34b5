// Files kept open: the same one for as long as its name leads to it and it stays what it was, closed when nobody asks.
#include "l7/files/kept.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/unit/base/scratch_folder.h"

namespace cardea::l7::files {
namespace {

struct KeptTest : testing::Test {
  KeptTest() {
    std::filesystem::create_directories(folder.file("one/sub"));
    std::filesystem::create_directories(folder.file("two/sub"));
    std::filesystem::create_symlink(folder.file("one"), root);
    for (const char* name : {"one/sub/a", "one/b", "two/sub/a", "two/b"}) write(name, name);
  }
  void write(const std::string& name, std::string_view text) { std::ofstream(folder.file(name)) << text; }
  void move(const std::string& from, const std::string& to) {
    std::filesystem::rename(folder.file(from), folder.file(to));
  }
  Kept::File keep(const char* name) {
    auto opened = open_beneath(root.c_str(), name, Wait::kYes);
    auto file = std::make_shared<const Opened>(std::move(opened).value());
    kept.keep(root, name, file);
    return file;
  }
  bool has(const char* name) { return kept.find(root, name).has_value(); }

  ScratchFolder folder;
  const std::string root = folder.file("current");
  std::unique_ptr<Loop> loop = std::move(Loop::create(Loop::Clock::kManual)).value();
  Kept kept{*loop, 3};
};

TEST_F(KeptTest, WhatIsUnchangedIsTheSame) {
  const Kept::File file = keep("sub/a");
  EXPECT_FALSE(has("b"));
  EXPECT_FALSE(kept.find(root + "/sub", "a"));
  EXPECT_EQ(kept.find(root, "sub/a"), file);
}

TEST_F(KeptTest, AMovedLinkAboveItIsSeen) {
  keep("sub/a");
  std::filesystem::create_symlink(folder.file("two"), folder.file("next"));
  move("next", "current");
  EXPECT_FALSE(has("sub/a"));
  EXPECT_EQ(kept.size(), 0u);
}

TEST_F(KeptTest, AnotherFileUnderItsNameIsSeen) {
  keep("b");
  move("two/b", "one/b");
  EXPECT_FALSE(has("b"));
}

TEST_F(KeptTest, OtherContentIsSeen) {
  keep("b");
  write("one/b", "longer than before");
  EXPECT_FALSE(has("b"));
}

TEST_F(KeptTest, OtherRightsAreSeen) {
  keep("b");
  ::usleep(10'000);  // the kernel's clock for files has ticks
  ::chmod(folder.file("one/b").c_str(), 0600);
  EXPECT_FALSE(has("b"));
}

TEST_F(KeptTest, ARemovedOneIsSeenAndWhoHoldsItReadsOn) {
  const Kept::File file = keep("b");
  std::filesystem::remove(folder.file("one/b"));
  EXPECT_FALSE(has("b"));
  char text[16];
  EXPECT_EQ(read_at(file->fd.get(), text, sizeof text, 0, Wait::kYes), 5u);
}

TEST_F(KeptTest, ThatThereIsNoneIsKnownUntilThereIsOne) {
  kept.keep(root, "b.gz", nullptr);
  const auto known = kept.find(root, "b.gz");
  ASSERT_TRUE(known);
  EXPECT_EQ(*known, nullptr);
  write("one/b.gz", "gz");
  EXPECT_FALSE(has("b.gz"));
}

TEST_F(KeptTest, FoldersAndLongNamesAreNotKept) {
  keep("sub");
  kept.keep(root, std::string(Kept::kNameMax + 1, 'n'), nullptr);
  EXPECT_EQ(kept.size(), 0u);
  kept.keep(root, std::string(Kept::kNameMax, 'n'), nullptr);
  EXPECT_EQ(kept.size(), 1u);
}

TEST_F(KeptTest, WhatWasAskedForLongestAgoGivesWay) {
  for (const char* name : {"x", "y", "z"}) kept.keep(root, name, nullptr);
  EXPECT_TRUE(has("x"));
  kept.keep(root, "w", nullptr);
  EXPECT_EQ(kept.size(), 3u);
  EXPECT_TRUE(has("x"));
  EXPECT_FALSE(has("y"));
}

TEST_F(KeptTest, TheSameNameIsKeptOnce) {
  keep("b");
  const Kept::File second = keep("b");
  EXPECT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept.find(root, "b"), second);
}

TEST_F(KeptTest, WhatNobodyAsksForIsClosed) {
  keep("b");
  loop->advance(std::chrono::seconds(6));
  keep("sub/a");
  loop->advance(std::chrono::seconds(5));
  EXPECT_EQ(kept.size(), 1u);
  EXPECT_TRUE(has("sub/a"));
  loop->advance(std::chrono::seconds(11));
  EXPECT_EQ(kept.size(), 0u);
  keep("b");
  loop->advance(std::chrono::seconds(11));
  EXPECT_EQ(kept.size(), 0u);
}

}  // namespace
}  // namespace cardea::l7::files
