// What ends a worker's sleep, and what must not keep it from sleeping. Lower limits of time only: how soon it wakes is
// for a bench to say.
#include "dataplane/port/sleeper.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

namespace cardea::dataplane {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
constexpr auto kLong = 60s;  // a test that waits for it has failed

struct Pair {
  Pair() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    near = FileDescriptor(ends[0]), far = FileDescriptor(ends[1]);
  }
  FileDescriptor near, far;
};

Port port_of(int fd) {
  Port port;
  port.wake = Wake::kDescriptor;
  port.queue_fds = {fd};
  return port;
}

Sleeper sleeper_of(const std::vector<QueueOfPort>& queues, Doorbell& bell) {
  auto sleeper = Sleeper::create(queues, bell);
  EXPECT_TRUE(sleeper.has_value());
  return std::move(*sleeper);
}

bool sleeps_for(Sleeper& sleeper, std::chrono::milliseconds time) {
  const auto from = Clock::now();
  sleeper.sleep(time);
  return Clock::now() - from >= time;
}

TEST(Sleeper, SleepsUntilTheTimeIsOver) {
  Doorbell bell;
  Pair pair;
  const Port port = port_of(pair.near.get());
  Sleeper sleeper = sleeper_of({{&port, 0}}, bell);
  EXPECT_TRUE(sleeps_for(sleeper, 20ms));
}

TEST(Sleeper, WakesForAPacketAndAsLongAsItIsThere) {
  Doorbell bell;
  Pair pair;
  const Port port = port_of(pair.near.get());
  Sleeper sleeper = sleeper_of({{&port, 0}}, bell);
  auto asleep = std::async(std::launch::async, [&] { sleeper.sleep(kLong); });
  ASSERT_EQ(::send(pair.far.get(), "x", 1, 0), 1);
  asleep.get();
  sleeper.sleep(kLong);  // at once
  char byte;
  ASSERT_EQ(::recv(pair.near.get(), &byte, 1, 0), 1);
  EXPECT_TRUE(sleeps_for(sleeper, 20ms));
}

TEST(Sleeper, WakesForItsBellOnce) {
  Doorbell bell;
  Sleeper sleeper = sleeper_of({}, bell);
  bell.arm();
  auto asleep = std::async(std::launch::async, [&] { sleeper.sleep(kLong); });
  bell.ring();
  asleep.get();
  EXPECT_TRUE(sleeps_for(sleeper, 20ms)) << "the bell is quiet again";
}

TEST(Sleeper, ABellThatNobodyArmedIsNotHeard) {
  Doorbell bell;
  Sleeper sleeper = sleeper_of({}, bell);
  bell.ring();
  EXPECT_TRUE(sleeps_for(sleeper, 20ms));
  bell.arm();
  bell.disarm();
  bell.ring();
  EXPECT_TRUE(sleeps_for(sleeper, 20ms));
}

// The regression: an interface set down left an error on its socket, and the worker never slept again.
TEST(Sleeper, AnErrorWakesItOnce) {
  Doorbell bell;
  FileDescriptor taken(::socket(AF_INET, SOCK_DGRAM, 0)), socket(::socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in nobody{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof nobody;
  auto* address = reinterpret_cast<sockaddr*>(&nobody);
  ASSERT_EQ(::bind(taken.get(), address, size), 0);
  ASSERT_EQ(::getsockname(taken.get(), address, &size), 0);
  taken = FileDescriptor();  // a port where nobody listens
  ASSERT_EQ(::connect(socket.get(), address, size), 0);
  ASSERT_EQ(::send(socket.get(), "x", 1, 0), 1);
  pollfd refused{.fd = socket.get(), .events = 0, .revents = 0};
  ASSERT_EQ(::poll(&refused, 1, 5000), 1) << "the kernel refuses it";
  const Port port = port_of(socket.get());
  Sleeper sleeper = sleeper_of({{&port, 0}}, bell);
  sleeper.sleep(kLong);
  EXPECT_TRUE(sleeps_for(sleeper, 20ms));
}

TEST(Sleeper, NapsWhereADeviceCannotTell) {
  Doorbell bell;
  Port port;
  port.wake = Wake::kNap;
  Sleeper sleeper = sleeper_of({{&port, 0}}, bell);
  sleeper.sleep(kLong);
}

}  // namespace
}  // namespace cardea::dataplane
