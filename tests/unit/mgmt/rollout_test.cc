// One configuration on two processes or on none, against real peers on the plan socket.
#include "mgmt/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <thread>

#include "mgmt/whole_file.h"
#include "tests/unit/base/soon.h"
#include "tests/unit/mgmt/plan_peer.h"
#include "tests/unit/mgmt/stepped_process.h"

namespace cardea::mgmt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using test::L7Peer;
using test::PlanPeer;

conf::Config both() {
  return test::both_processes();
}

class RolloutTest : public ::testing::Test {
 protected:
  RolloutTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "cardea-rollout-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = std::make_unique<Store>(folder_, [](const Error&) {});
    rollout_ =
        std::make_unique<Rollout>(loop_, std::vector{&kL7, &kDataplane}, plan_sockets_in(folder_), runtime_, rings_,
                                  *store_, Rollout::Hooks{[this] { ++changes_; }, [] {}, [this] { ++everywhere_; }});
    runner_ = std::jthread([this] { loop_.run(); });
  }
  ~RolloutTest() override {
    loop_.stop();
    runner_.join();
    rollout_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string l7_socket() const { return folder_ + "/l7.sock"; }
  std::string dataplane_socket() const { return folder_ + "/dataplane.sock"; }

  template <typename Begin>
  Ending ending_of(Begin begin) {
    std::promise<Ending> promise;
    loop_.post([&] { begin([&promise](const Ending& how) { promise.set_value(how); }); });
    return promise.get_future().get();
  }
  Ending offer(const conf::Config& config, uint64_t generation) {
    return ending_of([&](auto done) {
      auto states = pool_states(config, runtime_, rings_).value();
      rollout_->offer({std::make_shared<const conf::Config>(config), std::move(states), generation}, std::move(done));
    });
  }
  Ending fail_backend(const std::string& pool, const std::string& backend) {
    return ending_of([&](auto done) {
      runtime_.health[{pool, backend}] = {false, "refused", {}};
      rollout_->touch(pool, std::move(done));
    });
  }
  template <typename Question>
  bool soon(Question question) {
    return cardea::soon([&] { return loop_.ask(question).get(); }, std::chrono::seconds(5));
  }
  bool in_step(bool l7, bool dataplane) {
    return soon([&, l7, dataplane] {
      const auto& processes = rollout_->processes();
      return processes[0]->in_step() == l7 && processes[1]->in_step() == dataplane;
    });
  }
  bool connected() {
    return soon([&] {
      const auto& processes = rollout_->processes();
      return processes[0]->connected() && processes[1]->connected();
    });
  }
  uint64_t generation() {
    return loop_.ask([&] { return rollout_->in_force().generation; }).get();
  }
  std::string problem(size_t process) {
    return loop_.ask([&, process] { return rollout_->problem(*rollout_->processes()[process]); }).get();
  }
  uint64_t stored_generation(const std::string& file) {
    const auto image = read_whole_file(folder_ + "/" + file);
    if (!image) return 0;
    return file == "l7.plan" ? flatbuffers::GetRoot<l7::image::Plan>(image->data())->generation()
                             : flatbuffers::GetRoot<dataplane::image::Plan>(image->data())->generation();
  }
  bool stored(const char* file) { return std::filesystem::exists(folder_ + "/" + file); }

  std::string folder_;
  EventLoop loop_;
  Runtime runtime_;
  RingCache rings_;
  int changes_ = 0, everywhere_ = 0;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Rollout> rollout_;
  std::jthread runner_;
};

TEST_F(RolloutTest, BothProcessesGetTheirPlanAndItIsStored) {
  L7Peer l7(l7_socket());
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(connected());
  EXPECT_EQ(offer(both(), 3).outcome, Outcome::kAdopted);
  EXPECT_TRUE(in_step(true, true));
  EXPECT_THAT(l7.plans().at(0).pools, ElementsAre("web", "api"));
  EXPECT_THAT(dataplane.plans().at(0).pools, ElementsAre("web", "dns"));
  EXPECT_EQ(l7.plans()[0].services, 1u);
  EXPECT_EQ(dataplane.plans()[0].services, 3u);
  EXPECT_TRUE(soon([&] { return stored("l7.plan") && stored("dataplane.plan"); }));
}

TEST_F(RolloutTest, ARefusalByTheSecondPutsTheFirstBack) {
  L7Peer l7(l7_socket());
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(connected());
  offer(both(), 1);
  ASSERT_TRUE(in_step(true, true));
  dataplane.refuse("no room for it");
  const auto ending = offer(both(), 2);
  EXPECT_EQ(ending.outcome, Outcome::kRefused);
  EXPECT_EQ(ending.who, "the dataplane");
  EXPECT_EQ(ending.reason, "no room for it");
  EXPECT_EQ(generation(), 1u);
  ASSERT_TRUE(in_step(true, true));
  ASSERT_EQ(l7.plans().size(), 3u);
  EXPECT_EQ(l7.plans()[1].generation, 2u);
  EXPECT_EQ(l7.plans()[2].generation, 1u);
  EXPECT_EQ(changes_, 1);
}

TEST_F(RolloutTest, ARefusalByTheFirstIsNoNewsToTheSecond) {
  L7Peer l7(l7_socket());
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(connected());
  offer(both(), 1);
  l7.refuse("/etc/cardea/a.crt: no such file");
  const auto ending = offer(both(), 2);
  EXPECT_EQ(ending.who, "cardea-l7");
  EXPECT_THAT(ending.reason, HasSubstr("a.crt"));
  EXPECT_EQ(dataplane.plans().size(), 1u);
  EXPECT_TRUE(in_step(true, true)) << "both run generation 1";
  l7.refuse("");
  EXPECT_EQ(fail_backend("api", "10.0.0.61:80").outcome, Outcome::kAdopted);
  EXPECT_EQ(l7.updates().back().generation, 1u);
}

TEST_F(RolloutTest, StatesGoToThoseWhoHaveThePool) {
  L7Peer l7(l7_socket());
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(connected());
  offer(both(), 1);
  EXPECT_EQ(fail_backend("dns", "10.0.0.53:53").outcome, Outcome::kAdopted);
  EXPECT_EQ(fail_backend("api", "10.0.0.61:80").outcome, Outcome::kAdopted);
  EXPECT_EQ(fail_backend("web", "10.0.0.11:8080").outcome, Outcome::kAdopted);
  ASSERT_EQ(l7.updates().size(), 2u);
  EXPECT_THAT(l7.updates()[0].down, ElementsAre("10.0.0.61:80"));
  EXPECT_THAT(l7.updates()[1].down, ElementsAre("10.0.0.11:8080"));
  ASSERT_EQ(dataplane.updates().size(), 2u);
  EXPECT_THAT(dataplane.updates()[0].pools, ElementsAre("dns"));
  EXPECT_THAT(dataplane.updates()[1].pools, ElementsAre("web"));
}

TEST_F(RolloutTest, WhoIsAwayGetsThePlanAndTheStatesWhenItComes) {
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(soon([&] { return rollout_->processes()[1]->connected(); }));
  const auto ending = offer(both(), 1);
  EXPECT_EQ(ending.outcome, Outcome::kAway);
  EXPECT_EQ(ending.who, "cardea-l7");
  EXPECT_EQ(fail_backend("web", "10.0.0.11:8080").outcome, Outcome::kAway);
  EXPECT_EQ(fail_backend("dns", "10.0.0.53:53").outcome, Outcome::kAdopted) << "L7 has no such pool";
  EXPECT_EQ(dataplane.updates().size(), 2u) << "the dataplane does not wait for L7";
  L7Peer l7(l7_socket());
  ASSERT_TRUE(in_step(true, true));
  EXPECT_THAT(l7.plans().at(0).down, ElementsAre("10.0.0.11:8080"));
  EXPECT_EQ(dataplane.plans().size(), 1u);
}

TEST_F(RolloutTest, TheFirstConfigurationIsInForceWhoeverRefusesIt) {
  L7Peer l7(l7_socket());
  l7.refuse("a certificate is missing");
  PlanPeer dataplane(dataplane_socket());
  loop_
      .ask([&] {
        auto states = pool_states(both(), runtime_, rings_).value();
        rollout_->begin_with({std::make_shared<const conf::Config>(both()), std::move(states), 7});
      })
      .get();
  ASSERT_TRUE(in_step(false, true));
  EXPECT_TRUE(soon([&] { return rollout_->problem(*rollout_->processes()[0]) == "a certificate is missing"; }));
  EXPECT_EQ(fail_backend("dns", "10.0.0.53:53").outcome, Outcome::kAdopted);
  l7.refuse("");
  EXPECT_EQ(offer(both(), 8).outcome, Outcome::kAdopted);
  EXPECT_TRUE(in_step(true, true));
  EXPECT_EQ(problem(0), "");
}

TEST_F(RolloutTest, APlanThatWaitsForOneProcessLeavesTheOtherOnTheOldOne) {
  L7Peer l7(l7_socket());
  auto dataplane = std::make_unique<PlanPeer>(dataplane_socket());
  ASSERT_TRUE(connected());
  offer(both(), 1);
  dataplane->refuse("restart cardea-dataplane to change dataplane.workers", control::Code::kNeedsRestart);
  EXPECT_EQ(offer(both(), 2).outcome, Outcome::kRefused);
  ASSERT_TRUE(in_step(true, true));
  EXPECT_EQ(l7.plans().back().generation, 1u);
  EXPECT_THAT(problem(1), HasSubstr("generation 2 waits"));
  EXPECT_EQ(problem(0), "");
  dataplane = nullptr;
  ASSERT_TRUE(in_step(true, false));
  dataplane = std::make_unique<PlanPeer>(dataplane_socket());
  ASSERT_TRUE(soon([&] { return rollout_->in_force().generation == 2; }));
  ASSERT_TRUE(in_step(true, true));
  EXPECT_EQ(l7.plans().back().generation, 2u);
  EXPECT_EQ(dataplane->plans().front().generation, 2u) << "never the old one first";
  EXPECT_EQ(problem(1), "");
}

TEST_F(RolloutTest, WhatWaitsForARestartIsStoredForBothWhateverIsHandedOverMeanwhile) {
  L7Peer l7(l7_socket());
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(connected());
  offer(both(), 1);
  dataplane.refuse("not while it runs", control::Code::kNeedsRestart);
  EXPECT_EQ(offer(both(), 2).outcome, Outcome::kRefused);
  dataplane.refuse("");
  ASSERT_TRUE(in_step(true, true));
  EXPECT_EQ(fail_backend("web", "10.0.0.11:8080").outcome, Outcome::kAdopted);
  EXPECT_EQ(dataplane.updates().back().generation, 1u);
  for (const char* file : {"dataplane.plan", "l7.plan"})
    EXPECT_TRUE(soon([&] { return stored_generation(file) == 2; })) << file;
}

TEST_F(RolloutTest, WordsAboutARestartDecideNothing) {
  L7Peer l7(l7_socket());
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(connected());
  offer(both(), 1);
  dataplane.refuse("raise dataplane.backends_max and restart cardea-dataplane");
  EXPECT_EQ(offer(both(), 2).outcome, Outcome::kRefused);
  EXPECT_FALSE(loop_.ask([&] { return bool(rollout_->waiting()); }).get());
  EXPECT_EQ(problem(1), "");
}

TEST_F(RolloutTest, WhatOneRefusesForGoodDoesNotWaitForAnothersRestart) {
  L7Peer l7(l7_socket());
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(connected());
  offer(both(), 1);
  l7.refuse("not while it runs", control::Code::kNeedsRestart);
  dataplane.refuse("no room for it");
  EXPECT_EQ(offer(both(), 2).reason, "no room for it");
  EXPECT_FALSE(loop_.ask([&] { return bool(rollout_->waiting()); }).get());
}

TEST_F(RolloutTest, ANewerConfigurationInForceEndsTheWait) {
  L7Peer l7(l7_socket());
  auto dataplane = std::make_unique<PlanPeer>(dataplane_socket());
  ASSERT_TRUE(connected());
  offer(both(), 1);
  dataplane->refuse("not while it runs", control::Code::kNeedsRestart);
  offer(both(), 2);
  dataplane->refuse("");
  EXPECT_EQ(offer(both(), 3).outcome, Outcome::kAdopted);
  dataplane = nullptr;
  ASSERT_TRUE(in_step(true, false));
  dataplane = std::make_unique<PlanPeer>(dataplane_socket());
  ASSERT_TRUE(in_step(true, true));
  EXPECT_EQ(generation(), 3u);
  EXPECT_EQ(dataplane->plans().size(), 1u);
  EXPECT_TRUE(soon([&] { return stored_generation("dataplane.plan") == 3; }));
}

TEST_F(RolloutTest, EverywhereMeansThatTheLastProcessHasAdoptedIt) {
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(soon([&] { return rollout_->processes()[1]->connected(); }));
  offer(both(), 1);
  EXPECT_EQ(loop_.ask([&] { return everywhere_; }).get(), 0);
  L7Peer l7(l7_socket());
  ASSERT_TRUE(in_step(true, true));
  EXPECT_EQ(loop_.ask([&] { return everywhere_; }).get(), 1);
}

TEST_F(RolloutTest, ASectionThatIsTakenOutLeavesNoServiceBehind) {
  L7Peer l7(l7_socket());
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(connected());
  offer(both(), 1);
  EXPECT_EQ(offer(test::config(), 2).outcome, Outcome::kAdopted);
  ASSERT_EQ(l7.plans().size(), 2u);
  EXPECT_EQ(l7.plans()[1].generation, 2u);
  EXPECT_EQ(l7.plans()[1].services, 0u);
}

TEST_F(RolloutTest, AProcessThatTheConfigurationDoesNotMentionIsLeftAlone) {
  L7Peer l7(l7_socket());
  PlanPeer dataplane(dataplane_socket());
  ASSERT_TRUE(connected());
  EXPECT_EQ(offer(test::config(), 1).outcome, Outcome::kAdopted);
  EXPECT_THAT(l7.plans(), IsEmpty());
  EXPECT_TRUE(soon([&] { return rollout_->problem(*rollout_->processes()[0]) != ""; }));
  EXPECT_THAT(problem(0), HasSubstr("no section for it"));
  EXPECT_FALSE(stored("l7.plan"));
}

}  // namespace
}  // namespace cardea::mgmt
