#include "mgmt/cli/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A table's cells: what stands two blanks or more apart.
std::vector<std::string> cells(const std::string& text, size_t row) {
  std::istringstream lines(text);
  std::string line;
  for (size_t i = 0; i <= row; ++i) std::getline(lines, line);
  std::vector<std::string> out;
  for (size_t at = 0; at < line.size();) {
    const size_t end = std::min(line.find("  ", at), line.size());
    if (end > at) out.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(' ', end);
    if (at == line.npos) break;
  }
  return out;
}

json l7_counts(uint64_t requests, uint64_t errors) {
  return {{"connections", 4},
          {"requests", requests},
          {"responses", {{"4xx", 3}, {"5xx", errors}}},
          {"connect_failures", 2},
          {"failures", 1},
          {"duration_ms_mean", requests == 0 ? json(nullptr) : json(1.26)}};
}

TEST(Tables, ServicesOfBothKindsStandInTablesOfTheirOwn) {
  const json l4{{"name", "dns"},   {"mode", "l4"},      {"forward", "ipip"},   {"listen", {"203.0.113.53:53/udp"}},
                {"pool", "dns"},   {"backends_up", 1},  {"backends_total", 2}, {"new_flows", 1500},
                {"packets_in", 9}, {"bytes_in", 1'500}, {"bytes_out", 0},      {"l7", nullptr}};
  const json l7{{"name", "shop"},
                {"mode", "http"},
                {"tls", true},
                {"listen", {"203.0.113.10:443/tcp"}},
                {"pool", nullptr},
                {"backends_up", 2},
                {"backends_total", 2},
                {"packets_in", nullptr},
                {"bytes_in", 2'000'000},
                {"bytes_out", 5'000},
                {"l7", l7_counts(12'345, 7)}};
  const std::string text = services_text({{"services", {l4, l7}}}, false);
  EXPECT_THAT(cells(text, 1),
              ElementsAre("dns", "203.0.113.53:53/udp", "ipip", "dns", "1/2", "1 500", "1.5 KB", "0 B"));
  EXPECT_THAT(cells(text, 4), ElementsAre("shop", "203.0.113.10:443/tcp", "http+tls", "2/2", "4", "12 345", "3", "7",
                                          "1.3 ms", "2.0 MB", "5.0 KB"));
  EXPECT_THAT(services_text({{"services", {l7}}}, false), Not(HasSubstr("FORWARD"))) << "no empty table";
  EXPECT_EQ(services_text({{"services", json::array()}}, false), "no services\n");
}

TEST(Tables, RoutesSayWhatTheyMatchAndWhereItGoes) {
  json row{{"service", "shop"},   {"name", "api"},    {"hosts", {"a.com", "b.com"}},
           {"path", "/api/"},     {"pool", "api"},    {"backends_up", 0},
           {"backends_total", 1}, {"cache", nullptr}, {"l7", l7_counts(0, 0)}};
  EXPECT_THAT(cells(routes_text({{"routes", {row}}}, false), 1),
              ElementsAre("shop", "api", "a.com b.com", "/api/", "api", "0/1", "-", "0", "3", "0", "-"));
  row["hosts"] = json::array();
  row["cache"] = "edge";
  EXPECT_THAT(cells(routes_text({{"routes", {row}}}, false), 1),
              ElementsAre("shop", "api", "any", "/api/", "api", "0/1", "edge", "0", "3", "0", "-"));
  row["pool"] = nullptr, row["path_rule"] = "regex", row["conditional"] = true;
  row["split"] = {{{"pool", "a"}, {"weight", 9}}, {{"pool", "b"}, {"weight", 1}}};
  EXPECT_THAT(cells(routes_text({{"routes", {row}}}, false), 1),
              ElementsAre("shop", "api", "any", "~ /api/ +", "a 9, b 1", "0/1", "edge", "0", "3", "0", "-"));
  row["split"] = json::array(), row["path_rule"] = "exact", row["action"] = "redirect";
  EXPECT_THAT(cells(routes_text({{"routes", {row}}}, false), 1),
              ElementsAre("shop", "api", "any", "= /api/ +", "redirect", "-", "edge", "0", "3", "0", "-"));
}

TEST(Tables, BackendsHavePassiveSignalsBesideTheLastCheck) {
  json row{{"pool", "web"},
           {"address", "10.0.0.1:80"},
           {"state", "up"},
           {"weight_configured", 3},
           {"weight_override", 5},
           {"share_percent", 75.0},
           {"packets_in", nullptr},
           {"l7", l7_counts(100, 9)},
           {"health", {{"checked", true}, {"last_result", "failed"}, {"reason", "refused"}}}};
  EXPECT_THAT(
      cells(backends_text({{"backends", {row}}}, false), 1),
      ElementsAre("web", "10.0.0.1:80", "up", "5 (file: 3)", "75.0 %", "4", "100", "2", "1", "9", "1.3 ms", "refused"));
  row["health"]["own_failure"] = "Network is unreachable";
  EXPECT_THAT(backends_text({{"backends", {row}}}, false), HasSubstr("not checked: Network is unreachable"));
  row["health"] = nullptr;
  EXPECT_THAT(backends_text({{"backends", {row}}}, false), HasSubstr("not checked"));
  row["health"] = {{"checked", false}};
  EXPECT_THAT(backends_text({{"backends", {row}}}, false), HasSubstr("no check yet"));
}

TEST(Tables, ABackendThatBothServeStandsInBothTables) {
  const json row{{"pool", "web"},     {"address", "10.0.0.1:80"}, {"state", "up"},    {"weight_configured", 1},
                 {"packets_in", 100}, {"new_flows", 17},          {"flows", nullptr}, {"l7", l7_counts(100, 0)}};
  const std::string text = backends_text({{"backends", {row}}}, false);
  EXPECT_THAT(text, AllOf(HasSubstr("FLOWS TOTAL"), HasSubstr("NO CONNECT")));
  EXPECT_THAT(cells(text, 1), testing::Contains("17"));
}

TEST(Tables, PoolsWithoutRingOrL7LeaveThoseColumnsOpen) {
  const json row{{"name", "web"},
                 {"balance", "least_conn"},
                 {"ring_size", nullptr},
                 {"services", {"shop", "blog"}},
                 {"backends_up", 1},
                 {"backends_total", 2},
                 {"serving", true},
                 {"l7", nullptr},
                 {"health", {{"type", "tcp"}, {"interval_ms", 2000}, {"rise", 2}, {"fall", 3}}}};
  EXPECT_THAT(cells(pools_text({{"pools", {row}}}, false), 1),
              ElementsAre("web", "least_conn", "-", "1/2", "yes", "-", "-", "-", "tcp every 2.0 s, rise 2, fall 3",
                          "shop blog"));
}

TEST(Tables, WhatElseDecidesStandsBesideTheState) {
  json row{
      {"pool", "web"}, {"address", "10.0.0.1:80"}, {"state", "up"}, {"weight_effective", 1}, {"l7", l7_counts(100, 0)}};
  const auto state = [&] { return cells(backends_text({{"backends", {row}}}, false), 1)[2]; };
  EXPECT_EQ(state(), "up");
  row["l7"]["ejected"] = true;
  EXPECT_EQ(state(), "up, ejected");
  row["l7"]["ejected"] = false, row["standby"] = true;
  EXPECT_EQ(state(), "up, standby");
  row["standby"] = false, row["state"] = "down";
  EXPECT_EQ(state(), "down, used") << "in panic";
  row["weight_effective"] = 0;
  EXPECT_EQ(state(), "down");
  const json pool{{"name", "web"}, {"serving", true}, {"panic", true}, {"l7", nullptr}};
  EXPECT_THAT(pools_text({{"pools", {pool}}}, false), HasSubstr("panic"));
}

TEST(Tables, WhatIsBadIsRed) {
  json row{{"pool", "web"}, {"address", "10.0.0.1:80"}, {"state", "up"}, {"l7", l7_counts(100, 9)}};
  EXPECT_THAT(backends_text({{"backends", {row}}}, true), HasSubstr("\x1b[31m9\x1b[0m"));
  row["l7"]["responses"]["5xx"] = 0;
  EXPECT_THAT(backends_text({{"backends", {row}}}, true), Not(HasSubstr("\x1b[31m0")));
}

TEST(Tables, CertificatesCountTheirDays) {
  const json row{{"service", "shop"},        {"names", {"shop.com", "*.shop.com"}},
                 {"key_type", "EC"},         {"days_left", 3.2},
                 {"name", "/etc/shop.crt"},  {"not_after", "2026-12-01T10:00:00.000Z"},
                 {"warning", "it ends soon"}};
  EXPECT_THAT(cells(certs_text({{"certificates", {row}}}, false), 1),
              ElementsAre("shop", "shop.com *.shop.com", "EC", "2026-12-01", "3.2", "/etc/shop.crt", "it ends soon"));
  EXPECT_EQ(certs_text({{"certificates", json::array()}}, false), "no certificates\n");
}

TEST(Tables, CachesSayHowOftenTheyHadTheAnswer) {
  json row{{"name", "edge"}, {"bytes", 1'000'000}, {"bytes_max", 64'000'000}, {"objects", 3},
           {"hits", 9},      {"misses", 1},        {"hit_percent", 90.0},     {"stored", 4},
           {"evicted", 1},   {"purged", 0}};
  EXPECT_THAT(cells(cache_text({{"caches", {row}}}, false), 1),
              ElementsAre("edge", "1.0 MB", "64.0 MB", "3", "9", "1", "90.0 %", "4", "1", "0"));
  row["hit_percent"] = nullptr;
  EXPECT_THAT(cells(cache_text({{"caches", {row}}}, false), 1), testing::Contains("-"));
}

}  // namespace
}  // namespace cardea::mgmt::cli
