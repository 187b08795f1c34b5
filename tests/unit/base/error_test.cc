#include "base/error.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "base/file_descriptor.h"

namespace cardea {
namespace {

TEST(Error, CarriesOriginRetryAndContext) {
  Result<int> result = fail("no such file", Origin::kOperator, Retry::kSafe);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().origin, Origin::kOperator);
  EXPECT_EQ(result.error().retry, Retry::kSafe);
  const Error outer = std::move(result.error()).in("load cardea.cfg").in("start");
  EXPECT_EQ(outer.message, "start: load cardea.cfg: no such file");
  EXPECT_EQ(outer.origin, Origin::kOperator);
}

TEST(Error, ErrnoHasWords) {
  EXPECT_EQ(fail_errno("open x", EACCES).error().message, "open x: Permission denied");
  errno = ENOENT;
  EXPECT_EQ(fail_errno("open x").error().message, "open x: No such file or directory");
}

TEST(CheckDeathTest, EndsTheProcessAndSaysWhy) {
  const int two = 2;
  CHECK(two == 2);
  EXPECT_DEATH(CHECK(two == 3), "error_test.cc:[0-9]+: CHECK.two == 3. failed\n");
  EXPECT_DEATH(CHECK(two == 3, "arithmetic"), "failed: arithmetic");
}

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(FileDescriptor, ClosesOnceAndMoves) {
  EXPECT_FALSE(FileDescriptor());
  const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  FileDescriptor first(number);
  FileDescriptor second(std::move(first));
  EXPECT_TRUE(is_open(number));
  FileDescriptor third(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int replaced = third.get();
  third = std::move(second);
  EXPECT_FALSE(is_open(replaced));
  EXPECT_EQ(third.get(), number);
  errno = 77;
  third.close();
  EXPECT_EQ(errno, 77);
  EXPECT_FALSE(is_open(number));
  EXPECT_FALSE(third);
}

TEST(FileDescriptor, ReleaseGivesItAway) {
  FileDescriptor file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = file.release();
  EXPECT_FALSE(file);
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

}  // namespace
}  // namespace cardea
