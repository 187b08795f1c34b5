// Backends that fail exchange after exchange, seen through a whole shard: left alone, counted, back after their time,
// and never so many that nobody is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

Site::Change ejecting(uint32_t errors, uint32_t gateway_errors, uint32_t slow_start_ms = 0) {
  return [=](image::PlanT& plan) {
    image::PoolT& web = *plan.pools[0];
    web.ejection = std::make_unique<image::EjectionT>();
    web.ejection->errors = errors, web.ejection->gateway_errors = gateway_errors;
    web.slow_start_ms = slow_start_ms, web.retries = 0;
  };
}

// Asks once; backends answer what `answers` says of them.
size_t ask(Site& site, Peer& client, const std::vector<std::string>& answers) {
  client.send(get("/"));
  const size_t origin = site.called();
  Peer backend = site.origins[origin]->accept();
  backend.message();
  if (answers[origin].empty()) {
    backend.close();
  } else {
    backend.send(answers[origin]);
  }
  client.message();
  site.log_line();
  return origin;
}

const std::string kFine = ok("", "Connection: close\r\n");
const std::string kBadGateway = ok("", "Connection: close\r\n", "502 Bad Gateway");

TEST(Ejection, GatewayErrorsInARowEject) {
  Site site(ejecting(0, 3), 3);
  Peer client = site.client();
  const std::vector<std::string> answers{kBadGateway, kFine, kFine};
  std::vector<int> asked(3);
  for (int i = 0; i < 30; ++i) asked[ask(site, client, answers)]++;
  EXPECT_EQ(asked[0], 3) << "and then it is left alone";
  EXPECT_EQ(site.value("cardea_l7_backend_ejections_total", site.origin().name() + "\",cause=\"gateway_errors"), 1u);
  EXPECT_EQ(site.value("cardea_l7_backend_ejections_total"), 1u);
  site.advance(10s);
  asked = {0, 0, 0};
  for (int i = 0; i < 9; ++i) asked[ask(site, client, {kFine, kFine, kFine})]++;
  EXPECT_EQ(asked[0], 3) << "its time is over";
}

TEST(Ejection, AGoodAnswerBetweenThemBeginsAnew) {
  Site site(ejecting(0, 3), 2);
  Peer client = site.client();
  for (int i = 0; i < 10; ++i) {
    for (int bad = 0; bad < 4; ++bad) ask(site, client, {kBadGateway, kFine});
    for (int good = 0; good < 2; ++good) ask(site, client, {kFine, kFine});
  }
  EXPECT_EQ(site.value("cardea_l7_backend_ejections_total"), 0u);
}

// For longer than a shard of its own would pass it over.
TEST(Ejection, BrokenExchangesEject) {
  Site site(ejecting(2, 0), 2);
  Peer client = site.client();
  std::vector<int> asked(2);
  for (int i = 0; i < 4; ++i) {
    Peer each = site.client();
    asked[ask(site, each, {"", kFine})]++;
  }
  EXPECT_EQ(asked[0], 2);
  for (int i = 0; i < 9; ++i) {
    site.advance(1s);
    EXPECT_EQ(ask(site, client, {"", kFine}), 1u) << i;
  }
  EXPECT_EQ(site.value("cardea_l7_backend_ejections_total", "cause=\"errors\""), 1u);
}

TEST(Ejection, TheLastIsNeverEjected) {
  Site site(ejecting(0, 2), 2);
  Peer client = site.client();
  std::vector<int> asked(2);
  for (int i = 0; i < 20; ++i) asked[ask(site, client, {kBadGateway, kBadGateway})]++;
  EXPECT_EQ(site.value("cardea_l7_backend_ejections_total"), 1u);
  EXPECT_GT(asked[0] + asked[1], 10) << "somebody is asked all the same";
}

// What another shard of the same plan saw counts here.
TEST(Ejection, IsTheHosts) {
  Site site(ejecting(0, 2), 2);
  const BackendPlan& first = site.plan->pools[0]->backends[0];
  first.host->ejection.count_gateway_error();
  Peer client = site.client();
  std::vector<int> asked(2);
  for (int i = 0; i < 10; ++i) asked[ask(site, client, {kBadGateway, kFine})]++;
  EXPECT_EQ(asked[0], 1);
}

TEST(Ejection, WhoComesBackByItsChecksBeginsAnewAndSlowly) {
  Site site(ejecting(0, 2, 10'000), 2);
  Peer client = site.client();
  for (int i = 0; i < 4; ++i) ask(site, client, {kBadGateway, kFine});
  const auto& host = *site.plan->pools[0]->backends[0].host;
  EXPECT_TRUE(host.ejection.ejected(site.loop().now()));
  site.update_pools([](image::PlanT& plan) {
    ejecting(0, 2, 10'000)(plan);
    plan.pools[0]->backends[0]->state = image::BackendState::down;
  });
  settle(site.loop());
  site.update_pools(ejecting(0, 2, 10'000));
  settle(site.loop());
  EXPECT_FALSE(host.ejection.ejected(site.loop().now()));
  std::vector<int> asked(2);
  for (int i = 0; i < 60; ++i) asked[ask(site, client, {kFine, kFine})]++;
  EXPECT_LT(asked[0], 15) << "a tenth of its share, by chance";
  site.advance(10s);
  asked = {0, 0};
  for (int i = 0; i < 20; ++i) asked[ask(site, client, {kFine, kFine})]++;
  EXPECT_EQ(asked[0], 10);
}

}  // namespace
}  // namespace cardea::l7::proxy::test
