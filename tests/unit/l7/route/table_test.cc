// Which route serves what: rows of hosts and paths, the tricks with paths, and a table of random routes against the
// oracle.
#include "l7/route/table.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/l7/route/oracle.h"

namespace cardea::l7::route {
namespace {

const std::vector<RouteRow> kSite = {
    {"shop-api", {"shop.com"}, "/api/"},
    {"shop", {"shop.com", "*.shop.com"}, "/"},
    {"eu", {"*.eu.shop.com"}, "/v1"},
    {"images", {}, "/images"},
    {"deep", {}, "/images/large/"},
    {"late", {"shop.com"}, "/api/"},
    {"address", {"[2001:db8::1]"}, "/x"},
    {"admin", {"b.org"}, "/admin/"},
    {"b", {"b.org"}, "/"},
};

std::string route_of(const std::vector<RouteRow>& rows, std::string_view host, std::string_view path) {
  const auto table = Table::build(rows);
  EXPECT_TRUE(table.has_value());
  std::string scratch(scratch_size(path), '\0');
  const auto reading = read_path(path, scratch);
  if (!reading) return std::string(word(reading.error()));
  const auto found = table->match(host, *reading);
  if (found) return std::string(rows[found->route].name);
  return found.error() == NoRoute::kHost ? "no host" : found.error() == NoRoute::kPath ? "no path" : "ambiguous";
}

TEST(Table, MostSpecificHostThenLongestPrefix) {
  const struct {
    const char *host, *path, *route;
  } rows[] = {
      {"shop.com", "/api/x", "shop-api"},   {"SHOP.com.", "/api/", "shop-api"}, {"shop.com", "/api", "shop"},
      {"shop.com", "/apix", "shop"},        {"a.shop.com", "/api/x", "shop"},   {"a.b.shop.com", "/", "shop"},
      {"a.eu.shop.com", "/v1", "eu"},       {"a.eu.shop.com", "/v1/x", "eu"},   {"a.eu.shop.com", "/v10", "shop"},
      {"eu.shop.com", "/v1", "shop"},       {"xshop.com", "/", "no path"},      {"other", "/images", "images"},
      {"other", "/images/", "images"},      {"other", "/imagesx", "no path"},   {"other", "/images/large/a", "deep"},
      {"other", "/images/large", "images"}, {"2001:db8::1", "/x/y", "address"}, {"2001:db8::1", "/images", "images"},
      {"", "/images/a", "images"},          {"other", "*", "no path"},          {"shop.com", "*", "shop"},
      {"shop.com", "/images", "shop"},      {".shop.com", "/", "no path"},
  };
  for (const auto& row : rows) EXPECT_EQ(route_of(kSite, row.host, row.path), row.route) << row.host << row.path;
}

TEST(Table, SaysWhatMatched) {
  const auto table = Table::build(kSite);
  ASSERT_TRUE(table.has_value());
  const auto found = table->match("a.b.shop.com", *read_path("/x", {}));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, (Match{1, HostRule::kWildcard, ".shop.com", "/"}));
}

TEST(Table, WithoutAnyHostRuleAForeignHostIsTold) {
  EXPECT_EQ(route_of({{"a", {"a"}, "/"}}, "b", "/"), "no host");
  EXPECT_EQ(route_of({}, "b", "/"), "no host");
}

TEST(Table, RefusesAPathThatBackendsReadInTwoWays) {
  const struct {
    const char *path, *route;
  } rows[] = {
      {"/admin/x", "admin"},
      {"/%61dmin/x", "admin"},
      {"/admin%2Fx", "ambiguous"},
      {"//admin/x", "ambiguous"},
      {"/admin;v=1/x", "ambiguous"},
      {"/admin%3bv/x", "ambiguous"},
      {"/a/../admin/x", "admin"},
      {"/a/%2e%2E/admin/x", "admin"},
      {"/a%2f..%2fadmin/x", "ambiguous"},
      {"/a%5c..%5cadmin/x", "ambiguous"},
      {"/a/..;/admin/x", "ambiguous"},
      {"/admin/../x", "b"},
      {"/x%2Fy", "b"},
      {"/x;a=b/y", "b"},
      {"/x//y", "b"},
      {"/admin/a%2Fb", "admin"},
      {"/..", "path_above_root"},
      {"/a/../../b", "path_above_root"},
      {"/%2e%2e/x", "path_above_root"},
      {"/a%00b", "path_control"},
      {"/a%0d%0ab", "path_control"},
      {"/a%7F", "path_control"},
      {"/a%", "path_encoding"},
      {"/a%4", "path_encoding"},
      {"/a%zz", "path_encoding"},
      {"/%252e%252e/admin/", "b"},
  };
  for (const auto& row : rows) EXPECT_EQ(route_of(kSite, "b.org", row.path), row.route) << row.path;
}

TEST(ReadPath, ForwardsTheClientsOwnPathUnlessDotsWereResolved) {
  const struct {
    const char *path, *match, *lenient, *forward;
  } rows[] = {
      {"/a/b", "/a/b", "/a/b", "/a/b"},
      {"/%7euser/%c3%a9", "/~user/%C3%A9", "/~user/%C3%A9", "/%7euser/%c3%a9"},
      {"/a/./b/../c", "/a/c", "/a/c", "/a/c"},
      {"/a/..", "/", "/", "/"},
      {"/a/.", "/a/", "/a/", "/a/"},
      {"/.well-known/x", "/.well-known/x", "/.well-known/x", "/.well-known/x"},
      {"/a//b;c/d%2Fe", "/a//b;c/d%2Fe", "/a/b/d/e", "/a//b;c/d%2Fe"},
      {"/a/...", "/a/...", "/a/...", "/a/..."},
      {"/admin%2Fa/../x", "/x", "/x", "/x"},  // the backend never sees what the client wrote before the dots
  };
  for (const auto& row : rows) {
    std::string scratch(scratch_size(row.path), '\0');
    const auto reading = read_path(row.path, scratch);
    ASSERT_TRUE(reading.has_value()) << row.path;
    EXPECT_EQ(reading->match, row.match);
    EXPECT_EQ(reading->lenient, row.lenient);
    EXPECT_EQ(reading->forward, row.forward);
  }
}

TEST(Table, RefusesWhatNoRequestCouldMeet) {
  const auto refusal = [](RouteRow row) {
    const auto table = Table::build(std::span(&row, 1));
    return table ? std::string() : table.error().message;
  };
  EXPECT_NE(refusal({"r", {"a b"}, "/"}).find("route r: host \"a b\""), std::string::npos);
  EXPECT_NE(refusal({"r", {"a:80"}, "/"}), "");
  EXPECT_NE(refusal({"r", {"*.[::1]"}, "/"}), "");
  EXPECT_NE(refusal({"r", {"a.*"}, "/"}), "");
  EXPECT_NE(refusal({"r", {}, "x"}).find("begin it with /"), std::string::npos);
  EXPECT_NE(refusal({"r", {}, "/a%2Fb"}), "");
  EXPECT_NE(refusal({"r", {}, "//a"}), "");
  EXPECT_NE(refusal({"r", {}, "/%zz"}), "");
  EXPECT_EQ(refusal({"r", {"*"}, "/%41"}), "");
}

// Few letters, so that hosts and prefixes overlap in every way.
TEST(Table, AnswersAsTheLinearScan) {
  std::mt19937 random(11);
  const auto pick = [&random](std::initializer_list<const char*> list) {
    return *(list.begin() + random() % list.size());
  };
  const auto path = [&] {
    std::string out;
    for (unsigned segments = random() % 4; segments != 0; --segments)
      out.append("/").append(pick({"a", "b", "ab", "abc", "aa"}));
    return out.empty() || random() % 2 ? out + "/" : out;
  };
  const auto name = [&] {
    std::string out = pick({"a", "b", "ab"});
    for (unsigned labels = random() % 3; labels != 0; --labels) out.append(".").append(pick({"a", "b", "com"}));
    return out;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> text;
    text.reserve(200);
    std::vector<RouteRow> rows;
    std::vector<std::string> prefixes;
    for (unsigned i = 1 + random() % 40; i != 0; --i) {
      prefixes.push_back(path());
      RouteRow row{"r", {}, text.emplace_back(prefixes.back())};
      for (unsigned hosts = random() % 3; hosts != 0; --hosts)
        row.hosts.push_back(text.emplace_back((random() % 2 ? "*." : "") + name()));
      rows.push_back(row);
    }
    const auto table = Table::build(rows);
    ASSERT_TRUE(table.has_value()) << table.error().message;
    for (int i = 0; i < 100; ++i) {
      const std::string host = name(), asked = path();
      const auto found = table->match(host, *read_path(asked, {}));
      const auto expected = testing::linear_scan(rows, prefixes, host, asked);
      ASSERT_EQ(found.has_value(), expected.has_value()) << host << asked;
      if (found) {
        ASSERT_EQ(found->route, *expected) << host << asked;
      }
    }
  }
}

}  // namespace
}  // namespace cardea::l7::route
