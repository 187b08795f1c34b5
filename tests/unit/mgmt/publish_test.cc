// The publisher against a real peer: the other end of base/control_socket.h, which maps what it is handed and verifies
// it as the dataplane does.
#include "mgmt/publish.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include "mgmt/compile_l4.h"
#include "mgmt/rollout.h"
#include "tests/unit/base/soon.h"
#include "tests/unit/mgmt/plan_peer.h"
#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt {
namespace {

using test::PlanPeer;

class PublishTest : public ::testing::Test {
 protected:
  PublishTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "cardea-publish-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    states_ = pool_states(config_, {}, rings_).value();
  }
  ~PublishTest() override { std::filesystem::remove_all(folder_); }
  std::string socket() const { return folder_ + "/dataplane.sock"; }
  Image plan(uint64_t generation) { return compile_l4(config_, states_, generation).value(); }

  std::string folder_;
  conf::Config config_ = test::config();
  RingCache rings_;
  std::vector<PoolState> states_;
};

struct Links {  // what the publisher said about its connection
  std::mutex mutex;
  std::condition_variable changed;
  int connections = 0;
  bool connected = false;

  Publisher::OnLink sink() {
    return [this](bool now) {
      const std::lock_guard lock(mutex);
      connected = now;
      connections += now;
      changed.notify_all();
    };
  }
  bool wait(int times) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(60), [&] { return connected && connections >= times; });
  }
};

Adopted adopt(Publisher& publisher, Image image, uint64_t generation) {
  std::promise<Adopted> promise;
  publisher.adopt(std::move(image), generation, [&](Adopted how) { promise.set_value(std::move(how)); });
  return promise.get_future().get();
}

TEST_F(PublishTest, HandsOverAPlanAndBringsTheAnswer) {
  PlanPeer peer(socket());
  Links links;
  Publisher publisher(socket(), "the dataplane", links.sink());
  ASSERT_TRUE(links.wait(1));
  EXPECT_EQ(publisher.link().pid, ::getpid());
  const auto adopted = adopt(publisher, plan(9), 9);
  ASSERT_TRUE(adopted) << adopted.error().message;
  EXPECT_EQ(*adopted, 9u);
  EXPECT_EQ(peer.plans().size(), 1u);
  EXPECT_EQ(publisher.ask(R"({"ask":"status"})").get().value(), R"({"generation":9})");
}

TEST_F(PublishTest, ARefusalIsThePeersOwnWords) {
  PlanPeer peer(socket());
  peer.refuse("too many services: 5, dataplane.limits.services is 4");
  Links links;
  Publisher publisher(socket(), "the dataplane", links.sink());
  ASSERT_TRUE(links.wait(1));
  const auto adopted = adopt(publisher, plan(1), 1);
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().message, "too many services: 5, dataplane.limits.services is 4");
  EXPECT_EQ(adopted.error().origin, Origin::kBackend);
  EXPECT_EQ(adopted.error().retry, Retry::kNever);
}

TEST_F(PublishTest, AnAnswerLongerThanAMessageComesWhole) {
  PlanPeer peer(socket());
  peer.say("certs", std::string(5u << 20, 'x'));
  Links links;
  Publisher publisher(socket(), "the dataplane", links.sink());
  ASSERT_TRUE(links.wait(1));
  EXPECT_EQ(publisher.ask(R"({"ask":"certs"})").get().value(), std::string(5u << 20, 'x'));
  EXPECT_TRUE(publisher.ask(R"({"ask":"status"})").get()) << "and the connection serves on";
  EXPECT_EQ(links.connections, 1);
}

// What comes next would be taken for the answer to another question.
TEST_F(PublishTest, AnAnswerThatDoesNotFitIsNoneAndEndsTheConnection) {
  const auto listener = control::listen(socket()).value();
  Links links;
  Publisher publisher(socket(), "the dataplane", links.sink());
  const auto peer = control::accept(listener.get()).value();
  ASSERT_TRUE(links.wait(1));
  auto answer = publisher.ask(R"({"ask":"status"})");
  ASSERT_TRUE(control::receive(peer.get(), std::chrono::seconds(60)));
  ASSERT_TRUE(control::send(peer.get(), {control::Verb::kAdopted, 3, {}, {}, {}}));
  const auto got = answer.get();
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("does not fit"), std::string::npos) << got.error().message;
  EXPECT_TRUE(links.wait(2));
}

TEST_F(PublishTest, NobodyThereIsSaidAtOnceAndAComingPeerIsFound) {
  Links links;
  Publisher publisher(socket(), "the dataplane", links.sink());
  const auto adopted = adopt(publisher, plan(1), 1);
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().retry, Retry::kSafe);
  PlanPeer peer(socket());
  EXPECT_TRUE(links.wait(1));
}

TEST_F(PublishTest, APeerThatComesBackIsConnectedAgain) {
  Links links;
  auto peer = std::make_unique<PlanPeer>(socket());
  Publisher publisher(socket(), "the dataplane", links.sink());
  ASSERT_TRUE(links.wait(1));
  peer.reset();
  peer = std::make_unique<PlanPeer>(socket());
  ASSERT_TRUE(links.wait(2));
  EXPECT_TRUE(adopt(publisher, plan(2), 2));
}

// A rollout over the dataplane alone, on a loop of its own.
class SyncTest : public PublishTest {
 protected:
  void start() {
    store_ = std::make_unique<Store>(folder_, [](const Error&) {});
    rollout_ = std::make_unique<Rollout>(loop_, std::vector{&kDataplane}, plan_sockets_in(folder_), runtime_, rings_,
                                         *store_, Rollout::Hooks{[] {}, [] {}, [] {}});
    runner_ = std::jthread([this] { loop_.run(); });
  }
  ~SyncTest() override {
    loop_.stop();
    if (runner_.joinable()) runner_.join();
    rollout_.reset();
    store_.reset();
  }
  Ending offer(uint64_t generation) {
    std::promise<Ending> promise;
    auto shared = std::make_shared<const conf::Config>(config_);
    loop_.post(
        [&] { rollout_->offer({shared, states_, generation}, [&](const auto& how) { promise.set_value(how); }); });
    return promise.get_future().get();
  }
  Ending fail_backend(const std::string& pool, const std::string& backend) {
    std::promise<Ending> promise;
    loop_.post([&] {
      runtime_.health[{pool, backend}] = {false, "refused", {}};
      rollout_->touch(pool, [&](const auto& how) { promise.set_value(how); });
    });
    return promise.get_future().get();
  }
  bool wait_in_step(bool expected) {
    const auto in_step = [&] { return rollout_->processes()[0]->in_step(); };
    return soon([&] { return loop_.ask(in_step).get() == expected; }, std::chrono::minutes(1));
  }

  EventLoop loop_;
  Runtime runtime_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Rollout> rollout_;
  std::jthread runner_;
};

TEST_F(SyncTest, WhatWasOfferedWhileNobodyListenedIsHandedOverLater) {
  start();
  EXPECT_EQ(offer(4).outcome, Outcome::kAway);
  PlanPeer peer(socket());
  ASSERT_TRUE(wait_in_step(true));
  ASSERT_EQ(peer.plans().size(), 1u);
  EXPECT_EQ(peer.plans()[0].generation, 4u);
}

TEST_F(SyncTest, ADeadBackendGoesOutAtOnceAsAnUpdateOfItsPool) {
  PlanPeer peer(socket());
  start();
  offer(1);
  ASSERT_TRUE(wait_in_step(true));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(fail_backend("dns", "10.0.0.53:53").outcome, Outcome::kAdopted);
  const auto took = std::chrono::steady_clock::now() - began;
  RecordProperty("microseconds", int(took / std::chrono::microseconds(1)));
  ASSERT_EQ(peer.updates().size(), 1u);
  EXPECT_EQ(peer.updates()[0].pools, std::vector<std::string>{"dns"});
  EXPECT_EQ(peer.updates()[0].down, std::vector<std::string>{"10.0.0.53:53"});
}

TEST_F(SyncTest, ARestartedPeerGetsTheNewestStates) {
  auto peer = std::make_unique<PlanPeer>(socket());
  start();
  offer(1);
  ASSERT_TRUE(wait_in_step(true));
  fail_backend("web", "10.0.0.11:8080");
  peer.reset();
  ASSERT_TRUE(wait_in_step(false));
  fail_backend("dns", "10.0.0.53:53");
  peer = std::make_unique<PlanPeer>(socket());
  ASSERT_TRUE(wait_in_step(true));
  ASSERT_EQ(peer->plans().size(), 1u);
  EXPECT_EQ(peer->plans()[0].down, (std::vector<std::string>{"10.0.0.11:8080", "10.0.0.53:53"}));
}

TEST_F(SyncTest, ARefusedPlanLeavesTheOldOneInForceAndUpdatesGoOn) {
  PlanPeer peer(socket());
  start();
  offer(1);
  ASSERT_TRUE(wait_in_step(true));
  peer.refuse("no");
  const auto ending = offer(2);
  EXPECT_EQ(ending.outcome, Outcome::kRefused);
  EXPECT_EQ(ending.reason, "no");
  peer.refuse("");
  EXPECT_EQ(loop_.ask([&] { return rollout_->in_force().generation; }).get(), 1u);
  EXPECT_EQ(fail_backend("dns", "10.0.0.54:53").outcome, Outcome::kAdopted);
  EXPECT_EQ(peer.updates().back().generation, 1u);
}

TEST_F(SyncTest, APlanThatNeedsARestartIsHandedOverAfterIt) {
  auto peer = std::make_unique<PlanPeer>(socket());
  start();
  offer(1);
  ASSERT_TRUE(wait_in_step(true));
  peer->refuse("restart cardea-dataplane to change dataplane.workers", control::Code::kNeedsRestart);
  EXPECT_EQ(offer(2).outcome, Outcome::kRefused);
  EXPECT_NE(
      loop_.ask([&] { return rollout_->problem(*rollout_->processes()[0]); }).get().find("restart cardea-dataplane"),
      std::string::npos);
  peer = nullptr;
  ASSERT_TRUE(wait_in_step(false));
  peer = std::make_unique<PlanPeer>(socket());
  ASSERT_TRUE(wait_in_step(true));
  EXPECT_EQ(loop_.ask([&] { return rollout_->in_force().generation; }).get(), 2u);
  EXPECT_EQ(peer->plans().front().generation, 2u);
}

}  // namespace
}  // namespace cardea::mgmt
