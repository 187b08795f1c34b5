// How fast and how fair: bulk between two stacks over a bottleneck, in the network's own time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "tests/unit/l7/tcp/invariants.h"
#include "tests/unit/l7/tcp/network.h"

namespace cardea::l7::tcp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Settings bulk_settings(uint64_t key) {
  Settings settings;
  settings.table_key = settings.isn_key = settings.timestamp_key = {key, 7};
  settings.connections = 16;
  settings.receive_window = settings.receive_window_max = 8 << 20;
  settings.send_queue_max = 8 << 20;
  settings.blocks = 16384;
  settings.segments = 32768;
  return settings;
}

// Any number of connections from left to right that send without end; who listens reads all at once.
class Bulk {
 public:
  Bulk(const Impairments& impairments, uint64_t seed)
      : left_(bulk_settings(seed), kStart),
        right_(bulk_settings(seed + 1), kStart),
        network_(left_, right_, impairments, seed, kStart) {
    EXPECT_TRUE(right_.listen({b_, 443}).has_value());
  }

  void open() { ids_.push_back(*left_.connect({a_, uint16_t(2000 + ids_.size())}, {b_, 443}, network_.now())); }

  void run(Duration time) {
    const Instant until = network_.now() + time;
    while (network_.now() < until) {
      for (const ConnectionId id : ids_) left_.write(id, source_, network_.now());
      ASSERT_TRUE(network_.step());
      read();
      check();
    }
  }

  uint64_t acknowledged(size_t which) const { return left_.find(ids_[which])->acknowledged; }
  const Connection& connection(size_t which) const { return *left_.find(ids_[which]); }
  const Counters& counters() const { return left_.counters(); }
  Network& network() { return network_; }

 private:
  void read() {
    while (left_.next_notice()) {
    }
    while (const auto notice = right_.next_notice())
      if (notice->events & kOpened) accepted_.push_back(notice->id);
    for (const ConnectionId id : accepted_)
      for (Bytes front; !(front = right_.front(id)).empty();) right_.consume(id, front.size(), network_.now());
  }
  void check() {
    for (const ConnectionId id : ids_) {
      const Connection* c = left_.find(id);
      ASSERT_TRUE(c);
      ASSERT_EQ(c->scoreboard.flight(), c->scoreboard.recount(left_.resources().segments));
    }
  }

  static constexpr Instant kStart = Instant(seconds(1000));
  const IpAddress a_ = *IpAddress::parse("192.0.2.1"), b_ = *IpAddress::parse("192.0.2.2");
  Stack left_, right_;
  Network network_;
  std::vector<ConnectionId> ids_, accepted_;
  std::vector<std::byte> source_ = std::vector<std::byte>(256 << 10, std::byte{'x'});
};

constexpr double kRate = 12'500'000;  // bytes a second: 100 Mb/s
// Of the bottleneck's bytes 1448 in 1500 are payload.
double share_of_rate(uint64_t bytes, Duration time) {
  return double(bytes) / (kRate * std::chrono::duration<double>(time).count() * 1448 / 1500);
}

TEST(Congestion, ABottleneckIsFilled) {
  Bulk bulk({.delay = milliseconds(10), .bytes_per_second = kRate, .queue = 250'000}, 1);
  bulk.open();
  bulk.run(seconds(2));
  const uint64_t before = bulk.acknowledged(0);
  bulk.run(seconds(10));
  EXPECT_GE(share_of_rate(bulk.acknowledged(0) - before, seconds(10)), 0.95);
}

// HyStart++ (RFC 9406): a queue that grows ends slow start before it overflows.
TEST(Congestion, SlowStartEndsBeforeADeepQueueOverflows) {
  Bulk bulk({.delay = milliseconds(20), .bytes_per_second = kRate, .queue = 6'000'000}, 8);
  bulk.open();
  bulk.run(seconds(3));
  EXPECT_LT(bulk.connection(0).cubic.threshold(), 6'000'000u);
  EXPECT_GE(bulk.connection(0).cubic.threshold(), 500'000u);  // a bandwidth-delay product
  EXPECT_EQ(bulk.counters().retransmitted, 0u);
}

TEST(Congestion, ATenthOfABandwidthDelayProductOfQueueIsEnoughForMostOfIt) {
  Bulk bulk({.delay = milliseconds(10), .bytes_per_second = kRate, .queue = 25'000}, 2);
  bulk.open();
  bulk.run(seconds(2));
  const uint64_t before = bulk.acknowledged(0);
  bulk.run(seconds(20));
  EXPECT_GE(share_of_rate(bulk.acknowledged(0) - before, seconds(20)), 0.7);
}

// The average window in segments at a loss rate p: CUBIC's (RFC 9438 5.1) or Reno's where that is larger.
double model(double rtt, double p) {
  return std::max(1.054 * std::pow(rtt / p, 0.75), 1.22 / std::sqrt(p));
}

// At one loss in a thousand, in segments a second.
double speed(Duration one_way, Duration time, Bulk& bulk) {
  bulk.network().set({.delay = one_way, .loss = 1, .bytes_per_second = kRate * 10, .queue = 4'000'000});
  bulk.open();
  bulk.run(time / 10);
  const uint64_t before = bulk.acknowledged(0);
  bulk.run(time);
  return double(bulk.acknowledged(0) - before) / 1448 / std::chrono::duration<double>(time).count();
}

TEST(Congestion, OnAShortWayItIsAsFastAsRenosModel) {
  Bulk bulk({}, 3);
  const double wanted = model(0.04, 0.001) / 0.04, got = speed(milliseconds(20), seconds(120), bulk);
  EXPECT_GE(got, 0.9 * wanted);
  EXPECT_LE(got, 1.5 * wanted);
  EXPECT_EQ(bulk.counters().timeouts, 0u);
}

TEST(Congestion, OnALongWayItIsAsFastAsCubicsModel) {
  Bulk bulk({}, 7);
  const double wanted = model(0.4, 0.001) / 0.4, got = speed(milliseconds(200), seconds(1000), bulk);
  EXPECT_GE(got, 0.9 * wanted);
  EXPECT_LE(got, 1.5 * wanted);
}

TEST(Congestion, ReorderingWithinAQuarterOfARoundTripCostsNothing) {
  Bulk bulk({.delay = milliseconds(10), .jitter = milliseconds(2), .bytes_per_second = kRate, .queue = 250'000}, 4);
  bulk.open();
  bulk.run(seconds(2));
  const uint64_t before = bulk.acknowledged(0);
  bulk.run(seconds(10));
  EXPECT_GE(share_of_rate(bulk.acknowledged(0) - before, seconds(10)), 0.9);
}

// Jain's index over ten seconds, after both have found their share.
TEST(Congestion, TwoShareFairly) {
  Bulk bulk({.delay = milliseconds(10), .bytes_per_second = kRate, .queue = 125'000}, 5);
  bulk.open();
  bulk.run(seconds(3));
  bulk.open();
  bulk.run(seconds(20));
  const uint64_t a = bulk.acknowledged(0), b = bulk.acknowledged(1);
  bulk.run(seconds(20));
  const auto x = double(bulk.acknowledged(0) - a), y = double(bulk.acknowledged(1) - b);
  EXPECT_GE((x + y) * (x + y) / (2 * (x * x + y * y)), 0.9) << x << " and " << y;
  EXPECT_GE(share_of_rate(uint64_t(x + y), seconds(20)), 0.9);
}

constexpr uint32_t kMss = 1000;

// What HyStart++ found before a silence ends slow start behind it, and exchanges of single segments are no rounds.
TEST(Congestion, BehindASilenceSlowStartKnowsWhereTheQueueBegan) {
  Cubic cubic;
  cubic.begin(100 * kMss);
  for (int i = 0; i < 8; i++) cubic.measured(milliseconds(20), 1, 100);
  for (int i = 0; i < 8; i++) cubic.measured(milliseconds(30), 100, 200);
  cubic.restart(seconds(1), milliseconds(300), 10 * kMss);
  EXPECT_EQ(cubic.window(), 12'500u);
  EXPECT_EQ(cubic.threshold(), 100 * kMss);
  for (Seq una = 200; una < 208; una++) {
    cubic.measured(milliseconds(20), una, una + 1);
    cubic.acknowledged(kMss, kMss, {}, Instant(seconds(1000)));
  }
  EXPECT_EQ(cubic.window(), 20'500u);
}

// The curve of the window that was would be caught up with at once.
TEST(Congestion, BehindASilenceTheCurveBeginsAnew) {
  Instant now(seconds(1000));
  RoundTrip rtt;
  rtt.add(milliseconds(10), now, RtoLimits{});
  Cubic cubic;
  cubic.begin(100 * kMss);
  cubic.congested(kMss);
  cubic.set_window(cubic.threshold());
  for (const Instant end = now + seconds(1); now < end; now += milliseconds(10))
    for (uint32_t bytes = cubic.window(); bytes > kMss; bytes -= kMss) cubic.acknowledged(kMss, kMss, rtt, now);
  const uint32_t before = cubic.window();
  EXPECT_GT(before, 110 * kMss);
  cubic.idle(milliseconds(500));
  cubic.restart(milliseconds(500), milliseconds(200), 10 * kMss);
  EXPECT_LT(cubic.window(), before / 2);
  for (int i = 0; i < 200; i++) {
    const uint32_t reached = cubic.window();
    cubic.acknowledged(kMss, kMss, rtt, now + milliseconds(500));
    EXPECT_LE(cubic.window(), reached + kMss);
  }
  EXPECT_GT(cubic.window(), cubic.threshold());
}

// What the path took before is where it grows slowly.
TEST(Congestion, BehindASilenceTheCurvesPlateauIsTheWindowThatWas) {
  Instant now(seconds(1000));
  RoundTrip rtt;
  rtt.add(seconds(1), now, RtoLimits{});
  Cubic cubic;
  cubic.begin(100 * kMss);
  cubic.congested(kMss);
  cubic.set_window(cubic.threshold());
  const auto run = [&](int rounds) {
    for (; rounds > 0; rounds--, now += seconds(1))
      for (uint32_t bytes = cubic.window(); bytes > kMss; bytes -= kMss) cubic.acknowledged(kMss, kMss, rtt, now);
  };
  run(10);
  const uint32_t before = cubic.window();
  EXPECT_GT(before, 140 * kMss);  // beyond the loss
  cubic.restart(seconds(10), seconds(3), 10 * kMss);
  while (cubic.in_slow_start()) cubic.acknowledged(kMss, kMss, rtt, now);
  run(6);
  EXPECT_GT(cubic.window(), before / 20 * 19);
  EXPECT_LT(cubic.window(), before / 10 * 11);
}

TEST(Congestion, AfterABlackoutItGoesOnWithinTwoTimeouts) {
  Bulk bulk({.delay = milliseconds(10), .bytes_per_second = kRate, .queue = 125'000}, 6);
  bulk.open();
  bulk.run(seconds(2));
  bulk.network().set({.delay = milliseconds(10), .loss = 1000});
  bulk.run(seconds(3));
  bulk.network().set({.delay = milliseconds(10), .bytes_per_second = kRate, .queue = 125'000});
  const uint64_t before = bulk.acknowledged(0);
  bulk.run(2 * bulk.connection(0).rtt.timeout(RtoLimits{}));
  EXPECT_GT(bulk.acknowledged(0), before);
}

}  // namespace
}  // namespace cardea::l7::tcp
