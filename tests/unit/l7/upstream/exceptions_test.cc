// Backups that stand by, backends that take up their share again and such as are ejected, over every way to balance.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "tests/unit/l7/upstream/backends.h"

namespace cardea::l7::upstream {
namespace {

using namespace std::chrono_literals;
using test::Backends;
using test::kNow;

constexpr std::array<const char*, 6> kWays = {"in turn",   "least busy", "by ring",
                                              "at random", "of two",     "bounded ring"};

struct Site : Backends {
  explicit Site(std::vector<uint32_t> weights) : Backends(std::move(weights)) { make_ring(); }
  size_t by(size_t way, const Choice& choice) {
    const uint64_t hash = random.next();
    switch (way) {
      case 0:
        return index(choose_in_turn(pointers, turns(), choice));
      case 1:
        return index(choose_least_busy(pointers, turns(), choice));
      case 2:
        return index(choose_by_ring(pointers, ring, hash, choice));
      case 3:
        return index(choose_at_random(pointers, turns().order, random, choice));
      case 4:
        return index(choose_of_two(pointers, turns().order, random, choice));
      default:
        return index(choose_by_bounded_ring(pointers, ring, hash, 125, choice).chosen);
    }
  }
  // The counts of so many choices, each with a lot of its own.
  std::vector<int> counts(size_t way, int choices, Instant now) {
    std::vector<int> all(this->all.size());
    for (int i = 0; i < choices; ++i) all[by(way, {{}, now, uint32_t(random.below(SlowStart::kWhole))})]++;
    return all;
  }
  Random random{1};
};

TEST(Standby, GetsNothingWhileOthersServeAndEverythingWhenNoneDoes) {
  for (size_t way = 0; way < kWays.size(); ++way) {
    Site site({1, 1, 1, 1});
    site.all[2].standby = site.all[3].standby = true;
    for (int i = 0; i < 100; ++i) EXPECT_LT(site.by(way, {{}, kNow}), 2u) << kWays[way];
    site.all[0].suspicion.connect_failed(kNow);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(site.by(way, {{}, kNow}), 1u) << kWays[way];
    site.all[1].suspicion.connect_failed(kNow);
    for (int i = 0; i < 100; ++i) EXPECT_GE(site.by(way, {{}, kNow}), 2u) << kWays[way] << ": before suspects";
    const std::array<const Standing*, 2> tried{&site.all[2], &site.all[3]};
    EXPECT_LT(site.by(way, {tried, kNow}), 2u) << kWays[way] << ": and suspects after it";
  }
}

TEST(Standby, IsNotForWhoOnlyFindsTheOthersFull) {
  for (size_t way = 0; way < kWays.size(); ++way) {
    Site site({1, 1});
    site.all[1].standby = true;
    site.all[0].busy = site.all[0].busy_max = 1;
    EXPECT_EQ(site.by(way, {{}, kNow}), site.none()) << kWays[way];
  }
}

TEST(Standby, TakesTheLeastBusyOfSeveral) {
  Site site({1, 1, 1});
  site.all[1].standby = site.all[2].standby = true;
  site.all[0].serves = false;
  site.all[1].busy = 3;
  EXPECT_EQ(site.by(0, {{}, kNow}), 2u);
}

TEST(SlowStart, GrowsEvenlyFromATenth) {
  const SlowStart start{10s, kNow};
  EXPECT_EQ(start.share(kNow, Instant::min()), 100u);
  EXPECT_EQ(start.share(kNow + 5s, Instant::min()), 500u);
  EXPECT_EQ(start.share(kNow + 10s, Instant::min()), 1000u);
  EXPECT_EQ(start.share(kNow + 10s, kNow + 9s), 100u) << "behind an ejection too";
  EXPECT_EQ((SlowStart{10s}.share(kNow, Instant::min())), 1000u) << "who never was away";
}

// With nothing under way the lot alone decides; a choice by load adds what the loads say.
TEST(SlowStart, SharesGrowWithTime) {
  constexpr int kChoices = 8000;
  for (size_t way = 0; way < kWays.size(); ++way) {
    Site site({1, 1, 1, 1});
    site.all[3].slow_start = {10s, kNow};
    const double whole = kChoices / 4.0;
    EXPECT_NEAR(site.counts(way, kChoices, kNow)[3], whole * 0.1, whole * 0.05) << kWays[way];
    EXPECT_NEAR(site.counts(way, kChoices, kNow + 5s)[3], whole * 0.5, whole * 0.1) << kWays[way];
    EXPECT_NEAR(site.counts(way, kChoices, kNow + 10s)[3], whole, whole * 0.1) << kWays[way];
  }
}

TEST(SlowStart, WhoIsAloneTakesAll) {
  for (size_t way = 0; way < kWays.size(); ++way) {
    Site site({1, 1});
    site.all[0].serves = false;
    site.all[1].slow_start = {10s, kNow};
    EXPECT_EQ(site.counts(way, 100, kNow)[1], 100) << kWays[way];
  }
}

TEST(SlowStart, LoadIsComparedByWhatCountsOfTheWeight) {
  Site site({1, 1});
  site.all[1].slow_start = {10s, kNow};
  site.all[0].busy = 9, site.all[1].busy = 1;  // of a tenth
  EXPECT_EQ(site.by(1, {{}, kNow}), 0u);
  site.all[0].busy = 11;
  EXPECT_EQ(site.by(1, {{}, kNow}), 1u);
}

TEST(Ejected, ArePassedOverUntilTheirTimeIsOver) {
  for (size_t way = 0; way < kWays.size(); ++way) {
    Site site({1, 1});
    std::array<HostEjection, 2> host;
    for (size_t i = 0; i < 2; ++i) site.all[i].ejection = &host[i];
    host[0].eject(kNow, 10s, 60s);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(site.by(way, {{}, kNow + 9s}), 1u) << kWays[way];
    const std::array<const Standing*, 1> tried{&site.all[1]};
    EXPECT_EQ(site.by(way, {tried, kNow + 9s}), 0u) << kWays[way] << ": where nobody else is left";
    bool back = false;
    for (int i = 0; i < 50; ++i) back |= site.by(way, {{}, kNow + 10s}) == 0;
    EXPECT_TRUE(back) << kWays[way];
  }
}

}  // namespace
}  // namespace cardea::l7::upstream
