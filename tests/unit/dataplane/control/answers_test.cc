// Questions to two workers: nobody is asked twice, what they say is one answer, and what was left out is told.
#include "dataplane/control/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "dataplane/path/explain.h"
#include "tests/unit/dataplane/workers_on_rings.h"

namespace cardea::dataplane::test {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

// 40 flows of the tunnel's service, each its client's.
struct TwoAsked : testing::Test {
  static constexpr uint16_t kFlows = 40;

  TwoAsked() {
    for (uint16_t client = 0; client < kFlows; ++client) {
      const FlowTuple flow = flow_of(client);
      const uint32_t owner = explain_owner(*site.running.plans->load(), flow, 2, {});
      site.comes(frame({flow}), 0, uint16_t(owner));
      ++flows[owner];
      site.turn(owner);
    }
  }
  static FlowTuple flow_of(uint16_t client) {
    return tuple("198.51.100." + std::to_string(client + 1) + ":5555", "203.0.113.2:80");
  }

  Result<std::unique_ptr<Inquiry>> begin(const Json& question) {
    return Inquiry::begin(question.dump(), site.running, neighbours);
  }
  void work(uint32_t worker) {
    for (int i = 0; i < 1000; ++i) site.turn(worker);
  }
  Json ask(const Json& question) {
    auto inquiry = begin(question);
    if (!inquiry) return {{"error", inquiry.error().message}};
    for (const uint32_t worker : {0, 1}) work(worker);
    EXPECT_TRUE((*inquiry)->done());
    auto answer = (*inquiry)->answer();
    return answer ? Json::parse(*answer) : Json{{"error", answer.error().message}};
  }

  WorkersOnRings site{{}, 2, {{.queues = 2, .spreads_flows = true}}};
  const Neighbours neighbours{64};
  std::map<uint32_t, size_t> flows;  // by worker
};

std::multiset<std::string> clients(const Json& answer) {
  std::multiset<std::string> found;
  for (const Json& flow : answer.at("flows")) found.insert(flow.at("client"));
  return found;
}

TEST_F(TwoAsked, FlowsOfAllWorkersAreOneAnswer) {
  ASSERT_TRUE(flows[0] > 2 && flows[1] > 2);
  const Json answer = ask({{"ask", "flows"}});
  EXPECT_EQ(answer["total"], kFlows);
  EXPECT_EQ(answer["truncated"], false);
  std::multiset<std::string> all;
  std::map<uint32_t, size_t> by_worker;
  for (uint16_t client = 0; client < kFlows; ++client) all.insert("198.51.100." + std::to_string(client + 1) + ":5555");
  for (const Json& flow : answer["flows"]) ++by_worker[flow["worker"].get<uint32_t>()];
  EXPECT_EQ(clients(answer), all);
  EXPECT_EQ(by_worker, flows);
  EXPECT_EQ(answer["flows"][0]["service"], "tunnel4");
  EXPECT_EQ(answer["flows"][0]["destination"], "203.0.113.2:80");
}

TEST_F(TwoAsked, TheLimitIsOfAllTogetherAndWhatIsLeftOutIsTold) {
  for (const size_t limit : {size_t{1}, flows[0], flows[0] + 1, size_t{kFlows} - 1}) {
    const Json answer = ask({{"ask", "flows"}, {"limit", limit}});
    EXPECT_EQ(answer["flows"].size(), limit);
    EXPECT_EQ(answer["total"], kFlows) << "also of those that are left out";
    EXPECT_EQ(answer["truncated"], true) << limit;
  }
  const Json whole = ask({{"ask", "flows"}, {"limit", kFlows}});
  EXPECT_EQ(whole["flows"].size(), kFlows);
  EXPECT_EQ(whole["truncated"], false);
}

TEST_F(TwoAsked, WhatIsAskedForAloneIsCounted) {
  const Json one = ask({{"ask", "flows"}, {"client", "198.51.100.3"}});
  EXPECT_EQ(one["total"], 1);
  EXPECT_EQ(clients(one), std::multiset<std::string>{"198.51.100.3:5555"});
  EXPECT_EQ(ask({{"ask", "flows"}, {"service", "tunnel4"}})["total"], kFlows);
  EXPECT_EQ(ask({{"ask", "flows"}, {"service", "nat4"}})["total"], 0);
  size_t of_backends = 0;
  for (const char* backend : {"10.0.0.11:8080", "10.0.0.12:8080", "v4/10.0.0.13:8080", "10.0.0.14:8080"})
    of_backends += ask({{"ask", "flows"}, {"backend", backend}})["total"].get<size_t>();
  EXPECT_EQ(of_backends, kFlows);
  EXPECT_THAT(ask({{"ask", "flows"}, {"service", "nobody's"}}).dump(), HasSubstr("no service"));
  EXPECT_THAT(ask({{"ask", "flows"}, {"backend", "v6/10.0.0.11:8080"}}).dump(), HasSubstr("no backend"));
}

TEST_F(TwoAsked, TheAnswerIsThereWhenEveryWorkerHasSaidItsPart) {
  const auto inquiry = begin({{"ask", "flows"}}).value();
  EXPECT_FALSE(inquiry->done());
  work(1);
  EXPECT_FALSE(inquiry->done());
  work(0);
  EXPECT_TRUE(inquiry->done());
}

TEST_F(TwoAsked, AQuestionOfAKindAtATime) {
  const auto first = begin({{"ask", "flows"}}).value();
  work(1);
  auto second = begin({{"ask", "flows"}}).value();
  const Json explained = ask({{"ask", "explain"}, {"source", "198.51.100.3:5555"}, {"destination", "203.0.113.2:80"}});
  EXPECT_EQ(explained["verdict"], "forward") << "of another kind: " << explained;
  EXPECT_TRUE(first->done());
  EXPECT_EQ(Json::parse(first->answer().value())["total"], kFlows) << "who came first has his answer";
  const auto answer = second->answer();
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("worker 0 is busy"));
  EXPECT_EQ(ask({{"ask", "flows"}})["total"], kFlows) << "and then whoever asks";
}

TEST_F(TwoAsked, TheFlowsOwnWorkerExplainsIt) {
  for (uint16_t client = 0; client < kFlows; ++client) {
    const FlowTuple flow = flow_of(client);
    const Json answer = ask({{"ask", "explain"},
                             {"source", "198.51.100." + std::to_string(client + 1) + ":5555"},
                             {"destination", "203.0.113.2:80"}});
    EXPECT_EQ(answer["worker"], explain_owner(*site.running.plans->load(), flow, 2, {}));
    EXPECT_EQ(answer["flow"], "hit");
  }
}

TEST_F(TwoAsked, StatusCountsTheFlowsOfAll) {
  const Json status = ask({{"ask", "status"}});
  EXPECT_EQ(status["flows"], kFlows);
  EXPECT_EQ(status["workers"].size(), 2u);
  EXPECT_EQ(status["ports"][0]["name"], "wan");
  EXPECT_EQ(status["ports"][0]["queues"], 2);
  EXPECT_EQ(status["flows_max"], site.running.workers[0]->flows_max() + site.running.workers[1]->flows_max());
}

TEST_F(TwoAsked, NonsenseIsNoQuestion) {
  for (const char* text : {"", "[]", "{}", R"({"ask":7})", R"({"ask":"what"})", R"({"ask":"flows","limit":"many"})",
                           R"({"ask":"flows","client":"nobody"})", R"({"ask":"explain","source":"1.2.3.4:5"})",
                           R"({"ask":"explain","source":"1.2.3.4:5","destination":"[::1]:6"})"})
    EXPECT_FALSE(Inquiry::begin(text, site.running, neighbours)) << text;
}

}  // namespace
}  // namespace cardea::dataplane::test
