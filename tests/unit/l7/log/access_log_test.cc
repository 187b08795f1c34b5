#include "l7/log/access_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <regex>
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

LogTarget at(const std::string& path) {
  return parse_log_target(path).value();
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
    auto log = AccessLog::open(at(path), 2, 1 << 20).value();
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
  auto log = AccessLog::open(at(path), 1, 4096).value();
  ASSERT_TRUE(log->put(0, "before\n"));
  while (content(path).empty()) std::this_thread::yield();
  std::filesystem::rename(path, folder.file("access.log.1"));
  ASSERT_TRUE(log->reopen().has_value());
  ASSERT_TRUE(log->put(0, "after\n"));
  log.reset();
  EXPECT_EQ(content(folder.file("access.log.1")), "before\n");
  EXPECT_EQ(content(path), "after\n");
}

TEST(AccessLog, AnUnusableTargetLeavesItAsItWas) {
  ScratchFolder folder;
  EXPECT_FALSE(AccessLog::open(at(folder.file("no/such/folder.log")), 1, 4096).has_value());
  const std::string path = folder.file("access.log");
  auto log = AccessLog::open(at(path), 1, 4096).value();
  std::filesystem::rename(path, folder.file("access.log.1"));
  std::filesystem::create_directory(path);
  EXPECT_FALSE(log->reopen().has_value());
  ASSERT_TRUE(log->put(0, "still here\n"));
  log.reset();
  EXPECT_EQ(content(folder.file("access.log.1")), "still here\n");
}

// A FIFO that nobody reads: the shard is told that there is no room and goes on, and the end does not wait for ever.
TEST(AccessLog, AStalledTargetStopsNobody) {
  ScratchFolder folder;
  const std::string path = folder.file("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto log = AccessLog::open(at(path), 1, 4096).value();
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
  const std::string path = folder.file("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto log = AccessLog::open(at(path), 1, 1 << 20).value();
  const FileDescriptor reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const std::string line = std::string(40'000, 'x') + "y\n";  // a FIFO takes 64 KB
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(log->put(0, line));
  int held = 0;
  while (::ioctl(reader.get(), FIONREAD, &held) == 0 && size_t(held) <= line.size()) std::this_thread::yield();
  ASSERT_LT(size_t(held), 2 * line.size());
  std::filesystem::remove(path);
  ASSERT_TRUE(log->reopen().has_value());
  log.reset();
  const std::string written = content(path);
  EXPECT_TRUE(written == line + line + line) << written.size() << ": the cut one is lost, and no other";
}

// One shard puts lines faster than they can be written, for as long as it takes.
TEST(AccessLog, ALoudShardKeepsNoOtherWaiting) {
  ScratchFolder folder;
  const std::string path = folder.file("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto log = AccessLog::open(at(path), 2, 1 << 20).value();
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

TEST(AccessLog, AFileIsRotatedByItsSizeAtTheEndOfALine) {
  ScratchFolder folder;
  const std::string path = folder.file("access.log");
  LogTarget target = at(path);
  target.rotate_bytes = 100, target.rotate_keep = 2;
  std::ofstream(path) << std::string(70, 'o') << '\n';  // from before the start
  for (const char c : {'a', 'b', 'c'}) {
    auto log = AccessLog::open(target, 1, 4096).value();
    ASSERT_TRUE(log->put(0, std::string(120, c) + '\n'));
  }
  EXPECT_EQ(content(path), "");
  EXPECT_EQ(content(path + ".1"), std::string(120, 'c') + '\n');
  EXPECT_EQ(content(path + ".2"), std::string(120, 'b') + '\n');
  EXPECT_FALSE(std::filesystem::exists(path + ".3")) << "two are kept";
}

TEST(ByteRing, ALineIsWholeThoughTheRingsEndPartsIt) {
  ByteRing ring(16);
  std::string scratch;
  ASSERT_TRUE(ring.put("0123456789\n"));
  ring.take(11);
  ASSERT_TRUE(ring.put("abcdefghij\n"));
  EXPECT_EQ(ring.line(scratch), "abcdefghij\n");
  ring.take(11);
  ASSERT_TRUE(ring.put("x\n"));
  ASSERT_TRUE(ring.put("y\n"));
  EXPECT_EQ(ring.line(scratch), "x\n");
}

// ------------------------------------------------------------------ datagrams

// Somebody who listens on a socket of datagrams.
class Listener {
 public:
  explicit Listener(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  Listener() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  std::string target() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return "syslog:127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  std::string next() {  // waited for
    std::string text(65536, '\0');
    const ssize_t got = ::recv(socket_.get(), text.data(), text.size(), 0);
    text.resize(got < 0 ? 0 : size_t(got));
    return text;
  }

 private:
  FileDescriptor socket_;
};

const char* const kMessage =
    "<134>1 \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z \\S+ cardea-l7 \\d+ access - ";

TEST(AccessLog, SyslogGetsAMessageForEachLine) {
  Listener listener;
  auto log = AccessLog::open(at(listener.target()), 1, 4096).value();
  ASSERT_TRUE(log->put(0, "first\n"));
  ASSERT_TRUE(log->put(0, "second line\n"));
  for (const std::string line : {"first", "second line"}) {
    const std::string text = listener.next();
    EXPECT_TRUE(std::regex_match(text, std::regex(kMessage + line))) << text;
  }
  EXPECT_EQ(log->lost(), 0u);
}

// Nobody is there when it starts, then somebody, then another.
TEST(AccessLog, LinesWaitForWhoListensOnAUnixSocket) {
  ScratchFolder folder;
  const std::string path = folder.file("log.sock");
  auto log = AccessLog::open(at("syslog:" + path), 1, 1 << 16).value();
  ASSERT_TRUE(log->put(0, "early\n"));
  {
    Listener listener(path);
    EXPECT_THAT(listener.next(), testing::EndsWith(" access - early"));
  }
  std::filesystem::remove(path);
  ASSERT_TRUE(log->put(0, "meanwhile\n"));
  Listener other(path);
  EXPECT_THAT(other.next(), testing::EndsWith(" access - meanwhile"));
}

TEST(AccessLog, JournaldIsSpokenToInItsProtocol) {
  ScratchFolder folder;
  LogTarget target = at("journald");
  target.path = folder.file("journal.sock");
  Listener listener(target.path);
  auto log = AccessLog::open(target, 1, 4096).value();
  ASSERT_TRUE(log->put(0, "a line\n"));
  EXPECT_EQ(listener.next(), "SYSLOG_IDENTIFIER=cardea-l7\nPRIORITY=6\nMESSAGE=a line\n");
}

// A reader that is there and reads nothing: what it does not take waits, and no shard does.
TEST(AccessLog, ASilentReaderOfDatagramsStopsNobody) {
  ScratchFolder folder;
  const std::string path = folder.file("log.sock");
  const Listener listener(path);
  auto log = AccessLog::open(at("syslog:" + path), 1, 4096).value();
  const std::string line = std::string(99, 'x') + '\n';
  size_t dropped = 0;
  for (int i = 0; i < 1'000'000 && dropped == 0; ++i) dropped += log->put(0, line) ? 0 : 1;
  EXPECT_GT(dropped, 0u);
}

TEST(AccessLog, WhatNobodyHearsIsCounted) {
  std::string target;
  {
    target = Listener().target();
  }
  auto log = AccessLog::open(at(target), 1, 4096).value();
  while (log->lost() == 0) log->put(0, "unheard\n"), std::this_thread::yield();
}

}  // namespace
}  // namespace cardea::l7
