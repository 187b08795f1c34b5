// What cardea-l7's control tells cardea-waf, and what it makes of its answers, with one that says what the test wants.
#include "l7/control/waf_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/plan_server.h"
#include "l7/waf/message.h"
#include "tests/unit/base/scratch_folder.h"

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;
using control::Message;
using control::Verb;
using Json = nlohmann::json;
using testing::HasSubstr;

const std::vector<std::string> kFirst = {"a.conf"}, kSecond = {"b.conf"};

const std::string kNonsense[] = {R"({"pid": "x", "rules": "y", "workers": [1]})", R"({"rules": {"a": -1}})", "[1]", "7", "{"};

// Stands for cardea-waf.
class Waf {
 public:
  explicit Waf(std::function<Message(const Json&)> answer) : answer_(std::move(answer)) {
    std::filesystem::create_directory(run() + "-waf");
    server_.emplace(*control::PlanServer::listen(run() + "-waf/waf.sock"));
    thread_ = std::thread([this] { serve(); });
  }
  ~Waf() {
    ended_ = true;
    thread_.join();
  }

  std::string run() const { return folder_.file("run"); }
  std::vector<Json> loads() const {
    const std::scoped_lock lock(mutex_);
    return loads_;
  }

 private:
  void serve() {
    while (!ended_)
      server_->serve(
          [this](const Message& request) {
            const Json json = Json::parse(request.body);
            const std::scoped_lock lock(mutex_);
            if (json["ask"] == "load") loads_.push_back(json);
            return answer_(json);
          },
          20);
  }

  ScratchFolder folder_;
  std::function<Message(const Json&)> answer_;
  std::optional<control::PlanServer> server_;
  mutable std::mutex mutex_;
  std::vector<Json> loads_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

WafPlan plan_of(std::vector<std::vector<std::string>> sets) {
  WafPlan plan;
  plan.sets = std::move(sets);
  return plan;
}

Message has(const std::vector<std::vector<std::string>>& sets) {
  Json ids = Json::array();
  for (const auto& files : sets) ids.push_back(waf::rules_id(files));
  return {.verb = Verb::kAnswer, .body = Json{{"rules", ids}, {"workers", 2}}.dump()};
}

bool comes(const std::function<bool()>& what) {
  for (int i = 0; i < 500; ++i, std::this_thread::sleep_for(10ms))
    if (what()) return true;
  return false;
}

TEST(WafLink, RulesOfThePlanInForceStayBesideTheNext) {
  Waf waf([](const Json&) { return has({kFirst, kSecond}); });
  WafLink link(waf.run());
  ASSERT_TRUE(link.load(plan_of({kFirst}), true));
  link.adopt(plan_of({kFirst}));
  ASSERT_TRUE(link.load(plan_of({kSecond}), false));
  EXPECT_EQ(waf.loads().at(1)["sets"], Json({kSecond}));
  EXPECT_EQ(waf.loads().at(1)["kept"], Json({kFirst}));
  ASSERT_TRUE(link.load(plan_of({kSecond}), false)) << "that plan was refused for something else";
  EXPECT_EQ(waf.loads().at(2)["kept"], Json({kFirst}));
}

TEST(WafLink, RefusedRulesRefuseThePlanAndThoseBeforeAreNotToldAgain) {
  Waf waf([](const Json& json) {
    if (json["ask"] == "load" && json["sets"] == Json({kSecond}))
      return control::refusal(fail("b.conf, line 1", Origin::kOperator).error());
    return has({kFirst});
  });
  WafLink link(waf.run());
  ASSERT_TRUE(link.load(plan_of({kFirst}), true));
  link.adopt(plan_of({kFirst}));
  const auto refused = link.load(plan_of({kSecond}), false);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("b.conf, line 1"));
  EXPECT_TRUE(comes([&] { return link.state() == "working"; }));
  EXPECT_EQ(waf.loads().size(), 2u);
}

TEST(WafLink, RulesThatAreMissingAreToldAgain) {
  Waf waf([](const Json& json) { return has({json["ask"] == "load" ? kFirst : kSecond}); });
  WafLink link(waf.run());
  link.adopt(plan_of({kFirst}));
  ASSERT_TRUE(comes([&] { return !waf.loads().empty(); }));
  EXPECT_EQ(waf.loads()[0]["sets"], Json({kFirst}));
  EXPECT_EQ(waf.loads()[0]["anew"], false);
}

TEST(WafLink, AnAnswerOfAnotherFormIsNotBelieved) {
  std::atomic<size_t> next = 0;
  Waf waf([&](const Json&) {
    return Message{.verb = Verb::kAnswer, .body = kNonsense[next++ % std::size(kNonsense)]};
  });
  WafLink link(waf.run());
  link.adopt(plan_of({kFirst}));
  EXPECT_TRUE(comes([&] { return next >= std::size(kNonsense); }));
  EXPECT_EQ(link.said(), "{}");
}

}  // namespace
}  // namespace cardea::l7
