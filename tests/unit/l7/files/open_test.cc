// Opening below a folder: what is there, and every way out of it.
#include "l7/files/open.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "tests/unit/base/scratch_folder.h"

namespace cardea::l7::files {
namespace {

struct OpenTest : testing::Test {
  OpenTest() {
    ::mkdir(root.c_str(), 0755);
    ::mkdir((root + "/sub").c_str(), 0755);
    write(root + "/a.txt", "hello");
    write(folder.file("secret"), "secret");
  }
  static void write(const std::string& path, std::string_view text) { std::ofstream(path) << text; }
  std::expected<Opened, int> open(const char* name) { return open_beneath(root.c_str(), name, Wait::kYes); }
  int refusal(const char* name) {
    const auto opened = open(name);
    return opened ? 0 : opened.error();
  }
  void link(const std::string& to, const char* name) {
    ASSERT_EQ(::symlink(to.c_str(), (root + "/" + name).c_str()), 0);
  }

  ScratchFolder folder;
  const std::string root = folder.file("root");
};

TEST_F(OpenTest, AFileHasItsSizeAndItsTime) {
  const auto opened = open("a.txt");
  ASSERT_TRUE(opened);
  struct stat status;
  ASSERT_EQ(::stat((root + "/a.txt").c_str(), &status), 0);
  EXPECT_EQ(opened->size, 5u);
  EXPECT_EQ(opened->modified_ns / 1'000'000'000, status.st_mtim.tv_sec);
  EXPECT_FALSE(opened->is_folder);
  char text[8];
  EXPECT_EQ(read_at(opened->fd.get(), text, sizeof text, 1, Wait::kYes), 4u);
  EXPECT_EQ(std::string_view(text, 4), "ello");
  EXPECT_EQ(read_at(opened->fd.get(), text, sizeof text, 5, Wait::kYes), 0u);
}

TEST_F(OpenTest, FoldersAreToldApart) {
  EXPECT_TRUE(open("sub")->is_folder);
  EXPECT_TRUE(open("")->is_folder);
}

TEST_F(OpenTest, NoWayLeadsOut) {
  link("../secret", "up");
  link(folder.file("secret"), "absolute");
  link("/proc/self/fd/0", "magic");
  for (const char* name : {"../secret", "sub/../../secret", "up", "absolute", "/etc/passwd", "magic"})
    EXPECT_EQ(refusal(name), EXDEV) << name;
}

TEST_F(OpenTest, LinksThatStayBelowAreFollowedAndTheRootMayBeOne) {
  link("a.txt", "b.txt");
  EXPECT_EQ(open("b.txt")->size, 5u);
  const std::string current = folder.file("current");
  ASSERT_EQ(::symlink("root", current.c_str()), 0);
  EXPECT_EQ(open_beneath(current.c_str(), "a.txt", Wait::kYes)->size, 5u);
}

TEST_F(OpenTest, WhatIsNoFileIsAbsentAndNobodyWaitsForIt) {
  ASSERT_EQ(::mkfifo((root + "/fifo").c_str(), 0644), 0);
  EXPECT_EQ(refusal("fifo"), ENOENT);
  EXPECT_EQ(refusal("none"), ENOENT);
  EXPECT_EQ(refusal("a.txt/x"), ENOTDIR);
  EXPECT_EQ(refusal(std::string(300, 'n').c_str()), ENAMETOOLONG);
}

// Names that were just looked up are in memory, and so are pages that were just written.
TEST_F(OpenTest, WhatIsInMemoryIsHadWithoutWaiting) {
  ASSERT_TRUE(open("a.txt"));
  const auto opened = open_beneath(root.c_str(), "a.txt", Wait::kNo);
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ(opened->size, 5u);
  char text[8];
  EXPECT_EQ(read_at(opened->fd.get(), text, sizeof text, 0, Wait::kNo), 5u);
}

TEST_F(OpenTest, AFileSystemInMemoryIsNotWaitedFor) {
  const FileDescriptor file(::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_TRUE(file);
  ASSERT_EQ(::write(file.get(), "hello", 5), 5);
  char text[8];
  EXPECT_EQ(read_at(file.get(), text, sizeof text, 0, Wait::kNo), 5u);
}

}  // namespace
}  // namespace cardea::l7::files
