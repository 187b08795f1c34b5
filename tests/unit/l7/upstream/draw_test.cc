// Choosing by chance: shares over many seeds, what latency and load do to them, and that nothing is rewarded for failing.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <deque>
#include <list>
#include <queue>

#include "tests/unit/l7/upstream/backends.h"

namespace cardea::l7::upstream {
namespace {

using namespace std::chrono_literals;
using test::Backends;
using test::kNow;

// Four standard deviations of so many draws: of 100 seeds none is outside but by a fault.
void expect_share(int count, int draws, double share, const char* what) {
  EXPECT_NEAR(count, draws * share, 4.5 * std::sqrt(draws * share * (1 - share))) << what;
}

TEST(AtRandom, SharesAreTheWeightsOverAnySeed) {
  constexpr int kDraws = 7000;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Backends backends({4, 2, 1});
    Random random(seed);
    std::vector<int> counts(3);
    for (int i = 0; i < kDraws; ++i) counts[backends.at_random(random)]++;
    for (size_t i = 0; i < 3; ++i) expect_share(counts[i], kDraws, double(backends.all[i].weight) / 7, "by weight");
  }
}

TEST(AtRandom, WhoCannotServeLeavesItsShareToAllAndTheLastIsFound) {
  Backends backends(std::vector<uint32_t>(100, 1));
  Random random(1);
  for (size_t i = 0; i < 100; ++i)
    if (i != 42) backends.all[i].busy = backends.all[i].busy_max = 1;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(backends.at_random(random), 42u);
  backends.all[42].suspicion.connect_failed(kNow);
  EXPECT_EQ(backends.at_random(random), 42u) << "a suspect where nobody else can";
  backends.all[42].busy = backends.all[42].busy_max = 1;
  EXPECT_EQ(backends.at_random(random), backends.none());
  EXPECT_EQ(Backends({}).at_random(random), 0u);
  EXPECT_EQ(Backends({}).of_two(random), 0u);
}

// A site in small: `flows` clients on each of several shards, each with one exchange under way at a time, whose times are
// exponential around a backend's own.
struct Simulation {
  struct Ending {
    Instant at;
    size_t shard, backend;
    Instant began;
    bool operator>(const Ending& other) const { return at > other.at; }
  };
  Simulation(std::vector<uint32_t> weights, std::vector<double> took_ms, size_t shards, uint64_t seed)
      : took(std::move(took_ms)), hosts(weights.size()), random(seed) {
    for (size_t i = 0; i < shards; ++i) {
      Backends& its = all.emplace_back(weights);
      for (size_t b = 0; b < weights.size(); ++b) {
        its.all[b].host_busy = &hosts[b].busy;
        its.all[b].latency = &hosts[b].latency;
      }
    }
    counts.resize(weights.size());
  }
  void begin(size_t shard, Instant now) {
    const size_t chosen = all[shard].of_two(random, now);
    hosts[chosen].busy.take();
    const double uniform = (double(random.next() >> 11) + 1) / 0x1p53;
    const auto lasts = std::chrono::nanoseconds(int64_t(-std::log(uniform) * took[chosen] * 1e6));
    under_way.push({now + lasts, shard, chosen, now});
    counts[chosen]++;
  }
  void run(size_t flows, int exchanges) {
    for (size_t shard = 0; shard < all.size(); ++shard)
      for (size_t i = 0; i < flows; ++i) begin(shard, kNow);
    for (int i = 0; i < exchanges; ++i) {
      const Ending ending = under_way.top();
      under_way.pop();
      hosts[ending.backend].busy.give_back();
      hosts[ending.backend].latency.sample(ending.at - ending.began, ending.at);
      begin(ending.shard, ending.at);
    }
  }
  double share(size_t backend) const {
    int sum = 0;
    for (const int count : counts) sum += count;
    return double(counts[backend]) / sum;
  }
  std::vector<double> took;
  std::deque<BackendCounts> hosts;
  std::deque<Backends> all;
  std::vector<int> counts;
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> under_way;
  Random random;
};

TEST(OfTwo, EqualBackendsGetEqualShares) {
  for (const size_t shards : {1, 4})
    for (uint64_t seed = 0; seed < 8; ++seed) {
      Simulation site(std::vector<uint32_t>(8, 1), std::vector<double>(8, 10), shards, seed);
      site.run(64 / shards, 20'000);
      for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(site.share(i), 0.125, 0.03) << shards << " shards, seed " << seed;
    }
}

TEST(OfTwo, WeightsAreRespectedUnderLoad) {
  for (const size_t shards : {1, 4})
    for (uint64_t seed = 0; seed < 8; ++seed) {
      Simulation site({4, 2, 1}, {10, 10, 10}, shards, seed);
      site.run(140 / shards, 20'000);
      EXPECT_NEAR(site.share(0), 4.0 / 7, 0.08) << shards << " shards, seed " << seed;
      EXPECT_NEAR(site.share(1), 2.0 / 7, 0.06) << shards << " shards, seed " << seed;
      EXPECT_NEAR(site.share(2), 1.0 / 7, 0.05) << shards << " shards, seed " << seed;
    }
}

TEST(OfTwo, ASlowBackendGetsLittleButIsNotForgotten) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Simulation site({1, 1, 1, 1}, {10, 10, 10, 200}, 2, seed);
    site.run(8, 40'000);
    EXPECT_LT(site.share(3), 0.05) << seed;
    EXPECT_GT(site.counts[3], 0) << seed;
  }
}

TEST(OfTwo, TheLessBusyWinsWhereNothingIsKnown) {
  Backends backends({1, 1});
  backends.all[0].busy = 5;
  Random random(3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(backends.of_two(random), 1u);
}

// Failing at once must not draw what is under way away from those who work.
TEST(OfTwo, WhoFailsFastIsNotRewarded) {
  Backends backends({1, 1, 1, 1});
  std::deque<HostLatency> latency(4);
  for (size_t i = 0; i < 4; ++i) backends.all[i].latency = &latency[i], latency[i].sample(100ms, kNow);
  latency[2].penalise(1ms, kNow);
  Random random(4);
  for (int i = 0; i < 1000; ++i) EXPECT_NE(backends.of_two(random), 2u) << "of two drawn it is never the better";
}

// Neither as if it took no time, nor as if it were the slowest.
TEST(OfTwo, ANewBackendStartsAtTheMedian) {
  constexpr int kDraws = 5000;
  Backends backends({1, 1, 1, 1, 1});
  std::deque<HostLatency> latency(5);
  for (size_t i = 0; i < 5; ++i) backends.all[i].latency = &latency[i];
  latency[0].sample(10ms, kNow), latency[1].sample(100ms, kNow);
  latency[2].sample(100ms, kNow), latency[3].sample(1s, kNow);
  Random random(5);
  std::vector<int> counts(5);
  for (int i = 0; i < kDraws; ++i) counts[backends.of_two(random)]++;
  expect_share(counts[4], kDraws, 0.2, "as the two at 100 ms: better than one, worse than one, even with two");
  expect_share(counts[0], kDraws, 0.4, "whenever it is drawn");
  EXPECT_EQ(counts[3], 0);
}

TEST(HostLatency, ASlowAnswerCountsAtOnceAndFades) {
  HostLatency latency;
  EXPECT_FALSE(latency.known());
  latency.sample(10ms, kNow);
  EXPECT_FLOAT_EQ(latency.at(kNow), 10'000);
  latency.sample(200ms, kNow);
  EXPECT_FLOAT_EQ(latency.at(kNow), 200'000);
  latency.sample(10ms, kNow + 1s);
  EXPECT_GT(latency.at(kNow + 1s), 150'000) << "one quick answer forgives little";
  for (int i = 1; i <= 600; ++i) latency.sample(10ms, kNow + 1s + i * 100ms);
  EXPECT_NEAR(latency.at(kNow + 61s), 10'000, 1'500);
  EXPECT_NEAR(latency.at(kNow + 71s), 10'000 / std::exp(1.0), 1'500) << "what nobody confirms is tried again";
  EXPECT_FLOAT_EQ(latency.at(kNow + 60s), latency.at(kNow + 61s)) << "a clock that is behind sees it whole";
  latency.forget();
  EXPECT_FALSE(latency.known());
}

TEST(HostLatency, AFailureIsSlowHoweverFastItCame) {
  HostLatency latency;
  latency.penalise(1ms, kNow);
  EXPECT_FLOAT_EQ(latency.at(kNow), 1'000'000);
  latency.penalise(1ms, kNow);
  EXPECT_FLOAT_EQ(latency.at(kNow), 2'000'000) << "and worse each time";
  for (int i = 0; i < 20; ++i) latency.penalise(1ms, kNow);
  EXPECT_FLOAT_EQ(latency.at(kNow), 60'000'000) << "to a limit";
  HostLatency busy;
  busy.sample(100ms, kNow);
  busy.sample_no_faster(1ms, kNow);
  EXPECT_FLOAT_EQ(busy.at(kNow), 100'000);
  busy.sample_no_faster(300ms, kNow);
  EXPECT_FLOAT_EQ(busy.at(kNow), 300'000);
}

}  // namespace
}  // namespace cardea::l7::upstream
