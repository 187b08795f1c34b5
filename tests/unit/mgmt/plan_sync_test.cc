// What each process is told and what is stored for it, step by step, where two things happen at once.
#include "mgmt/plan_sync.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mgmt/rollout.h"
#include "tests/unit/mgmt/stepped_process.h"

namespace cardea::mgmt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using test::Running;
using test::SteppedDisk;
using test::SteppedProcess;

class PlanSyncTest : public ::testing::Test {
 protected:
  SteppedProcess& l7() { return *processes_[0]; }
  SteppedProcess& dataplane() { return *processes_[1]; }
  const PlanSync& sync_of(size_t process) { return *rollout_.processes()[process]; }

  static conf::Config config(const std::string& cluster = "ok", size_t workers = 1) {
    auto made = test::both_processes();
    made.cluster.name = cluster;
    made.dataplane->workers.assign(workers, 0);
    return made;
  }
  Candidate candidate(conf::Config made) {
    auto states = pool_states(made, runtime_, rings_).value();
    return {std::make_shared<const conf::Config>(std::move(made)), std::move(states), ++generation_};
  }
  void begin(conf::Config made = config()) { rollout_.begin_with(candidate(std::move(made))); }
  void offer(conf::Config made) {
    rollout_.offer(candidate(std::move(made)), [this](const Ending& how) { offered_.push_back(how); });
    loop_.run_due();
  }
  void touch(const std::string& pool, const std::string& backend) {
    runtime_.health[{pool, backend}].up = !runtime_.healthy({pool, backend});
    rollout_.touch(pool, [this](const Ending& how) { touched_.push_back(how); });
    loop_.run_due();
  }
  bool step(SteppedProcess& process) {  // one request is served, and its answer arrives
    loop_.run_due();
    const bool served = process.serve_one();
    process.deliver_one();
    loop_.run_due();
    return served;
  }
  void settle() {
    loop_.run_due();
    for (bool busy = true; busy;) busy = step(l7()), busy |= step(dataplane());
  }
  void both_in_step() {
    l7().connect(), dataplane().connect();
    settle();
    ASSERT_TRUE(sync_of(0).in_step() && sync_of(1).in_step());
    l7().asked.clear(), dataplane().asked.clear();
  }
  uint64_t stored(const SteppedProcess& process) {
    const auto plan = disk_.stored(process.consumer());
    return plan ? plan->generation : 0;
  }

  EventLoop loop_;
  Runtime runtime_;
  RingCache rings_;
  SteppedDisk disk_;
  uint64_t generation_ = 0;
  int waiting_changes_ = 0;
  std::vector<SteppedProcess*> processes_;
  std::vector<Ending> offered_, touched_;
  std::vector<std::string> given_up_;
  Rollout rollout_{loop_,
                   {&kL7, &kDataplane},
                   [this](const Consumer& consumer, PlanLink::OnLink on_link) {
                     auto made = std::make_unique<SteppedProcess>(consumer, std::move(on_link));
                     processes_.push_back(made.get());
                     return made;
                   },
                   runtime_,
                   rings_,
                   disk_,
                   Rollout::Hooks{.on_in_force = [] {},
                                  .on_waiting = [this] { ++waiting_changes_; },
                                  .on_everywhere = [] {},
                                  .on_waited_in_vain =
                                      [this](uint64_t generation, const Ending& how) {
                                        given_up_.push_back(fmt::format("{}: {}", generation, how.reason));
                                      }}};
};

TEST_F(PlanSyncTest, StatesThatAPlanBringsAreNotSentAgainBehindIt) {
  begin();
  both_in_step();
  offer(config("no-dataplane"));
  ASSERT_TRUE(step(l7()));
  touch("web", "10.0.0.11:8080");
  settle();
  EXPECT_THAT(l7().asked, ElementsAre("plan 2", "plan 1")) << "the plan that it got back has the new states";
  EXPECT_THAT(dataplane().asked, ElementsAre("plan 2", "update 1: web"));
  EXPECT_EQ(touched_.size(), 1u);
}

TEST_F(PlanSyncTest, StatesThatChangedDuringAnOfferFollowIt) {
  begin();
  both_in_step();
  offer(config());
  touch("web", "10.0.0.11:8080");
  settle();
  EXPECT_THAT(l7().asked, ElementsAre("plan 2", "update 2: web"));
  EXPECT_THAT(dataplane().asked, ElementsAre("plan 2", "update 2: web"));
}

TEST_F(PlanSyncTest, StatesThatTheNextPlanHasAreNotSentBehindIt) {
  begin();
  both_in_step();
  touch("web", "10.0.0.11:8080");
  touch("web", "10.0.0.12:8080");
  offer(config());
  settle();
  EXPECT_THAT(l7().asked, ElementsAre("update 1: web", "plan 2"));
  EXPECT_EQ(touched_.size(), 2u);
}

TEST_F(PlanSyncTest, WhatIsStoredFollowsTheBackends) {
  begin();
  both_in_step();
  touch("web", "10.0.0.11:8080");
  settle();
  EXPECT_EQ(disk_.stored(l7().consumer())->pools.at("web").at("10.0.0.11:8080"), 1);
  EXPECT_EQ(disk_.stored(dataplane().consumer())->pools.at("web").at("10.0.0.11:8080"), 1);
  l7().disconnect();
  touch("web", "10.0.0.12:8080");
  settle();
  EXPECT_EQ(disk_.stored(l7().consumer())->pools.at("web").at("10.0.0.12:8080"), 1)
      << "it is away and will start from it";
}

TEST_F(PlanSyncTest, WhatWaitsForTwoRestartsIsOfferedAfterBoth) {
  begin();
  both_in_step();
  auto wider = config("ok", 2);
  wider.l7->shards = {0, 1};
  offer(wider);
  settle();
  ASSERT_THAT(rollout_.waits_for(), ElementsAre("l7", "dataplane"));
  dataplane().disconnect(), loop_.run_due();
  l7().restart(disk_.stored(l7().consumer()));
  l7().asked.clear();
  l7().connect();
  settle();
  EXPECT_THAT(l7().asked, ElementsAre("plan 1")) << "the dataplane is away: nobody can say that it takes generation 2";
  EXPECT_EQ(rollout_.in_force().generation, 1u);
}

TEST_F(PlanSyncTest, ABurstDuringAnUpdateIsOneUpdateMore) {
  begin();
  both_in_step();
  touch("web", "10.0.0.11:8080");
  touch("api", "10.0.0.61:80");
  touch("web", "10.0.0.12:8080");
  settle();
  EXPECT_THAT(l7().asked, ElementsAre("update 1: web", "update 1: api web"));
  EXPECT_EQ(touched_.size(), 3u);
}

TEST_F(PlanSyncTest, ARefusedUpdateIsFollowedByTheWholePlan) {
  begin();
  both_in_step();
  l7().refuses_next_update = true;
  touch("api", "10.0.0.61:80");
  settle();
  EXPECT_THAT(l7().asked, ElementsAre("update 1: api", "plan 1"));
  EXPECT_EQ(touched_.at(0).outcome, Outcome::kRefused);
  EXPECT_TRUE(sync_of(0).in_step());
  touch("api", "10.0.0.61:80");
  settle();
  EXPECT_EQ(touched_.at(1).outcome, Outcome::kAdopted) << "what came of the one before is old news";
}

// Its plan is of another generation, and it has one of two pools: the first update is refused, then the connection
// breaks.
TEST_F(PlanSyncTest, ARefusalOnAConnectionThatBrokeIsNotToldOfTheNext) {
  begin(config("no-l7"));
  l7().running = Running{9, "old", 1, {{"api", {}}}};
  l7().connect(), loop_.run_due();
  ASSERT_TRUE(step(l7())) << "the plan is refused";
  ASSERT_TRUE(step(l7())) << "its status is asked";
  ASSERT_TRUE(step(l7())) << "web is refused";
  l7().disconnect(), loop_.run_due();
  l7().running.pools["web"] = {};
  l7().connect(), loop_.run_due();
  ASSERT_TRUE(step(l7()));
  touch("api", "10.0.0.61:80");
  EXPECT_THAT(touched_, IsEmpty()) << "nobody knows yet what it runs";
  settle();
  ASSERT_EQ(touched_.size(), 1u);
  EXPECT_EQ(touched_[0].outcome, Outcome::kAdopted);
}

TEST_F(PlanSyncTest, WhatAProcessRefusedForGoodIsNotStoredForItsNextStart) {
  begin(config("no-l7"));
  l7().connect(), dataplane().connect();
  settle();
  EXPECT_EQ(stored(l7()), 0u);
  EXPECT_EQ(stored(dataplane()), 1u);
  touch("web", "10.0.0.11:8080");
  settle();
  EXPECT_EQ(stored(l7()), 0u);
}

TEST_F(PlanSyncTest, WhatItOnlyRefusesWhileItRunsIsStoredForItsNextStart) {
  begin(config("ok", 2));
  dataplane().running = Running{9, "old", 1, {}};
  dataplane().connect();
  settle();
  EXPECT_EQ(sync_of(1).problem(), "no");
  EXPECT_EQ(stored(dataplane()), 1u);
}

constexpr const char* kCannotStart = "it could not start with generation 1: port lan: no such device";

TEST_F(PlanSyncTest, WhyItDidNotStartIsKnownWhileItIsAwayAndUntilItRuns) {
  begin();
  dataplane().cannot_start = true;
  dataplane().connect();
  settle();
  EXPECT_FALSE(sync_of(1).connected()) << "it has ended";
  EXPECT_EQ(sync_of(1).problem(), kCannotStart);
  EXPECT_TRUE(sync_of(1).serves_nothing());
  dataplane().cannot_start = false;
  dataplane().connect(), loop_.run_due();
  EXPECT_EQ(sync_of(1).problem(), kCannotStart) << "it has not started yet";
  EXPECT_FALSE(sync_of(1).runs_a_plan());
  settle();
  EXPECT_TRUE(sync_of(1).in_step());
  EXPECT_EQ(sync_of(1).problem(), "");
  dataplane().disconnect(), loop_.run_due();
  EXPECT_EQ(sync_of(1).problem(), "it is not connected") << "what ends later has other reasons";
}

TEST_F(PlanSyncTest, WhyItDidNotStartIsForgottenWhereItRunsAnotherPlan) {
  begin(config("ok", 2));
  dataplane().cannot_start = true;
  dataplane().connect();
  settle();
  ASSERT_TRUE(sync_of(1).start_failure());
  dataplane().running = Running{9, "old", 1, {}};
  dataplane().connect();
  settle();
  EXPECT_FALSE(sync_of(1).start_failure());
  EXPECT_EQ(sync_of(1).problem(), "no");
}

TEST_F(PlanSyncTest, WhatKeepsItFromStartingEndsAReloadWithItsWords) {
  begin();
  l7().connect(), settle();
  dataplane().cannot_start = true;
  dataplane().connect(), offer(config());
  while (offered_.empty() && (step(l7()) || step(dataplane()))) continue;
  ASSERT_EQ(offered_.size(), 1u);
  EXPECT_EQ(offered_[0].outcome, Outcome::kRefused);
  EXPECT_EQ(offered_[0].reason, "port lan: no such device");
  EXPECT_EQ(rollout_.in_force().generation, 1u);
}

TEST_F(PlanSyncTest, WhatItCannotStartWithAfterItsRestartIsGivenUpAndItGetsTheOtherBack) {
  begin();
  both_in_step();
  offer(config("ok", 2));
  settle();
  ASSERT_THAT(rollout_.waits_for(), ElementsAre("dataplane"));
  dataplane().restart({});
  dataplane().cannot_start = true;
  loop_.run_due();
  dataplane().connect();
  settle();
  EXPECT_FALSE(rollout_.waiting());
  EXPECT_THAT(given_up_, ElementsAre("2: port lan: no such device"));
  EXPECT_EQ(stored(dataplane()), 1u);
  EXPECT_EQ(rollout_.problem(sync_of(1)), "it could not start with generation 2: port lan: no such device");
  dataplane().cannot_start = false;
  dataplane().connect();
  settle();
  EXPECT_EQ(dataplane().running.generation, 1u);
  EXPECT_TRUE(sync_of(1).in_step());
  EXPECT_FALSE(sync_of(1).start_failure());
}

TEST_F(PlanSyncTest, NothingIsStoredForAProcessThatTheConfigurationDoesNotMention) {
  begin(test::config());
  l7().connect(), dataplane().connect();
  settle();
  touch("web", "10.0.0.11:8080");
  settle();
  EXPECT_EQ(stored(l7()), 0u);
  EXPECT_EQ(stored(dataplane()), 1u);
}

TEST_F(PlanSyncTest, WhatIsRefusedForGoodAtItsRestartWaitsNoMore) {
  begin();
  both_in_step();
  offer(config("ok", 2));
  settle();
  ASSERT_EQ(rollout_.waiting().generation, 2u);
  EXPECT_THAT(rollout_.waits_for(), ElementsAre("dataplane"));
  EXPECT_EQ(waiting_changes_, 1);
  EXPECT_EQ(stored(l7()), 2u);
  l7().refuses_plans = true;
  dataplane().restart(disk_.stored(dataplane().consumer()));
  loop_.run_due();
  dataplane().connect();
  settle();
  EXPECT_FALSE(rollout_.waiting());
  EXPECT_THAT(rollout_.waits_for(), IsEmpty());
  EXPECT_EQ(waiting_changes_, 2);
  EXPECT_EQ(rollout_.in_force().generation, 1u);
  EXPECT_EQ(stored(l7()), 1u);
  EXPECT_EQ(stored(dataplane()), 1u);
  EXPECT_EQ(rollout_.problem(sync_of(0)), "");
}

TEST_F(PlanSyncTest, ATouchDuringAnOfferThatHasToWaitIsInWhatIsStored) {
  begin();
  both_in_step();
  offer(config("ok", 2));
  touch("web", "10.0.0.11:8080");
  settle();
  ASSERT_EQ(rollout_.waiting().generation, 2u);
  for (SteppedProcess* process : processes_) {
    const auto plan = disk_.stored(process->consumer());
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->generation, 2u);
    EXPECT_EQ(plan->pools.at("web").at("10.0.0.11:8080"), 1) << "it is down";
  }
}

TEST_F(PlanSyncTest, ASectionThatIsTakenOutLeavesWhatItSaidLast) {
  begin();
  offer(config("ok", 3));
  auto without = config();
  without.dataplane.reset();
  std::erase_if(without.services, [](const conf::Service& one) { return one.mode == conf::Mode::kL4; });
  offer(without);
  dataplane().connect();
  settle();
  EXPECT_EQ(dataplane().running.generation, 3u);
  EXPECT_EQ(dataplane().running.cpus, 3u);
}

TEST_F(PlanSyncTest, ALostPeerEndsAnOfferAndIsHandedWhatCameIntoForce) {
  begin();
  both_in_step();
  offer(config());
  l7().disconnect();
  settle();
  ASSERT_EQ(offered_.size(), 1u);
  EXPECT_EQ(offered_[0].outcome, Outcome::kAway);
  EXPECT_EQ(offered_[0].who, "cardea-l7");
  EXPECT_EQ(rollout_.in_force().generation, 2u);
  l7().connect();
  settle();
  EXPECT_THAT(l7().asked, ElementsAre("plan 2", "plan 2"));
  EXPECT_TRUE(sync_of(0).in_step());
}

TEST_F(PlanSyncTest, OffersAreAnsweredInTheirOrderAndTheLastIsInForce) {
  begin();
  both_in_step();
  offer(config());
  offer(config("no-l7"));
  offer(config());
  settle();
  ASSERT_EQ(offered_.size(), 3u);
  EXPECT_EQ(offered_[0].outcome, Outcome::kAdopted);
  EXPECT_EQ(offered_[1].outcome, Outcome::kRefused);
  EXPECT_EQ(offered_[2].outcome, Outcome::kAdopted);
  EXPECT_EQ(rollout_.in_force().generation, 4u);
  EXPECT_THAT(dataplane().asked, ElementsAre("plan 2", "plan 4")) << "what the first refused never came to it";
}

}  // namespace
}  // namespace cardea::mgmt
