// What the API says of a site, without a site: each answer from a view, what health checks found and what was counted.
#include "mgmt/api/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mgmt/api/away.h"
#include "mgmt/api/l7_counts.h"
#include "mgmt/api/warnings.h"
#include "tests/unit/mgmt/sample_view.h"

namespace cardea::mgmt::api {
namespace {

using metrics::Traffic;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using test::view_of;

constexpr const char* kWeb = R"(pool="web",backend="10.0.0.11:8080")";
constexpr const char* kWebToo = R"(pool="web",backend="10.0.0.12:8080")";

struct Counted {
  std::string name, labels;
  uint64_t value;
};

Traffic traffic_of(const std::vector<Counted>& rows) {
  stats::Snapshot snapshot;
  for (const Counted& row : rows)
    snapshot.samples.push_back({{stats::Kind::kCounter, row.name, "", row.labels, "Help"}, row.value, {}, {}, 0, 0});
  return Traffic(snapshot);
}

// The sample's l4 services, and an http one whose routes lead to "web" and "api" and which leaves the rest to "api".
conf::Config site() {
  auto made = test::config();
  made.l7.emplace().shards = {0};
  made.pools.push_back(test::pool("api", {test::backend("10.0.0.61:80"), test::backend("10.0.0.62:80")}));
  made.pools.push_back(test::pool("spare", {test::backend("10.0.0.71:80")}));
  auto http = test::service("site", "203.0.113.80:80", "api");
  http.mode = conf::Mode::kHttp;
  http.routes.resize(2);
  http.routes[0].pool = "web", http.routes[0].match.path = "/web";
  http.routes[1].pool = "api", http.routes[1].match.path = "/api";
  made.services.push_back(http);
  return made;
}

Json row_of(const Json& rows, const char* field, const std::string& value) {
  for (const auto& row : rows)
    if (row.at(field) == value) return row;
  ADD_FAILURE() << "no row of " << value;
  return Json::object();
}

Json backends(const View& view, const std::vector<health::TargetStatus>& health, const Traffic& traffic = {}) {
  return Json::parse(backends_json(view, health, traffic, ""))["backends"];
}

std::vector<std::string> warnings_of(const View& view, const Facts& facts = {}) {
  return Json::parse(status_json(view, facts))["warnings"].get<std::vector<std::string>>();
}

TEST(Status, SaysWhichServicesAreOut) {
  Runtime runtime;
  const auto no_more_than_before = ElementsAre("no service or route leads to pool spare: nothing gets there");
  EXPECT_THAT(warnings_of(view_of(site(), runtime)), no_more_than_before);
  runtime.health[{"dns", "10.0.0.53:53"}] = {false, "refused", {}};
  runtime.overrides[{"api", "10.0.0.61:80"}] = {Order::kDrain, {}};
  EXPECT_THAT(warnings_of(view_of(site(), runtime)), no_more_than_before) << "each has one more";
  runtime.overrides[{"dns", "10.0.0.54:53"}] = {Order::kMaint, {}};
  EXPECT_THAT(warnings_of(view_of(site(), runtime)),
              ::testing::Contains("service names is out: no backend of pool dns (1 down, 1 maint) gets anything"));
  EXPECT_THAT(warnings_of(view_of(site(), runtime)), ::testing::Not(::testing::Contains(HasSubstr("api"))));
  runtime.overrides[{"api", "10.0.0.62:80"}] = {Order::kReady, 0};
  EXPECT_THAT(warnings_of(view_of(site(), runtime)),
              ::testing::Contains("service site is out in part: no backend of pool api (1 drain, 1 of weight 0) gets "
                                  "anything"));
}

TEST(Status, NamesPoolsThatNothingLeadsTo) {
  auto config = site();
  config.pools.push_back(test::pool("old", {test::backend("10.0.0.72:80")}));
  EXPECT_THAT(warnings_of(view_of(config)),
              ElementsAre("no service or route leads to pools spare, old: nothing gets there"));
  for (int i = 0; i < 100; ++i) config.pools.push_back(test::pool("p" + std::to_string(i), {}));
  EXPECT_THAT(warnings_of(view_of(config)), ElementsAre(HasSubstr("p17 and 82 more: nothing")));
}

TEST(Status, NamesTheFirstOfThousandsOfServicesThatAreOut) {
  auto config = site();
  for (int i = 0; i < 3000; ++i)
    config.services.push_back(
        test::service("s" + std::to_string(i), "203.0.113.9:" + std::to_string(i + 1), "spare"));
  Runtime runtime;
  runtime.overrides[{"spare", "10.0.0.71:80"}] = {Order::kMaint, {}};
  const auto warnings = warnings_of(view_of(config, runtime));
  EXPECT_THAT(warnings, SizeIs(21));
  EXPECT_THAT(warnings.back(), HasSubstr("2980 services more are out"));
}

TEST(Status, SaysWhomThisHostCannotCheck) {
  Facts facts;
  facts.health = {{.pool = "web", .backend = "10.0.0.11:8080", .up = true, .own_failure = "Network is unreachable"},
                  {.pool = "web", .backend = "10.0.0.12:8080", .up = true, .own_failure = "Network is unreachable"},
                  {.pool = "dns", .backend = "10.0.0.53:53", .up = true}};
  const auto warnings = warnings_of(view_of(site()), facts);
  ASSERT_THAT(warnings, SizeIs(2)) << "and one about the pool that is for nobody";
  EXPECT_THAT(warnings[1], HasSubstr("cannot check web/10.0.0.11:8080 and 1 more: Network is unreachable"));
  const auto rows = backends(view_of(site()), facts.health);
  EXPECT_EQ(rows[0]["health"]["own_failure"], "Network is unreachable");
  EXPECT_EQ(row_of(rows, "address", "10.0.0.53:53")["health"]["own_failure"], nullptr);
}

TEST(Status, WarnsOfPortsWhoseDriverKnowsNoXdp) {
  Facts facts;
  facts.dataplane_status = R"({"ports": [{"name": "wan", "xdp": "copy"}, {"name": "lan", "xdp": "generic"}]})";
  EXPECT_THAT(warnings_of(view_of(site()), facts), ::testing::Contains(HasSubstr("port lan: the driver")));
  EXPECT_THAT(warnings_of(view_of(site()), facts), ::testing::Not(::testing::Contains(HasSubstr("port wan"))));
}

TEST(Status, HasTheWeightsThatOperatorsSet) {
  Runtime runtime;
  runtime.overrides[{"web", "10.0.0.12:8080"}] = {Order::kReady, 9};
  const auto weights = Json::parse(status_json(view_of(site(), runtime), {}))["weights"];
  ASSERT_THAT(weights, SizeIs(1));
  EXPECT_EQ(weights[0]["backend"], "10.0.0.12:8080");
  EXPECT_EQ(weights[0]["weight"], 9);
}

TEST(Order, OfTheLastBackendSaysWhichServicesAreOutNow) {
  Runtime runtime;
  for (const char* backend : {"10.0.0.53:53", "10.0.0.54:53"})
    runtime.overrides[{"dns", backend}] = {Order::kDrain, {}};
  const auto answer = [&](const BackendRef& ref) {
    return Json::parse(order_json({}, view_of(site(), runtime), ref, {}, {}))["warnings"];
  };
  EXPECT_THAT(answer({"dns", "10.0.0.53:53"}), ::testing::ElementsAre(HasSubstr("service names is out")));
  EXPECT_THAT(answer({"web", "10.0.0.11:8080"}), ::testing::IsEmpty());
}

TEST(Status, NamesWhoIsNotUpAndWhy) {
  Runtime runtime;
  runtime.health[{"web", "10.0.0.11:8080"}] = {false, "refused", {}};
  runtime.health[{"web", "10.0.0.12:8080"}] = {false, "timeout", {}};
  runtime.overrides[{"web", "10.0.0.12:8080"}] = {Order::kMaint, {}};
  runtime.overrides[{"dns", "10.0.0.53:53"}] = {Order::kDrain, {}};
  const auto status = Json::parse(status_json(view_of(site(), runtime), {}));
  const auto& rows = status["unhealthy"];
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[0]["reason"], "refused");
  EXPECT_EQ(rows[0]["since"], "1970-01-01T00:00:00.000Z");
  for (const auto& by_operator : {rows[1], rows[2]}) {
    EXPECT_EQ(by_operator["reason"], "set by an operator");
    EXPECT_TRUE(by_operator["since"].is_null());
  }
  EXPECT_EQ(status["backends"], Json::parse(R"({"total":8,"up":5,"down":1,"drain":1,"maint":1})"));
}

TEST(Status, HasRoomForAHundredBackendsAndTwentyCertificates) {
  auto config = site();
  Runtime runtime;
  for (int i = 0; i < 101; ++i) {
    config.pools[0].backends.push_back(test::backend(fmt::format("10.1.0.{}:80", i + 1)));
    runtime.overrides[{"web", fmt::format("10.1.0.{}:80", i + 1)}] = {Order::kMaint, {}};
  }
  Json certificates = Json::array();
  for (int i = 0; i < 21; ++i) certificates.push_back({{"name", i}, {"not_after", 1'000 + i}, {"warning", "expired"}});
  Facts facts;
  facts.l7_certs = Json{{"certificates", certificates}}.dump();
  facts.losses.assign(51, {"packets dropped", "no_route", 1});
  const auto status = Json::parse(status_json(view_of(config, runtime), facts));
  EXPECT_THAT(status["unhealthy"], SizeIs(100));
  EXPECT_EQ(status["backends"]["maint"], 101) << "counted all the same";
  EXPECT_THAT(status["certificates_due"], SizeIs(20));
  EXPECT_EQ(status["certificates_due"][0]["name"], 0) << "those that end first";
  EXPECT_THAT(status["losses"], SizeIs(50));
}

TEST(Status, OnlyWhoIsMissedIsAway) {
  ProcessView process{.consumer = &kL7,
                      .concerned = true,
                      .in_step = false,
                      .connected = false,
                      .problem = "",
                      .socket = "/run/l7.sock"};
  EXPECT_THAT(away_text(process), HasSubstr("nobody answers at /run/l7.sock: is cardea-l7 running?"));
  process.connected = true;
  EXPECT_EQ(away_text(process), "");
  process.connected = process.concerned = false;
  EXPECT_EQ(away_text(process), "");
}

TEST(Backends, SayWhatTheLastCheckFoundAndNothingWhereNoneIsMade) {
  auto config = site();
  config.pools[1].health.type = conf::HealthType::kNone;
  const std::vector<health::TargetStatus> health = {
      {.pool = "web", .backend = "10.0.0.11:8080", .up = true, .checked = true, .last_reason = "refused"},
      {.pool = "web", .backend = "10.0.0.12:8080", .up = true, .checked = true},
      {.pool = "web", .backend = "[2001:db8::5]:8080", .up = true},
      {.pool = "dns", .backend = "10.0.0.53:53", .up = true}};
  const auto rows = backends(view_of(config), health);
  EXPECT_EQ(rows[0]["health"]["last_result"], "failed");
  EXPECT_EQ(rows[1]["health"]["last_result"], "passed");
  EXPECT_EQ(rows[2]["health"]["last_result"], "none");
  EXPECT_TRUE(row_of(rows, "pool", "dns")["health"].is_null()) << "nobody checks it";
}

TEST(Backends, WhoIsDownHasAWeightAndGetsNothing) {
  Runtime runtime;
  runtime.health[{"web", "10.0.0.11:8080"}] = {false, "refused", {}};
  const auto rows = backends(view_of(site(), runtime), {});
  EXPECT_EQ(rows[0]["weight_configured"], 3);
  EXPECT_EQ(rows[0]["weight_effective"], 0);
  EXPECT_EQ(rows[0]["share_percent"], 0);
  EXPECT_NEAR(rows[1]["share_percent"].get<double>(), 50, 0.1);
}

TEST(Backends, SharesOfWhoIsBalancedWithoutARingAreByWeightOfThoseThatServe) {
  auto config = site();
  config.pools[0].balance = conf::Balance::kLeastConn;
  Runtime runtime;
  runtime.health[{"web", "10.0.0.12:8080"}] = {false, "refused", {}};
  const auto rows = backends(view_of(config, runtime), {});
  EXPECT_DOUBLE_EQ(rows[0]["share_percent"], 75);
  EXPECT_DOUBLE_EQ(rows[1]["share_percent"], 0);
  EXPECT_DOUBLE_EQ(rows[2]["share_percent"], 25);
}

TEST(Backends, AreCountedByWhoeverUsesTheirPool) {
  const auto rows = backends(view_of(site()), {}, traffic_of({{"cardea_backend_flows_total", kWeb, 5}}));
  EXPECT_EQ(rows[0]["new_flows"], 5);
  EXPECT_FALSE(rows[0]["l7"].is_null()) << "both use it";
  const auto api = row_of(rows, "pool", "api"), spare = row_of(rows, "pool", "spare");
  EXPECT_TRUE(api["packets_in"].is_null()) << "only cardea-l7 knows it";
  EXPECT_EQ(spare["packets_in"], 0) << "nobody uses it, and nothing came";
  EXPECT_TRUE(spare["l7"].is_null());
}

TEST(Pools, AddUpWhatTheirBackendsMet) {
  const auto traffic =
      traffic_of({{"cardea_l7_backend_requests_total", kWeb, 100},
                  {"cardea_l7_backend_requests_total", kWebToo, 1},
                  {"cardea_l7_backend_connect_failures_total", kWeb, 200},
                  {"cardea_l7_backend_connect_failures_total", kWebToo, 2},
                  {"cardea_l7_backend_failures_total", kWeb, 300},
                  {"cardea_l7_backend_failures_total", kWebToo, 3},
                  {"cardea_l7_backend_responses_total", std::string(kWeb) + R"(,code_class="5xx")", 400},
                  {"cardea_l7_backend_responses_total", std::string(kWebToo) + R"(,code_class="5xx")", 4}});
  const auto rows = Json::parse(pools_json(view_of(site()), traffic))["pools"];
  EXPECT_EQ(rows[0]["l7"],
            Json::parse(R"({"requests":101,"connect_failures":202,"failures":303,"responses":{"5xx":404}})"));
  EXPECT_TRUE(row_of(rows, "name", "dns")["l7"].is_null());
}

TEST(Pools, ServeWhileOneOfTheirBackendsDoes) {
  Runtime runtime;
  for (const char* address : {"10.0.0.11:8080", "10.0.0.12:8080", "10.0.0.53:53", "10.0.0.54:53"})
    runtime.health[{std::string_view(address).ends_with(":53") ? "dns" : "web", address}] = {false, "refused", {}};
  const auto rows = Json::parse(pools_json(view_of(site(), runtime), {}))["pools"];
  EXPECT_EQ(rows[0]["backends_up"], 1);
  EXPECT_EQ(rows[0]["serving"], true);
  EXPECT_EQ(rows[1]["backends_up"], 0);
  EXPECT_EQ(rows[1]["serving"], false);
}

TEST(Pools, SayThatTheyAreInPanicAndWhoStandsBy) {
  auto config = site();
  config.pools[0].panic_below = 50;
  config.pools[1].backends[1].backup = true;
  Runtime runtime;
  for (const auto& backend : config.pools[0].backends)
    runtime.health[{config.pools[0].name, backend.address.text()}] = {false, "refused", {}};
  const auto view = view_of(config, runtime);
  const auto pools = Json::parse(pools_json(view, {}))["pools"];
  EXPECT_EQ(pools[0]["panic"], true);
  EXPECT_EQ(pools[0]["serving"], true) << "by what is down";
  EXPECT_EQ(pools[1]["panic"], false);
  const auto backends = Json::parse(backends_json(view, {}, {}, config.pools[1].name))["backends"];
  EXPECT_EQ(backends[0]["standby"], false);
  EXPECT_EQ(backends[1]["standby"], true);
  EXPECT_EQ(backends[1]["weight_effective"], 0);
  EXPECT_THAT(pools_in_panic(view),
              ::testing::ElementsAre(::testing::HasSubstr("is in panic: less than 50 % of it is up")));
}

TEST(Services, AddUpTheBackendsOfAllTheirPools) {
  Runtime runtime;
  runtime.health[{"api", "10.0.0.61:80"}] = {false, "refused", {}};
  const auto rows = Json::parse(services_json(view_of(site(), runtime), {}))["services"];
  const auto http = row_of(rows, "name", "site");
  EXPECT_EQ(http["backends_up"], 4);
  EXPECT_EQ(http["backends_total"], 5);
  EXPECT_EQ(row_of(rows, "name", "names")["backends_total"], 2);
}

TEST(Routes, EndWithThePoolOfTheRestAndAreThoseOfOneServiceWhereOneIsNamed) {
  auto config = site();
  auto other = config.services.back();
  other.name = "other", other.pool.clear();
  config.services.push_back(other);
  const View view = view_of(config);
  const auto all = Json::parse(routes_json(view, {}, ""))["routes"];
  ASSERT_THAT(all, SizeIs(5));
  EXPECT_EQ(all[2]["name"], "site");
  EXPECT_EQ(all[2]["path"], "/");
  EXPECT_EQ(all[2]["backends_total"], 2);
  EXPECT_THAT(Json::parse(routes_json(view, {}, "other"))["routes"], SizeIs(2)) << "what no route matches ends there";
}

TEST(Cache, WhatWasServedStaleIsNoHit) {
  const std::string labels = R"(cache="edge",result=")";
  const auto traffic = traffic_of({{"cardea_l7_cache_requests_total", labels + R"(hit")", 50},
                                   {"cardea_l7_cache_requests_total", labels + R"(revalidated")", 10},
                                   {"cardea_l7_cache_requests_total", labels + R"(miss")", 30},
                                   {"cardea_l7_cache_requests_total", labels + R"(stale")", 10},
                                   {"cardea_l7_cache_requests_total", labels + R"(bypass")", 900}});
  const auto rows = Json::parse(cache_json(R"({"caches":[{"name":"edge"},{"name":"new"}]})", traffic))["caches"];
  EXPECT_DOUBLE_EQ(rows[0]["hit_percent"], 60);
  EXPECT_EQ(rows[0]["bypassed"], 900);
  EXPECT_TRUE(rows[1]["hit_percent"].is_null()) << "nobody asked yet";
}

// Each field is the count of its own name and of no other.
TEST(L7Counts, EachFieldIsOfItsOwnRow) {
  struct Field {
    const char *path, *metric, *label;
  };
  const Field of_backend[] = {{"/connections", "connections", ""},
                              {"/requests", "requests_total", ""},
                              {"/responses/2xx", "responses_total", R"(,code_class="2xx")"},
                              {"/responses/5xx", "responses_total", R"(,code_class="5xx")"},
                              {"/connects", "connects_total", ""},
                              {"/reused", "reused_total", ""},
                              {"/connect_failures", "connect_failures_total", ""},
                              {"/failures", "failures_total", ""},
                              {"/retries", "retries_total", ""}};
  const Field of_service[] = {{"/connections", "connections", ""},
                              {"/connections_total", "connections_total", ""},
                              {"/connections_refused", "connections_refused_total", ""},
                              {"/tls_handshakes", "tls_handshakes_total", ""},
                              {"/tls_resumed", "tls_resumed_total", ""},
                              {"/tls_failures", "tls_failures_total", ""},
                              {"/requests", "requests_total", ""},
                              {"/bad_requests", "bad_requests_total", ""},
                              {"/responses/4xx", "responses_total", R"(,code_class="4xx")"},
                              {"/bytes_in", "bytes_total", R"(,direction="in")"},
                              {"/bytes_out", "bytes_total", R"(,direction="out")"}};
  const auto expect = [](std::span<const Field> fields, const std::string& prefix, const std::string& labels,
                         const auto& read) {
    for (const Field& field : fields) {
      const Json json = read(traffic_of({{prefix + field.metric, labels + field.label, 5}}));
      for (const Field& other : fields)
        EXPECT_EQ(json.at(Json::json_pointer(other.path)), &field == &other ? 5 : 0) << field.metric << other.path;
    }
  };
  expect(of_backend, "cardea_l7_backend_", kWeb,
         [](const Traffic& t) { return l7_of_backend(t, "web", "10.0.0.11:8080"); });
  expect(of_service, "cardea_l7_service_", R"(service="shop")",
         [](const Traffic& t) { return l7_of_service(t, "shop"); });
}

}  // namespace
}  // namespace cardea::mgmt::api
