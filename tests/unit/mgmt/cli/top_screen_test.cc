#include "mgmt/cli/top_screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Measured busy_site() {
  Measured site;
  site.status = nlohmann::json::parse(R"({"cluster":"edge","flows":1,"connections":2,"backends":{"up":39,"total":40},
      "cores":[{"cpu":2,"busy_percent":50.0}],"shards":[{"cpu":4,"busy_percent":3.5}]})");
  site.services.push_back({.pool = "dns", .name = "dns", .packets_in = 1'234'567, .l4 = true});
  site.services.push_back({.pool = "web", .name = "shop", .l7 = L7Rate{.requests = 1000, .errors = 2}});
  const std::string pool = "a-pool-whose-name-has-as-many-letters-as-a-name-of-a-pool-may-have";
  for (int i = 0; i < 20; ++i) {
    const std::string address = "[2001:db8:1234:5678:9abc:def0:1234:" + std::to_string(5600 + i) + "]:65535";
    site.backends.push_back(
        {.pool = pool, .name = address, .state = "up", .packets_in = 1e9, .bytes_in = 1e9, .l4 = true});
    site.backends.push_back({.pool = "web", .name = "10.0.0.1:80", .state = "down", .l7 = L7Rate{}});
  }
  return site;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(TopScreen, FitsTheWindowAndShowsSomethingOfEveryTable) {
  const std::string text = screen(busy_site(), false, {23, 80});
  const auto lines = lines_of(text);
  EXPECT_LE(lines.size(), 23u) << text;
  for (const char* title : {"PKTS/S IN", "REQUESTS/S", "FLOWS", "CONNS/S"}) EXPECT_THAT(text, HasSubstr(title));
  EXPECT_THAT(text, HasSubstr("1.23 M"));
  EXPECT_THAT(text, HasSubstr("a-pool")) << text;
  EXPECT_THAT(text, HasSubstr("web/10.0.0.1:80")) << text;
  EXPECT_THAT(text, HasSubstr(" more\n"));
  EXPECT_EQ(lines[0], "cardea edge  39 of 40 backends up  1 flow  2 connections");
  EXPECT_EQ(lines[1], "worker cpu 2 50.0 % busy  shard cpu 4 3.5 % busy");
}

TEST(TopScreen, ShortensNamesToTheWidthOfTheWindow) {
  for (const size_t columns : {80, 100, 120})
    for (const auto& line : lines_of(screen(busy_site(), false, {60, columns})))
      EXPECT_LE(display_width(line), columns) << line;
  EXPECT_THAT(screen(busy_site(), false, {60, 120}), HasSubstr("…/[2001:db8:1234:5678:9abc:def0:1234:5600]:65535  up"));
}

// A title with nothing but "… 20 more" under it is of no use to anybody.
TEST(TopScreen, LeavesTablesOutOfAWindowThatHasNoRoomForARowOfEach) {
  for (size_t lines = 7; lines < 24; ++lines) {
    const std::string text = screen(busy_site(), false, {lines, 80});
    EXPECT_LE(lines_of(text).size(), lines) << text;
    EXPECT_THAT(text, HasSubstr("\ndns ")) << text;
    EXPECT_NE(text.contains("web/10.0.0.1:80"), text.contains("\nno room for ")) << text;
  }
  EXPECT_THAT(screen(busy_site(), false, {14, 60}), HasSubstr("\nno room for backends' requests\n"));
  EXPECT_THAT(screen(busy_site(), false, {8, 60}),
              HasSubstr("\nno room for requests, backends' packets, backends' requests\n"));
}

TEST(TopScreen, RoutesStandThereWhereAServiceHasSeveral) {
  Measured site = busy_site();
  site.routes = {{.pool = "web", .name = "shop/api", .l7 = L7Rate{.requests = 900, .errors = 2, .client_errors = 7}},
                 {.pool = "web", .name = "shop/shop", .l7 = L7Rate{.requests = 100}},
                 {.pool = "web", .name = "blog/blog", .l7 = L7Rate{.requests = 5}}};
  for (const Space space : {Space{24, 80}, Space{40, 120}}) {
    const std::string text = screen(site, false, space);
    EXPECT_LE(lines_of(text).size(), space.lines) << text;
    EXPECT_THAT(text, HasSubstr("\nROUTE  "));
    EXPECT_THAT(text, HasSubstr("\nshop/api"));
    EXPECT_FALSE(text.contains("blog/blog")) << "its only route has the service's figures";
  }
  EXPECT_THAT(lines_of(screen(site, false)), testing::Contains("shop/api          900      7      2     -  web"));
}

TEST(TopScreen, HasNoEndWithoutAWindow) {
  const auto lines = lines_of(screen(busy_site(), false));
  EXPECT_EQ(lines.size(), 2u + 3 + 3 + 22 + 22);
}

TEST(TopScreen, ManyCoresAreToldTogether) {
  Measured site = busy_site();
  site.status["cores"] = nlohmann::json::parse(R"([{"busy_percent":10.0},{"busy_percent":20.0},{"busy_percent":30.0},
      {"busy_percent":40.0},{"busy_percent":100.0}])");
  EXPECT_THAT(screen(site, false), HasSubstr("5 workers 40.0 % busy, the busiest 100.0 %  shard cpu 4"));
}

TEST(Shares, GiveWhatOneDoesNotNeedToTheOthers) {
  EXPECT_THAT(shares({1, 100, 100}, 21), ElementsAre(1, 10, 10));
  EXPECT_THAT(shares({5, 2, 3}, 100), ElementsAre(5, 2, 3));
  EXPECT_THAT(shares({5, 5}, 0), ElementsAre(0, 0));
  EXPECT_THAT(shares({}, 5), ElementsAre());
}

TEST(Shortened, KeepsTheAddressOfABackend) {
  EXPECT_EQ(shortened("web/10.0.0.1:80", 15), "web/10.0.0.1:80");
  EXPECT_EQ(shortened("long-pool/10.0.0.1:80", 16), "lon…/10.0.0.1:80");
  EXPECT_EQ(shortened("a-service-with-a-name", 10), "a-service…");
  EXPECT_EQ(shortened("pool/[2001:db8::1]:80", 10), "pool/[200…");
}

}  // namespace
}  // namespace cardea::mgmt::cli
