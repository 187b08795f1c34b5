// What the service manager hears: a real datagram socket in its place.
#include "base/systemd.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/file_descriptor.h"
#include "tests/unit/base/scratch_folder.h"

namespace cardea::systemd {
namespace {

using namespace std::chrono_literals;

// Listens where NOTIFY_SOCKET says, and takes the variable away again.
struct NotifySocket {
  explicit NotifySocket(const std::string& name) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = socklen_t(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~NotifySocket() { ::unsetenv("NOTIFY_SOCKET"); }

  std::string heard() {
    std::array<char, 512> text;
    const auto size = ::recv(socket.get(), text.data(), text.size(), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(text.data(), size_t(size));
  }

  FileDescriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST(Systemd, IsToldOfTheStartAndTheEnd) {
  const ScratchFolder folder;
  NotifySocket heard_by(folder.file("notify"));
  ready("forwarding by plan 7");
  EXPECT_EQ(heard_by.heard(), "READY=1\nSTATUS=forwarding by plan 7\n");
  status("waiting");
  EXPECT_EQ(heard_by.heard(), "STATUS=waiting\n");
  stopping();
  EXPECT_EQ(heard_by.heard(), "STOPPING=1\n");
  succeeded_by(4711);
  EXPECT_EQ(heard_by.heard(), "MAINPID=4711\n");
}

TEST(Systemd, WhatIsKnownOfItGoesFromProcessToProcessAndNothingElse) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_EQ(known(), "");
  ::setenv("WATCHDOG_PID", "1", 1);
  know("NOTIFY_SOCKET=/run/notify\nPATH=/evil\nno line\nWATCHDOG_USEC=20000000");
  EXPECT_STREQ(::getenv("NOTIFY_SOCKET"), "/run/notify");
  EXPECT_STRNE(::getenv("PATH"), "/evil");
  EXPECT_EQ(::getenv("WATCHDOG_PID"), nullptr);
  EXPECT_EQ(known(), "NOTIFY_SOCKET=/run/notify\nWATCHDOG_USEC=20000000\n");
  EXPECT_EQ(Watchdog().pause(), 5s);
  ::unsetenv("NOTIFY_SOCKET"), ::unsetenv("WATCHDOG_USEC");
}

TEST(Systemd, IsReachedByAnAbstractNameToo) {
  NotifySocket heard_by("@cardea-test-" + std::to_string(::getpid()));
  stopping();
  EXPECT_EQ(heard_by.heard(), "STOPPING=1\n");
}

TEST(Systemd, NobodyThereOrANameThatIsNoneIsNoMatter) {
  for (const std::string name : {"", "relative", "/nowhere/at/all"}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    ready("x");
  }
  ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
  ready("x");
  ::unsetenv("NOTIFY_SOCKET");
  ready("x");
}

TEST(SystemdWatchdog, IsDueFourTimesInItsTimeout) {
  const ScratchFolder folder;
  NotifySocket heard_by(folder.file("notify"));
  Watchdog watchdog(8s);
  const Instant start{100s};
  ASSERT_TRUE(watchdog.due(start)) << "at once";
  watchdog.feed(start);
  EXPECT_EQ(heard_by.heard(), "WATCHDOG=1\n");
  EXPECT_FALSE(watchdog.due(start + 1999ms));
  EXPECT_TRUE(watchdog.due(start + 2s));
}

TEST(SystemdWatchdog, IsNoneWithoutANotifySocketOrForAnotherProcess) {
  EXPECT_FALSE(Watchdog().due(Instant{100s}));
  ::setenv("WATCHDOG_USEC", "1000000", 1);
  EXPECT_TRUE(Watchdog().due(Instant{100s}));
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_TRUE(Watchdog().due(Instant{100s}));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(Watchdog().due(Instant{100s}));
  ::unsetenv("WATCHDOG_PID");
  ::unsetenv("WATCHDOG_USEC");
}

}  // namespace
}  // namespace cardea::systemd
