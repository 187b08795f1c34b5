// Where requests go by their conditions, shares and rewriting, and what backends and the cache make of it: an answer
// that one route got is never another's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "l7/cache/cache.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Pool "other" of the second origin beside "web" of the first.
void two_pools(image::PlanT& plan) {
  auto& web = *plan.pools[0];
  plan.pools.push_back(l7::test::pool("other", image::Balance::round_robin, 1));
  plan.pools.back()->backends.clear();
  plan.pools.back()->backends.push_back(std::move(web.backends.back()));
  web.backends.pop_back();
}

std::unique_ptr<image::ConditionT> present(const std::string& name) {
  auto made = std::make_unique<image::ConditionT>();
  made->name = name;
  return made;
}

void add_header(image::RouteT& route, const std::string& name) {
  if (!route.conditions) route.conditions = std::make_unique<image::ConditionsT>();
  route.conditions->headers.push_back(present(name));
}

// Answers what the next request is about with this body; returns the head it was sent.
std::string answer(Site& site, size_t origin, std::string_view body, std::string_view fields = "") {
  Peer backend = site.origins[origin]->accept();
  const std::string head = backend.head();
  backend.send(ok(body, std::string("Connection: close\r\n") + std::string(fields)));
  return head;
}

TEST(Way, PathAndHostAreRewrittenForTheBackendAlone) {
  Site site([](image::PlanT& plan) {
    auto shop = route("/shop/", 0);
    shop->action.AsProxy()->prefix = "/v2/", shop->action.AsProxy()->host = "origin.internal";
    plan.services[0]->routes.push_back(std::move(shop));
  });
  const struct {
    const char *path, *sent;
  } rows[] = {
      {"/shop/a?b=c", "GET /v2/a?b=c HTTP/1.1"}, {"/shop/", "GET /v2/ HTTP/1.1"},
      {"/x/../shop/./a", "GET /v2/a HTTP/1.1"},  {"/sh%6fp/a%20b", "GET /v2/a%20b HTTP/1.1"},
      {"/shop//a", "GET /v2//a HTTP/1.1"},       {"/other?x", "GET /other?x HTTP/1.1"},
  };
  for (const auto& row : rows) {
    Peer client = site.client();
    client.send(get(row.path));
    const std::string head = answer(site, 0, "x");
    EXPECT_THAT(head, StartsWith(row.sent));
    const bool rewritten = std::string_view(row.path) != "/other?x";
    EXPECT_THAT(head, HasSubstr(rewritten ? "\r\nHost: origin.internal\r\n" : "\r\nHost: shop.example\r\n"));
    EXPECT_THAT(head, HasSubstr("\r\nX-Forwarded-Host: shop.example\r\n"));
    EXPECT_THAT(client.message(), EndsWith("x"));
    const auto line = site.log_line();
    EXPECT_EQ(line["host"], "shop.example");
    EXPECT_EQ(line["path"], std::string(row.path).substr(0, std::string_view(row.path).find('?')));
  }
}

// Behind "/v2/" a lenient backend would read them as /shop/x, where no route leads.
TEST(Way, NobodyClimbsOutOfWhatIsRewritten) {
  Site site([](image::PlanT& plan) {
    auto& routes = plan.services[0]->routes;
    routes.clear();
    routes.push_back(route("/shop/", 0));
    routes[0]->action.AsProxy()->prefix = "/v2/";
  });
  for (const char* path : {"/shop/..%2fshop/x", "/shop/..;/shop/x", "/shop/a%5c..%5c..%5cshop/x"}) {
    Peer client = site.client();
    client.send(get(path));
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 400 ")) << path;
    EXPECT_EQ(site.log_line()["reason"], "path_ambiguous");
  }
  EXPECT_TRUE(site.origin().nobody_called());
}

TEST(Way, TheSameUrlOfTwoRoutesIsTwoObjects) {
  Site site(
      [](image::PlanT& plan) {
        two_pools(plan);
        auto& routes = plan.services[0]->routes;
        auto beta = route("/cached/", 1, 0), alpha = route("/cached/", 0, 0);
        add_header(*beta, "X-Beta"), beta->name = "beta";
        add_header(*alpha, "X-Alpha"), alpha->name = "alpha";
        alpha->action.AsProxy()->prefix = "/alpha/";
        routes.push_back(std::move(beta)), routes.push_back(std::move(alpha));
      },
      2);
  const std::string fresh = "Cache-Control: max-age=600\r\n";
  const struct {
    const char *fields, *body;
    size_t origin;
  } ways[] = {{"", "plain", 0}, {"X-Beta: 1\r\n", "beta", 1}, {"X-Alpha: 1\r\n", "alpha", 0}};
  for (const auto& way : ways) {
    Peer client = site.client();
    client.send(get("/cached/x", way.fields));
    answer(site, way.origin, way.body, fresh);
    EXPECT_THAT(client.message(), EndsWith(way.body)) << "nobody else's answer";
    EXPECT_EQ(site.log_line()["cache"], "miss");
  }
  for (const auto& way : ways) {
    Peer client = site.client();
    client.send(get("/cached/x", way.fields));
    EXPECT_THAT(client.message(), EndsWith(way.body));
    EXPECT_EQ(site.log_line()["cache"], "hit");
  }
  EXPECT_TRUE(site.origins[0]->nobody_called() && site.origins[1]->nobody_called());
  EXPECT_EQ(site.plan->caches[0].cache->purge("http", "shop.example", "/cached/x") +
                site.plan->caches[0].cache->purge("http", site.at("shop").text(), "/cached/x"),
            3u)
      << "all of them by the client's URL";
}

// Both put "/v2/" in place of their path: of one URL a backend is asked for two.
TEST(Way, TheSameRewriteOfAnotherPrefixIsAnotherObject) {
  Site site([](image::PlanT& plan) {
    auto outer = route("/a/", 0, 0), inner = route("/a/b/", 0, 0);
    add_header(*inner, "X-Inner");
    for (auto* one : {&outer, &inner}) {
      (*one)->action.AsProxy()->prefix = "/v2/";
      plan.services[0]->routes.push_back(std::move(*one));
    }
  });
  const struct {
    const char *fields, *sent;
  } ways[] = {{"", "GET /v2/b/c "}, {"X-Inner: 1\r\n", "GET /v2/c "}};
  for (const auto& way : ways) {
    Peer client = site.client();
    client.send(get("/a/b/c", way.fields));
    settle(site.loop());
    ASSERT_TRUE(site.origin().has_caller()) << "the other's answer came from the cache";
    EXPECT_THAT(answer(site, 0, way.sent, "Cache-Control: max-age=600\r\n"), StartsWith(way.sent));
    EXPECT_THAT(client.message(), EndsWith(way.sent));
  }
}

TEST(Way, PathsAreMadeOfGroups) {
  Site site([](image::PlanT& plan) {
    auto items = route("/items/([^/]+)(?P<rest>/.*)?", 0);
    items->path_rule = image::PathRule::pattern;
    items->action.AsProxy()->path = "/item.php${path:rest}?id=${path:1}";
    items->policies = std::make_unique<settings::PoliciesT>();
    items->policies->request_headers = std::make_unique<settings::HeaderEditsT>();
    items->policies->request_headers->set = {"X-Item: ${path:1}", "X-None: ${path:rest}"};
    plan.services[0]->routes.push_back(std::move(items));
  });
  const struct {
    const char *path, *sent;
  } rows[] = {
      {"/items/17", "GET /item.php?id=17 HTTP/1.1"},
      {"/items/17?a=b", "GET /item.php?id=17&a=b HTTP/1.1"},
      {"/items/17/x/../y", "GET /item.php/y?id=17 HTTP/1.1"},
      {"/items/1&admin=1", "GET /item.php?id=1%26admin%3D1 HTTP/1.1"},
  };
  Peer client = site.client();
  for (const auto& row : rows) {
    client.send(get(row.path));
    const std::string head = answer(site, 0, "x");
    EXPECT_THAT(head, StartsWith(row.sent)) << row.path;
    EXPECT_THAT(head, HasSubstr("\r\nX-Item: 1"));
    client.message();
    EXPECT_EQ(site.log_line()["path"], std::string(row.path).substr(0, std::string(row.path).find('?'))) << "the client's own";
  }
}

TEST(Way, WhatGroupsMakeNoPathOfIsRefused) {
  Site site([](image::PlanT& plan) {
    auto bare = route("/x(.*)", 0);
    bare->path_rule = image::PathRule::pattern;
    bare->action.AsProxy()->path = "/static/${path:1}";
    plan.services[0]->routes.push_back(std::move(bare));
  });
  Peer client = site.client();
  client.send(get("/x.."));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(site.log_line()["reason"], "path_made");
  client.send(get("/xa"));
  EXPECT_THAT(answer(site, 0, "x"), StartsWith("GET /static/a HTTP/1.1"));
}

// The same template behind two expressions asks for two things.
TEST(Way, WhatIsMadeOfAnotherExpressionIsAnotherObject) {
  Site site([](image::PlanT& plan) {
    for (const char* regex : {"/a/([^/]*)/.*", "/a/[^/]*/(.*)"}) {
      auto one = route(regex, 0, 0);
      one->path_rule = image::PathRule::pattern;
      one->action.AsProxy()->path = "/v2/${path:1}";
      if (regex[3] == '[') add_header(*one, "X-Inner");
      plan.services[0]->routes.push_back(std::move(one));
    }
    std::swap(plan.services[0]->routes.back(), plan.services[0]->routes.end()[-2]);
  });
  const struct {
    const char *fields, *sent;
  } ways[] = {{"", "GET /v2/b "}, {"X-Inner: 1\r\n", "GET /v2/c "}};
  for (const auto& way : ways) {
    Peer client = site.client();
    client.send(get("/a/b/c", way.fields));
    settle(site.loop());
    ASSERT_TRUE(site.origin().has_caller()) << "the other's answer came from the cache";
    EXPECT_THAT(answer(site, 0, way.sent, "Cache-Control: max-age=600\r\n"), StartsWith(way.sent));
    EXPECT_THAT(client.message(), EndsWith(way.sent));
  }
}

// A HEAD whose route is another than that of GET has its object renewed where it came from.
TEST(Way, AnObjectIsRenewedByItsOwnRoute) {
  Site site(
      [](image::PlanT& plan) {
        two_pools(plan);
        auto gets = route("/cached/", 1, 0);
        gets->name = "gets", gets->conditions = std::make_unique<image::ConditionsT>();
        gets->conditions->methods = {"GET"}, gets->conditions->headers.push_back(present("X-Get"));
        plan.services[0]->routes.push_back(std::move(gets));
      },
      2);
  Peer client = site.client();
  client.send(get("/cached/x"));
  answer(site, 0, "one", "Cache-Control: max-age=1, stale-while-revalidate=600\r\n");
  client.message();
  site.advance(5s);
  client.send(get("/cached/x", "X-Get: 1\r\n", "HEAD"));  // of no conditional route, but by GET it would be
  client.head();
  answer(site, 0, "two", "Cache-Control: max-age=600\r\n");
  EXPECT_TRUE(site.origins[1]->nobody_called());
}

TEST(Way, RequestsAreSplitByWeight) {
  Site site(
      [](image::PlanT& plan) {
        two_pools(plan);
        plan.services[0]->routes[0]->action.AsProxy()->shares = {{0, 3}, {1, 1}};
      },
      2);
  size_t second = 0;
  constexpr int kRequests = 200;
  for (int i = 0; i < kRequests; ++i) {
    Peer client = site.client();
    client.send(get("/"));
    const size_t called = site.called();
    answer(site, called, "x");
    client.message();
    const auto line = site.log_line();
    EXPECT_EQ(line["pool"], called == 1 ? "other" : "web");
    second += called;
  }
  EXPECT_GT(second, 20u);  // ids are counted and the key is the plan's: the same in every run
  EXPECT_LT(second, 90u);
}

// What is written by one share is read by all.
TEST(Way, AWriteMakesTheCacheForgetEveryShare) {
  Site site(
      [](image::PlanT& plan) {
        two_pools(plan);
        plan.services[0]->routes[1]->action.AsProxy()->shares = {{0, 1}, {1, 1}};
      },
      2);
  const auto ask = [&](const std::string& request) {
    Peer client = site.client();
    client.send(request);
    settle(site.loop());
    for (size_t i = 0; i < 2; ++i)
      if (site.origins[i]->has_caller()) answer(site, i, "x", "Cache-Control: max-age=600\r\n");
    client.message();
    return site.log_line()["cache"].get<std::string>();
  };
  const auto hits = [&] {
    int count = 0;
    for (int i = 0; i < 20; ++i) count += ask(get("/cached/x")) == "hit";
    return count;
  };
  EXPECT_EQ(hits(), 18) << "each share misses once";
  EXPECT_EQ(hits(), 20);
  ask(post("/cached/x", "written"));
  EXPECT_EQ(hits(), 18);
}

TEST(Way, AClientKeepsItsShare) {
  Site site(
      [](image::PlanT& plan) {
        two_pools(plan);
        auto& proxy = *plan.services[0]->routes[0]->action.AsProxy();
        proxy.shares = {{0, 1}, {1, 1}}, proxy.split_by = image::SplitBy::client;
      },
      2);
  std::set<size_t> seen;
  for (int i = 0; i < 20; ++i) {
    Peer client = site.client();
    client.send(get("/"));
    seen.insert(site.called());
    answer(site, *seen.begin(), "x");
    client.message();
    site.log_line();
  }
  EXPECT_EQ(seen.size(), 1u);
}

TEST(Way, SharesAreInProportionOverClients) {
  route::Proxy proxy;
  proxy.shares = {{0, 90, ""}, {1, 10, ""}, {2, 0, ""}};
  std::array<int, 3> count{};
  for (uint32_t i = 0; i < 20'000; ++i)
    count[proxy.share(route::client_number({1, 2}, IpAddress::v4(0x0a000000 + i))).pool]++;
  EXPECT_NEAR(count[1], 2000, 200);
  EXPECT_EQ(count[2], 0);
  const auto number = [](const char* text) { return route::client_number({1, 2}, IpAddress::parse(text).value()); };
  EXPECT_EQ(number("2001:db8::1"), number("2001:db8::ffff")) << "one /64 is one client";
  EXPECT_NE(number("2001:db8::1"), number("2001:db8:0:1::1"));
}

TEST(Way, WhatNoRouteAsksForIsNotFound) {
  Site site([](image::PlanT& plan) {
    auto& routes = plan.services[0]->routes;
    routes.clear();
    routes.push_back(route("/", 0));
    add_header(*routes[0], "X-Key");
  });
  Peer client = site.client();
  client.send(get("/"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 404 "));
  EXPECT_EQ(site.log_line()["reason"], "no_route");
  client.send(get("/", "x-key: 1\r\n"));
  answer(site, 0, "found");
  EXPECT_THAT(client.message(), EndsWith("found"));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
