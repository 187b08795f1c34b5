// What a pool's `retry` lets be taken to another backend, and what it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "l7/upstream/retry_budget.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kDenied = "cardea_l7_pool_retries_denied_total";

Site::Change with(const std::function<void(image::RetryT&)>& change) {
  return [change](image::PlanT& plan) {
    auto retry = std::make_unique<image::RetryT>();
    change(*retry);
    plan.pools[0]->retry = std::move(retry);
  };
}

Site::Change by_status(bool unsafe_methods = false) {
  return with([=](image::RetryT& retry) {
    retry.statuses = {503, 502};
    retry.unsafe_methods = unsafe_methods;
  });
}

// The proxy's next attempt, whose request is read.
Peer next_attempt(Site& site) {
  Peer backend = site.origins[site.called()]->accept();
  backend.message();
  return backend;
}

TEST(Again, AnAnswerOfAChosenStatusIsBetteredByAnother) {
  Site site(by_status(), 2);
  Peer client = site.client();
  client.send(get("/"));
  Peer first = next_attempt(site);
  first.send(ok("worse", "", "503 Service Unavailable"));
  Peer second = next_attempt(site);
  second.send(ok("better"));
  EXPECT_THAT(client.message(), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("better")));
  const auto line = site.log_line();
  EXPECT_EQ(line["attempts"], 2);
  EXPECT_EQ(line["reason"], "ok");
  EXPECT_EQ(site.value("cardea_l7_backend_retries_total"), 1u);
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 0u) << "its answers are judged by their status";
}

TEST(Again, WhereNoneIsLeftTheClientGetsTheLastAnswerWhole) {
  Site site(by_status(), 2);
  Peer client = site.client();
  client.send(get("/"));
  next_attempt(site).send(ok("first", "", "503 Service Unavailable"));
  Peer second = next_attempt(site);
  second.send(ok("second", "X-From: second\r\n", "503 Service Unavailable"));
  EXPECT_THAT(client.message(), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("X-From: second"), HasSubstr("second")));
  EXPECT_EQ(site.log_line()["attempts"], 2);
}

TEST(Again, OfASingleBackendEveryAnswerIsTheClients) {
  Site site(by_status(), 1);
  Peer client = site.client();
  client.send(get("/"));
  next_attempt(site).send(ok("only", "", "503 Service Unavailable"));
  EXPECT_THAT(client.message(), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("only")));
  EXPECT_EQ(site.log_line()["attempts"], 1);
}

TEST(Again, AnotherStatusIsNobodysToBetter) {
  Site site(by_status(), 2);
  Peer client = site.client();
  client.send(get("/"));
  next_attempt(site).send(ok("as it is", "", "500 Internal Server Error"));
  EXPECT_THAT(client.message(), HasSubstr("as it is"));
  EXPECT_EQ(site.log_line()["attempts"], 1);
}

TEST(Again, APostIsSentOnceUnlessThePoolSaysOtherwise) {
  for (const bool unsafe : {false, true}) {
    Site site(by_status(unsafe), 2);
    Peer client = site.client();
    client.send(post("/order", "one"));
    next_attempt(site).send(ok("busy", "", "503 Service Unavailable"));
    if (unsafe) {
      Peer second = site.origins[site.called()]->accept();
      EXPECT_THAT(second.message(), HasSubstr("\r\n\r\none"));
      second.send(ok("taken"));
    }
    EXPECT_THAT(client.message(), HasSubstr(unsafe ? "taken" : "busy"));
    EXPECT_EQ(site.log_line()["attempts"], unsafe ? 2 : 1);
  }
}

TEST(Again, ABackendThatIsSilentForTooLongIsLeftForAnother) {
  Site site(with([](image::RetryT& retry) { retry.timeouts = true, retry.attempt_timeout_ms = 2000; }), 2);
  Peer client = site.client();
  client.send(get("/"));
  Peer silent = next_attempt(site);
  site.advance(1999ms);
  EXPECT_FALSE(silent.ended());
  site.advance(1ms);
  Peer second = next_attempt(site);
  EXPECT_TRUE(silent.ended());
  second.send(ok("here"));
  EXPECT_THAT(client.message(), HasSubstr("here"));
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 1u);
}

TEST(Again, TheLastAttemptMayTakeAsLongAsAnyResponse) {
  Site site(with([](image::RetryT& retry) { retry.timeouts = true, retry.attempt_timeout_ms = 2000; }), 2);
  Peer client = site.client();
  client.send(post("/", "x"));  // may not be sent again
  Peer backend = next_attempt(site);
  site.advance(29s);
  EXPECT_FALSE(backend.ended());
  backend.send(ok("slow"));
  EXPECT_THAT(client.message(), HasSubstr("slow"));
}

TEST(Again, WithoutTheWordATimeoutIsTheEnd) {
  Site site({}, 2);
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = next_attempt(site);
  site.advance(30s);
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(site.log_line()["attempts"], 1);
}

TEST(Again, WhatIsNoHttpIsTakenElsewhereWhereThePoolSaysSo) {
  for (const bool chosen : {false, true}) {
    Site site(with([=](image::RetryT& retry) { retry.bad_responses = chosen; }), 2);
    Peer client = site.client();
    client.send(get("/"));
    next_attempt(site).send("220 mail.example ESMTP\r\n\r\n");
    if (chosen) next_attempt(site).send(ok("http"));
    EXPECT_THAT(client.message(), chosen ? HasSubstr("http") : HasSubstr("bad_response"));
  }
}

// ---- the budget

TEST(Again, BeyondItsBudgetAPoolIsNotAskedTwice) {
  Site site(with([](image::RetryT& retry) { retry.statuses = {503}, retry.budget = 10; }), 2);
  Peer client = site.client();
  std::vector<Peer> backends;
  uint64_t attempts = 0;
  constexpr int kRequests = 130;
  for (int i = 0; i < kRequests; ++i) {
    client.send(get("/", "Connection: close\r\n"));
    for (;;) {
      Peer backend = next_attempt(site);
      ++attempts;
      backend.send(ok("no", "Connection: close\r\n", "503 Service Unavailable"));
      settle(site.loop());
      const std::string came = client.what_came();
      client.put_back(came);
      if (!came.empty()) break;
    }
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 503 "));
    site.log_line();
    client = site.client();
  }
  // A hundred to spare, and one for ten requests but for the first, which finds nothing spent.
  constexpr uint64_t kRetries = 100 + (kRequests - 1) / 10;
  EXPECT_EQ(attempts - kRequests, kRetries);
  EXPECT_EQ(site.value(kDenied), kRequests - kRetries);
}

TEST(RetryBudget, EarnsSoManyPercentAndSparesAHundredForTheHost) {
  upstream::RetryBudget two_shards(2);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(two_shards.spend(20));
  EXPECT_FALSE(two_shards.spend(20));
  for (int i = 0; i < 5; ++i) two_shards.earn(20);
  EXPECT_TRUE(two_shards.spend(20));
  EXPECT_FALSE(two_shards.spend(20));
  EXPECT_TRUE(two_shards.spend(0)) << "no limit";
  for (int i = 0; i < 100000; ++i) two_shards.earn(20);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(two_shards.spend(20));
  EXPECT_FALSE(two_shards.spend(20)) << "what was not needed is not saved up";
}

}  // namespace
}  // namespace cardea::l7::proxy::test
