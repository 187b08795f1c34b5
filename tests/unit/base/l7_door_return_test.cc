#include "base/l7_door_return.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/file_descriptor.h"

namespace cardea {
namespace {

TEST(L7DoorReturn, WhoEndsWithoutAWordDoesNotComeBack) {
  for (const bool says : {false, true}) {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    FileDescriptor dataplane(fds[0]), l7(fds[1]);
    if (says) say_that_it_comes_back(l7.get());
    l7.close();
    EXPECT_EQ(comes_back(dataplane.get()), says);
  }
}

}  // namespace
}  // namespace cardea
