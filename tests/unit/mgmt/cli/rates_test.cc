#include "mgmt/cli/rates.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

json backend(const char* pool, const char* address, uint64_t packets, uint64_t bytes) {
  return {{"pool", pool},     {"address", address}, {"state", "up"},  {"flows", 3},    {"packets_in", packets},
          {"packets_out", 0}, {"bytes_in", bytes},  {"bytes_out", 0}, {"new_flows", 0}};
}
json answer(std::initializer_list<json> rows) {
  return {{"backends", json::array_t(rows)}};
}

TEST(Rates, DividesByTheTimeAndPutsTheBusiestFirst) {
  const auto rows = rates(answer({backend("web", "a", 100, 1000), backend("web", "b", 100, 1000)}),
                          answer({backend("web", "a", 110, 2000), backend("web", "b", 140, 5000)}), "backends", 2);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "b");
  EXPECT_DOUBLE_EQ(rows[0].packets_in, 20);
  EXPECT_DOUBLE_EQ(rows[0].bytes_in, 2000);
  EXPECT_DOUBLE_EQ(rows[1].packets_in, 5);
  EXPECT_EQ(rows[1].flows, 3u);
}

TEST(Rates, CountsFromZeroAfterARestartAndForNewRows) {
  const auto rows = rates(answer({backend("web", "a", 100, 0)}),
                          answer({backend("web", "a", 10, 0), backend("dns", "a", 4, 0)}), "backends", 1);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_DOUBLE_EQ(rows[0].packets_in, 10);
  EXPECT_EQ(rows[1].pool, "dns");
  EXPECT_DOUBLE_EQ(rows[1].packets_in, 4);
}

TEST(Rates, RoutesAreKnownByTheirService) {
  const auto row = [](const char* service, uint64_t refused) {
    return json{{"service", service},
                {"name", "api"},
                {"pool", "web"},
                {"l7", {{"requests", 10}, {"responses", {{"4xx", refused}}}}}};
  };
  const json before{{"routes", {row("a", 0), row("b", 3)}}}, after{{"routes", {row("a", 1), row("b", 7)}}};
  const auto rows = rates(before, after, "routes", 2);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].name, "b/api");
  EXPECT_DOUBLE_EQ(rows[1].l7->client_errors, 2);
}

TEST(Rates, CountRequestsAndTheMeanOfThoseThatEnded) {
  const auto row = [](uint64_t requests, uint64_t errors, double total) {
    return json{{"name", "shop"},
                {"packets_in", nullptr},
                {"bytes_out", requests * 1000},
                {"l7",
                 {{"connections", 5},
                  {"connections_total", requests / 10},
                  {"requests", requests},
                  {"bad_requests", 0},
                  {"responses", {{"5xx", errors}}},
                  {"durations", requests},
                  {"duration_ms_total", total}}}};
  };
  const json before{{"services", {row(100, 0, 1000)}}}, after{{"services", {row(300, 4, 1500)}}};
  const auto rows = rates(before, after, "services", 2);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_FALSE(rows[0].l4);
  ASSERT_TRUE(rows[0].l7);
  EXPECT_DOUBLE_EQ(rows[0].l7->requests, 100);
  EXPECT_DOUBLE_EQ(rows[0].l7->errors, 2);
  EXPECT_DOUBLE_EQ(rows[0].l7->connects, 10);
  EXPECT_DOUBLE_EQ(rows[0].l7->mean_ms.value(), 2.5);
  EXPECT_DOUBLE_EQ(rows[0].bytes_out, 100'000);
  EXPECT_FALSE(rates(after, after, "services", 1)[0].l7->mean_ms) << "nothing ended";
}

TEST(Rates, TakesAnswersWithoutTheListAsEmpty) {
  EXPECT_TRUE(rates(json(), json::object(), "backends", 1).empty());
}

}  // namespace
}  // namespace cardea::mgmt::cli
