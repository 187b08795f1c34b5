// Which route serves what: rows of hosts and paths, the tricks with paths, and a table of random routes against the
// oracle.
#include "l7/route/table.h"

#include <gtest/gtest.h>

#include <random>

#include "l7/http/parse_head.h"
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
  EXPECT_EQ(*found, (Match{1, HostRule::kWildcard, ".shop.com", PathRule::kPrefix, "/"}));
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
      {"//x/admin/y", "ambiguous"},
      {"///x//admin/y", "ambiguous"},
      {"/a/..//x/admin/", "ambiguous"},
      {"//x/y/admin/", "b"},
      {"//x", "b"},
      {"/x//y/admin/", "b"},
      {"/admin;v=1/x", "ambiguous"},
      {"/admin%3bv/x", "ambiguous"},
      {"/a/../admin/x", "admin"},
      {"/a/%2e%2E/admin/x", "admin"},
      {"/a%2f..%2fadmin/x", "path_ambiguous"},
      {"/a%5c..%5cadmin/x", "path_ambiguous"},
      {"/a/..;/admin/x", "path_ambiguous"},
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

// Each of these has two readings that agree, and a third one, of a backend that is lenient in a part of it, that does
// not: it merges no slashes, or takes "..;" for ".." and leaves %2F alone.
TEST(ReadPath, WhatOnlySomeReadersClimbByIsRefused) {
  for (const char* path : {"/a/..%2fadmin//..%2fa/y", "/b/..;/admin/..%2Fb", "/a/x%5C..", "/a/..%3bv=1/b", "/..%2fx",
                           "/a/%2e%2e%2fa/", "/shop/..%2fshop/x", "/shop/..;/shop/x"}) {
    std::string scratch(scratch_size(path), '\0');
    const auto reading = read_path(path, scratch);
    ASSERT_FALSE(reading.has_value()) << path;
    EXPECT_EQ(reading.error(), http::Fault::kPathAmbiguous) << path;
  }
  for (const char* path : {"/a/..b%2fc", "/a%2f.../b", "/a/.%2fb", "/a/.;x/b", "/a/x..%2f", "/a/..%2fb/../../c"}) {
    std::string scratch(scratch_size(path), '\0');
    EXPECT_TRUE(read_path(path, scratch).has_value()) << path;
  }
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
      const auto expected = test::linear_scan(rows, prefixes, host, asked);
      ASSERT_EQ(found.has_value(), expected.has_value()) << host << asked;
      if (found) {
        ASSERT_EQ(found->route, *expected) << host << asked;
      }
    }
  }
}

Condition condition(std::string name, Condition::Rule rule = Condition::Rule::kPresent, std::string text = "") {
  Condition one{std::move(name), rule, std::move(text)};
  one.id = http::header_id(one.name);
  if (rule == Condition::Rule::kPattern) one.pattern = Pattern::compile(one.text).value();
  return one;
}

// A request as a parsed head, and who sends it.
struct Request {
  explicit Request(std::string head, const char* from = "192.0.2.7") : text(std::move(head) + "\r\n") {
    http::HeadScan scan;
    EXPECT_TRUE(http::parse_request_head(text, {}, scan, parsed).done()) << text;
    scratch.resize(scratch_size(parsed.path));
    path = *read_path(parsed.path, scratch);
    asked = {&parsed, IpAddress::parse(from).value()};
  }
  std::string text, scratch;
  http::RequestHead parsed;
  PathReading path;
  Asked asked;
};

std::string route_of(const std::vector<RouteRow>& rows, const Request& request) {
  const auto table = Table::build(rows);
  EXPECT_TRUE(table.has_value()) << table.error().message;
  const auto found = table->match(request.parsed.authority.host, request.path, request.asked);
  return found ? std::string(rows[found->route].name) : "none";
}

std::string get(std::string_view target, std::string_view fields = "", std::string_view host = "a") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" + std::string(fields);
}

TEST(Table, ExactPathsThenExpressionsThenPrefixes) {
  const std::vector<RouteRow> rows = {
      {"all", {}, "/"},
      {"long", {}, "/v1/items/"},
      {"second", {}, "/v[0-9]+/.*", PathRule::kPattern},
      {"first", {}, "/v[0-9]/items/[0-9]+", PathRule::kPattern},
      {"exact", {}, "/v1/items/7", PathRule::kExact},
      {"elsewhere", {"b"}, "/v1", PathRule::kExact},
      {"folder", {}, "/v1/", PathRule::kExact},
  };
  const struct {
    const char *target, *host, *route;
  } asked[] = {
      {"/v1/items/7", "a", "exact"}, {"/v1/items/8", "a", "second"},  {"/w/v1/x", "a", "all"},
      {"/v1", "a", "all"},           {"/v1", "b", "elsewhere"},       {"/v1/", "b", "folder"},
      {"/v1/x", "b", "second"},      {"/%761/items/7", "a", "exact"}, {"/x/../v1/items/7", "a", "exact"},
      {"/vx/", "a", "all"},
  };
  for (const auto& row : asked)
    EXPECT_EQ(route_of(rows, Request(get(row.target, "", row.host))), row.route) << row.target;
}

// Readings that reach different routes are refused, by whatever rule.
TEST(Table, AmbiguityIsSeenThroughEveryRule) {
  const std::vector<RouteRow> rows = {
      {"all", {}, "/"}, {"one", {}, "/admin/x", PathRule::kExact}, {"many", {}, "/op/[a-z]+", PathRule::kPattern}};
  for (const char* target : {"/admin%2Fx", "//admin/x", "/admin;v/x", "/op%2fx", "/.%2fop/x"}) {
    const Request request(get(target));
    const auto found = Table::build(rows)->match("a", request.path, request.asked);
    ASSERT_FALSE(found.has_value()) << target;
    EXPECT_EQ(found.error(), NoRoute::kAmbiguous) << target;
  }
}

TEST(Table, EachConditionByItself) {
  using Rule = Condition::Rule;
  const struct {
    Conditions conditions;
    std::string fits, fits_not;
  } rows[] = {
      {{.methods = {"GET", "PURGE"}}, get("/"), "POST / HTTP/1.1\r\nHost: a\r\n"},
      {{.methods = {"GET"}}, get("/"), "HEAD / HTTP/1.1\r\nHost: a\r\n"},
      {{.headers = {condition("X-Beta")}}, get("/", "x-beta:\r\n"), get("/", "X-Bet: 1\r\n")},
      {{.headers = {condition("X-Beta", Rule::kExact, "1")}},
       get("/", "X-Beta: 0\r\nX-Beta: 1\r\n"),
       get("/", "X-Beta: 11\r\n")},
      {{.headers = {condition("user-agent", Rule::kPrefix, "curl/")}},
       get("/", "User-Agent: curl/8\r\n"),
       get("/", "User-Agent: Curl/8\r\n")},
      {{.headers = {condition("Accept", Rule::kPattern, ".*json.*")}},
       get("/", "Accept: application/json;q=1\r\n"),
       get("/", "Accept: */*\r\n")},
      {{.headers = {condition("Accept", Rule::kPattern, "json")}},
       get("/", "Accept: json\r\n"),
       get("/", "Accept: xjson\r\n")},
      {{.headers = {condition("Authorization", Rule::kAbsent)}}, get("/"), get("/", "Authorization: x\r\n")},
      {{.query = {condition("v", Rule::kExact, "2")}}, get("/?a=1&v=2"), get("/?v=22&xv=2&av=2")},
      {{.query = {condition("v", Rule::kExact, "2")}}, get("/?v=1&v=2"), get("/?v")},
      {{.query = {condition("v")}}, get("/?v"), get("/?vv=1")},
      {{.query = {condition("v", Rule::kExact, "")}}, get("/?&v=&"), get("/?v=0")},
      {{.query = {condition("v", Rule::kAbsent)}}, get("/?"), get("/?v=1")},
      {{.cookies = {condition("side", Rule::kExact, "b")}},
       get("/", "Cookie: x=1; side=b\r\n"),
       get("/", "Cookie: xside=b; side=a\r\n")},
      {{.cookies = {condition("side")}}, get("/", "Cookie: a=1\r\nCookie: side\r\n"), get("/", "X-Cookie: side=b\r\n")},
      {{.cookies = {condition("Side")}}, get("/", "Cookie: Side=1\r\n"), get("/", "Cookie: side=1\r\n")},
      {{.headers = {condition("X-A"), condition("X-B")}}, get("/", "X-A: 1\r\nX-B: 1\r\n"), get("/", "X-A: 1\r\n")},
      {{.headers = {condition("X-A")}, .query = {condition("q")}}, get("/?q", "X-A: 1\r\n"), get("/?q")},
  };
  for (const auto& row : rows) {
    const std::vector<RouteRow> table = {{"some", {}, "/", PathRule::kPrefix, row.conditions}, {"rest", {}, "/"}};
    EXPECT_EQ(route_of(table, Request(row.fits)), "some") << row.fits;
    EXPECT_EQ(route_of(table, Request(row.fits_not)), "rest") << row.fits_not;
  }
}

TEST(Table, ClientsAreToldByTheirNetwork) {
  const std::vector<RouteRow> rows = {
      {"inside",
       {},
       "/",
       PathRule::kPrefix,
       {.clients = {Prefix::parse("10.0.0.0/8").value(), Prefix::parse("2001:db8::/32").value()}}},
      {"outside", {}, "/"}};
  for (const char* from : {"10.1.2.3", "2001:db8::9"}) EXPECT_EQ(route_of(rows, Request(get("/"), from)), "inside");
  for (const char* from : {"11.1.2.3", "2001:db9::9", "::ffff:192.0.2.1"})
    EXPECT_EQ(route_of(rows, Request(get("/"), from)), "outside");
}

// Where TLS is passed through there is no head.
TEST(Table, OffersAndClientsAreAskedForWithoutAHead) {
  const std::vector<RouteRow> rows = {
      {"h2", {"a"}, "/", PathRule::kPrefix, {.alpn = {"h2", "h3"}}},
      {"inside", {"a"}, "/", PathRule::kPrefix, {.clients = {Prefix::parse("10.0.0.0/8").value()}}},
      {"both", {"a"}, "/", PathRule::kPrefix, {.clients = {Prefix::parse("10.0.0.0/8").value()}, .alpn = {"h2"}}},
      {"head", {"a"}, "/", PathRule::kPrefix, {.methods = {"GET"}}},
      {"rest", {}, "/"}};
  const Table table = Table::build(rows).value();
  const auto route_for = [&](std::string_view alpn, const char* from) {
    const auto found = table.match(HostName("a"), "/", {.client = IpAddress::parse(from).value(), .alpn = alpn});
    return rows[found.value().route].name;
  };
  EXPECT_EQ(route_for("\x08http/1.1\x02h2", "192.0.2.1"), "h2");
  EXPECT_EQ(route_for("\x02h2", "10.0.0.1"), "both");
  EXPECT_EQ(route_for("\x08http/1.1", "10.0.0.1"), "inside");
  EXPECT_EQ(route_for("\x03h22", "192.0.2.1"), "rest");
  EXPECT_EQ(route_for("\x03h2", "192.0.2.1"), "rest") << "a length that does not fit";
  EXPECT_EQ(route_for("", "192.0.2.1"), "rest");
}

// What is passed over for its conditions leaves the request to whoever would have had it without that route.
TEST(Table, WhatDoesNotHoldIsPassedOver) {
  const auto with = [](std::initializer_list<const char*> names) {
    Conditions all;
    for (const char* name : names) all.headers.push_back(condition(name));
    return all;
  };
  const std::vector<RouteRow> rows = {
      {"any", {}, "/"},
      {"a", {"a"}, "/x", PathRule::kPrefix, with({"A"})},
      {"ab", {"a"}, "/x", PathRule::kPrefix, with({"A", "B"})},
      {"ab late", {"a"}, "/x", PathRule::kPrefix, with({"B", "A"})},
      {"long", {"a"}, "/x/y/", PathRule::kPrefix, with({"L"})},
      {"exact", {"a"}, "/x/y/z", PathRule::kExact, with({"E"})},
      {"expression", {"a"}, "/x/y/.", PathRule::kPattern, with({"P"})},
      {"between", {"a"}, "/x/yy"},
  };
  const struct {
    const char *fields, *route;
  } asked[] = {
      {"", "any"},
      {"A: 1\r\n", "a"},
      {"A: 1\r\nB: 1\r\n", "ab"},
      {"B: 1\r\n", "any"},
      {"L: 1\r\nA: 1\r\n", "long"},
      {"P: 1\r\nL: 1\r\n", "expression"},
      {"E: 1\r\nP: 1\r\nL: 1\r\n", "exact"},
  };
  for (const auto& row : asked) EXPECT_EQ(route_of(rows, Request(get("/x/y/z", row.fields))), row.route) << row.fields;
}

TEST(Table, RefusesAnExpressionThatIsNone) {
  const RouteRow row{"r", {}, "/(", PathRule::kPattern};
  const auto table = Table::build(std::span(&row, 1));
  ASSERT_FALSE(table.has_value());
  EXPECT_NE(table.error().message.find("route r"), std::string::npos) << table.error().message;
  EXPECT_NE(table.error().message.find("missing"), std::string::npos) << table.error().message;
}

// Every rule and condition at once, over few hosts, paths and names.
TEST(Table, AnswersAsTheLinearScanUnderConditions) {
  using Rule = Condition::Rule;
  std::mt19937 random(23);
  const auto pick = [&random](std::initializer_list<const char*> list) {
    return std::string(*(list.begin() + random() % list.size()));
  };
  const auto path = [&] { return pick({"/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/b"}); };
  const auto some = [&](std::initializer_list<const char*> names) {
    std::vector<Condition> conditions;
    for (unsigned n = random() % 5; n > 2; --n)
      conditions.push_back(condition(pick(names), Rule(random() % 5), pick({"1", "2", "", "1.*"})));
    return conditions;
  };
  size_t found_any = 0, conditional = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> text;
    text.reserve(400);
    std::vector<RouteRow> rows;
    std::vector<std::string> paths;
    for (unsigned i = 1 + random() % 30; i != 0; --i) {
      RouteRow row{"r", {}, {}, PathRule(random() % 3), {}};
      row.path = text.emplace_back(row.rule == PathRule::kPattern ? pick({"/a.*", "/[ab]", ".*/", "/a/b/?"}) : path());
      paths.emplace_back(row.path);
      for (unsigned hosts = random() % 3; hosts != 0; --hosts)
        row.hosts.push_back(text.emplace_back(pick({"a", "b.a", "*.a", "*.b.a", "*"})));
      if (random() % 3 == 0) row.conditions.methods.push_back(pick({"GET", "POST"}));
      row.conditions.headers = some({"X-A", "Accept", "x-b"});
      row.conditions.query = some({"q", "r"});
      row.conditions.cookies = some({"c", "d"});
      if (random() % 4 == 0)
        row.conditions.clients.push_back(Prefix::parse(pick({"10.0.0.0/8", "192.0.2.0/24"})).value());
      rows.push_back(std::move(row));
    }
    const auto table = Table::build(rows);
    ASSERT_TRUE(table.has_value()) << table.error().message;
    for (int i = 0; i < 60; ++i) {
      const Request request(pick({"GET", "POST"}) + " " + path() + pick({"", "?q=1", "?q=2&r", "?r=12&q="}) +
                                " HTTP/1.1\r\nHost: " + pick({"a", "b.a", "c.b.a", "x"}) + "\r\n" +
                                pick({"", "X-A: 1\r\n", "X-A: 2\r\nX-B: 12\r\n"}) + pick({"", "Accept: 1\r\n"}) +
                                pick({"", "Cookie: c=1; d=2\r\n", "Cookie: d\r\n"}),
                            pick({"10.1.1.1", "192.0.2.9", "2001:db8::1"}).c_str());
      const auto found = table->match(request.parsed.authority.host, request.path, request.asked);
      const auto expected =
          test::linear_scan(rows, paths, request.parsed.authority.host, request.path.match, request.asked);
      ASSERT_EQ(found.has_value(), expected.has_value()) << request.text;
      if (!found) continue;
      ASSERT_EQ(found->route, *expected) << request.text;
      found_any++, conditional += found->conditions != 0;
    }
  }
  EXPECT_GT(found_any, 5000u);
  EXPECT_GT(conditional, 1000u);
}

}  // namespace
}  // namespace cardea::l7::route
