#include "mgmt/api/connection.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace cardea::mgmt::api {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Pair {
  FileDescriptor client, ending{::eventfd(0, EFD_CLOEXEC)};
  std::unique_ptr<Connection> server;

  explicit Pair(const Patience& patience) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    client = FileDescriptor(ends[0]);
    server = std::make_unique<Connection>(FileDescriptor(ends[1]), ending.get(), patience);
  }
  void say(const std::string& words) { ::send(client.get(), words.data(), words.size(), MSG_NOSIGNAL | MSG_DONTWAIT); }

  // All that can be read, and how the reading ended.
  std::string heard;
  ssize_t read_all() {
    for (char byte;;) {
      const ssize_t got = server->read(&byte, 1);
      if (got <= 0) return got;
      heard += byte;
    }
  }
};

TEST(Connection, HandsOverWhatWasSaidUntilTheClientCloses) {
  Pair pair({});
  pair.say("GET /");
  ::shutdown(pair.client.get(), SHUT_WR);
  EXPECT_EQ(pair.read_all(), 0);
  EXPECT_EQ(pair.heard, "GET /");
}

TEST(Connection, ASilentClientHasItsTimeAndNoMore) {
  Pair pair({.request = milliseconds(50)});
  const auto began = Clock::now();
  EXPECT_LT(pair.read_all(), 0);
  EXPECT_GE(Clock::now() - began, milliseconds(50));
}

TEST(Connection, EveryByteIsPartOfTheSameTime) {
  Pair pair({.request = milliseconds(100)});
  std::jthread drip([&](std::stop_token stop) {
    for (int i = 0; i < 1000 && !stop.stop_requested(); ++i) {
      pair.say("x");
      std::this_thread::sleep_for(milliseconds(5));
    }
    ::shutdown(pair.client.get(), SHUT_WR);
  });
  EXPECT_LT(pair.read_all(), 0) << "it was given up before the client came to its end";
}

TEST(Connection, ARequestHasAnEnd) {
  Pair pair({.request_bytes_max = 10'000});
  pair.say(std::string(100'000, 'a'));
  EXPECT_LT(pair.read_all(), 0);
  EXPECT_LE(pair.heard.size(), 10'000u + 4096);
}

TEST(Connection, TheEndOfTheServerIsNotWaitedFor) {
  Pair pair({.request = std::chrono::minutes(1)});
  const uint64_t one = 1;
  ASSERT_EQ(::write(pair.ending.get(), &one, sizeof one), ssize_t(sizeof one));
  EXPECT_LT(pair.read_all(), 0);
}

TEST(Connection, WhoDoesNotTakeTheAnswerLosesIt) {
  Pair pair({.answer = milliseconds(50)});
  const std::string much(1 << 20, 'a');
  ssize_t sent = 0;
  while (sent >= 0) sent = pair.server->write(much.data(), much.size());
  EXPECT_LT(sent, 0);
}

}  // namespace
}  // namespace cardea::mgmt::api
