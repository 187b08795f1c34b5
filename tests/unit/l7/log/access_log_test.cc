#include "l7/log/access_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/file_descriptor.h"
#include "l7/log/byte_ring.h"
#include "tests/unit/base/scratch_folder.h"

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(ByteRing, TakesWholeLinesOrNothing) {
  ByteRing ring(16);
  EXPECT_TRUE(ring.put("0123456789\n"));
  EXPECT_FALSE(ring.put("abcdef\n"));
  EXPECT_TRUE(ring.put("abc\n"));
  EXPECT_EQ(ring.front(), "0123456789\nabc\n");
  ring.take(11);
  EXPECT_TRUE(ring.put("0123456\n"));  // around the end
  std::string all;
  while (ring.size() > 0) {
    all += ring.front();
    ring.take(ring.front().size());
  }
  EXPECT_EQ(all, "abc\n0123456\n");
}

TEST(AccessLog, WritesWhatEveryShardPutInOrder) {
  ScratchFolder folder;
  const std::string path = folder.file("access.log");
  {
    auto log = AccessLog::open(path, 2, 1 << 20).value();
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(log->put(0, "a " + std::to_string(i) + "\n"));
      ASSERT_TRUE(log->put(1, "b " + std::to_string(i) + "\n"));
    }
  }
  std::istringstream lines(content(path));
  int next_a = 0, next_b = 0;
  for (std::string line; std::getline(lines, line);) {
    int& next = line[0] == 'a' ? next_a : next_b;
    EXPECT_EQ(line.substr(2), std::to_string(next++));
  }
  EXPECT_EQ(next_a, 1000);
  EXPECT_EQ(next_b, 1000);
}

TEST(AccessLog, OpensAnotherFileBetweenLines) {
  ScratchFolder folder;
  const std::string path = folder.file("access.log");
  auto log = AccessLog::open(path, 1, 4096).value();
  ASSERT_TRUE(log->put(0, "before\n"));
  while (content(path).empty()) std::this_thread::yield();
  std::filesystem::rename(path, folder.file("access.log.1"));
  ASSERT_TRUE(log->reopen(path).has_value());
  ASSERT_TRUE(log->put(0, "after\n"));
  log.reset();
  EXPECT_EQ(content(folder.file("access.log.1")), "before\n");
  EXPECT_EQ(content(path), "after\n");
}

TEST(AccessLog, AnUnusableTargetLeavesItAsItWas) {
  ScratchFolder folder;
  EXPECT_FALSE(AccessLog::open(folder.file("no/such/folder.log"), 1, 4096).has_value());
  const std::string path = folder.file("access.log");
  auto log = AccessLog::open(path, 1, 4096).value();
  EXPECT_FALSE(log->reopen(folder.file("no/such/folder.log")).has_value());
  ASSERT_TRUE(log->put(0, "still here\n"));
  log.reset();
  EXPECT_EQ(content(path), "still here\n");
}

// A FIFO that nobody reads: the shard is told that there is no room and goes on, and the end does not wait for ever.
TEST(AccessLog, AStalledTargetStopsNobody) {
  ScratchFolder folder;
  const std::string path = folder.file("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto log = AccessLog::open(path, 1, 4096).value();
  const std::string line = std::string(99, 'x') + '\n';
  size_t dropped = 0;
  for (int i = 0; i < 10'000; ++i) dropped += log->put(0, line) ? 0 : 1;
  EXPECT_GT(dropped, 0u);
  const Instant began = monotonic_now();
  log.reset();
  EXPECT_LT(monotonic_now() - began, 30s);
}

// Its reader is away in the middle of a line: what is left of that line is no line of the next file.
TEST(AccessLog, AnotherFileBeginsWithAWholeLine) {
  ScratchFolder folder;
  const std::string path = folder.file("fifo"), next = folder.file("access.log");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto log = AccessLog::open(path, 1, 1 << 20).value();
  const FileDescriptor reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const std::string line = std::string(40'000, 'x') + "y\n";  // a FIFO takes 64 KB
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(log->put(0, line));
  int held = 0;
  while (::ioctl(reader.get(), FIONREAD, &held) == 0 && size_t(held) <= line.size()) std::this_thread::yield();
  ASSERT_LT(size_t(held), 2 * line.size());
  ASSERT_TRUE(log->reopen(next).has_value());
  log.reset();
  const std::string written = content(next);
  EXPECT_TRUE(written == line + line + line) << written.size() << ": the cut one is lost, and no other";
}

TEST(AccessLog, ATargetMayComeAndGo) {
  ScratchFolder folder;
  const std::string path = folder.file("access.log");
  auto log = AccessLog::open("", 1, 4096).value();
  ASSERT_TRUE(log->reopen(path).has_value());
  EXPECT_TRUE(log->enabled());
  ASSERT_TRUE(log->put(0, "line\n"));
  while (content(path).empty()) std::this_thread::yield();
  ASSERT_TRUE(log->reopen("").has_value());
  EXPECT_FALSE(log->enabled());
  ASSERT_TRUE(log->put(0, "unheard\n"));
  log.reset();
  EXPECT_EQ(content(path), "line\n");
}

// One shard puts lines faster than they can be written, for as long as it takes.
TEST(AccessLog, ALoudShardKeepsNoOtherWaiting) {
  ScratchFolder folder;
  const std::string path = folder.file("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto log = AccessLog::open(path, 2, 1 << 20).value();
  const FileDescriptor reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string loud = std::string(998, 'x') + '\n';
  while (log->put(0, loud)) {
  }
  std::jthread shard([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) log->put(0, loud);
  });
  ASSERT_TRUE(log->put(1, "quiet\n"));
  std::string text;
  std::array<char, 16384> some;
  while (text.find("\nquiet\n") == text.npos && text.size() < (32u << 20)) {
    const ssize_t got = ::read(reader.get(), some.data(), some.size());
    ASSERT_GT(got, 0);
    text.append(some.data(), size_t(got));
  }
  EXPECT_NE(text.find("\nquiet\n"), text.npos) << "a line of its own, within the first megabytes";
  shard.request_stop();
  shard.join();
  std::jthread drain([&] {
    while (::read(reader.get(), some.data(), some.size()) > 0) {
    }
  });
  log.reset();
}

TEST(AccessLog, WithoutATargetLinesGoNowhere) {
  auto log = AccessLog::open("", 1, 4096).value();
  EXPECT_FALSE(log->enabled());
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(log->put(0, "a line that is dropped, and not for want of room\n"));
}

}  // namespace
}  // namespace cardea::l7
