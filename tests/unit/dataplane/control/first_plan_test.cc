// Where the first plan comes from, and what mgmt at the other end of the plan socket hears of how the start with it ended.
#include "dataplane/control/first_plan.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "tests/packets/site.h"
#include "tests/unit/base/scratch_folder.h"

namespace cardea::dataplane::test {
namespace {

using namespace std::chrono_literals;
using cardea::control::Code, cardea::control::Message, cardea::control::PlanServer, cardea::control::Verb;

constexpr auto kSoon = 30s;
const Error kNoCard{"port lan: no such device"};

struct FirstPlanTest : testing::Test {
  static std::vector<std::byte> image(uint64_t generation) {
    image::PlanT plan = plan_of({});
    plan.generation = generation;
    return packed(plan);
  }
  void store(uint64_t generation) {
    const auto bytes = image(generation);
    std::ofstream(options.state_directory + "/dataplane.plan", std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
  }
  void hand_over(uint64_t generation) {
    auto memfd = cardea::control::seal("plan", image(generation)).value();
    send({.verb = Verb::kAdopt, .generation = generation, .memfd = std::move(memfd)});
  }
  void send(const Message& message) { ASSERT_TRUE(cardea::control::send(mgmt.get(), message)); }
  Message heard() { return cardea::control::receive(mgmt.get(), kSoon).value(); }
  bool hears_nothing() {
    pollfd wanted{mgmt.get(), POLLIN, 0};
    return ::poll(&wanted, 1, 0) == 0;
  }
  FirstPlan given(uint64_t generation) {
    hand_over(generation);
    return wait_for_plan(server, options, stop.get()).value().value();
  }
  FirstPlan stored(uint64_t generation) {
    store(generation);
    return first_plan(server, options, stop.get()).value().value();
  }

  const ScratchFolder folder;
  const StartOptions options = [this] {
    StartOptions made;
    made.run_directory = made.state_directory = std::filesystem::path(folder.file("x")).parent_path();
    return made;
  }();
  PlanServer server = PlanServer::listen(folder.file("dataplane.sock")).value();
  const FileDescriptor mgmt = cardea::control::connect(folder.file("dataplane.sock")).value();
  const FileDescriptor stop{::eventfd(0, EFD_CLOEXEC)};
};

TEST_F(FirstPlanTest, WhoHandedOneOverHearsOfItOnlyOnceItRuns) {
  const FirstPlan plan = given(7);
  EXPECT_EQ(plan.generation, 7u);
  EXPECT_TRUE(hears_nothing());
  tell_started(server, plan);
  const Message answer = heard();
  EXPECT_EQ(answer.verb, Verb::kAdopted);
  EXPECT_EQ(answer.generation, 7u);
}

TEST_F(FirstPlanTest, WhoHandedOneOverHearsWhyItCannotBeStartedWith) {
  tell_failed(server, given(7), kNoCard);
  const Message answer = heard();
  EXPECT_EQ(answer.verb, Verb::kRefused);
  EXPECT_EQ(answer.code, Code::kCannotStart);
  EXPECT_EQ(answer.body, kNoCard.message);
}

TEST_F(FirstPlanTest, WhatIsNoPlanIsRefusedAndAnotherWaitedFor) {
  auto none = cardea::control::seal("plan", std::as_bytes(std::span("no"))).value();
  send({.verb = Verb::kAdopt, .generation = 6, .memfd = std::move(none)});
  const FileDescriptor other = cardea::control::connect(folder.file("dataplane.sock")).value();
  auto memfd = cardea::control::seal("plan", image(7)).value();
  ASSERT_TRUE(cardea::control::send(other.get(), {.verb = Verb::kAdopt, .generation = 7, .memfd = std::move(memfd)}));
  const FirstPlan plan = wait_for_plan(server, options, stop.get()).value().value();
  EXPECT_EQ(plan.generation, 7u);
  const Message refused = heard();
  EXPECT_EQ(refused.verb, Verb::kRefused);
  EXPECT_EQ(refused.code, Code::kOther) << "it goes on waiting";
}

TEST_F(FirstPlanTest, AStoredPlanThatFailedIsToldToWhoHandsItOverMeanwhile) {
  const FirstPlan plan = stored(7);
  EXPECT_EQ(plan.asker, 0u);
  hand_over(7);
  tell_failed(server, plan, kNoCard);
  const Message answer = heard();
  EXPECT_EQ(answer.code, Code::kCannotStart);
  EXPECT_EQ(answer.body, kNoCard.message);
}

TEST_F(FirstPlanTest, AQuestionBeforeDoesNotKeepItFromBeingTold) {
  const FirstPlan plan = stored(7);
  send({.verb = Verb::kAsk, .body = R"({"ask":"status"})"});
  hand_over(7);
  tell_failed(server, plan, kNoCard);
  EXPECT_EQ(heard().code, Code::kNoPlan);
  EXPECT_EQ(heard().code, Code::kCannotStart);
}

TEST_F(FirstPlanTest, NothingIsSaidOfAPlanThatWasNotTried) {
  const FirstPlan plan = stored(7);
  hand_over(8);
  const Instant before = monotonic_now();
  tell_failed(server, plan, kNoCard);
  EXPECT_TRUE(hears_nothing());
  EXPECT_GE(monotonic_now() - before, 500ms) << "the one that was tried may come yet";
}

TEST_F(FirstPlanTest, WithoutAStoredPlanAndToldToStopThereIsNone) {
  ASSERT_EQ(::eventfd_write(stop.get(), 1), 0);
  EXPECT_FALSE(first_plan(server, options, stop.get()).value());
}

}  // namespace
}  // namespace cardea::dataplane::test
