// Whom a request has to pass: addresses, rates, other sites' pages, passwords; and the pages of those who did not.
#include "l7/proxy/guard.h"

#include <crypt.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/random.h"
#include "tests/unit/l7/policy/geo_database.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The policies of all routes and of what no route matches.
Site::Change with(std::function<void(settings::PoliciesT&)> change) {
  return [change](image::PlanT& plan) {
    image::ServiceT& shop = *plan.services[0];
    const auto made = [&change] {
      auto policies = std::make_unique<settings::PoliciesT>();
      change(*policies);
      return policies;
    };
    for (auto& route : shop.routes) route->policies = made();
    shop.policies = made();
  };
}

std::string ask(Peer& client, const std::string& request) {
  client.send(request);
  return client.message();
}

// What needs no backend: a route that answers by itself, in front of the others.
void answering(image::PlanT& plan) {
  image::RespondT respond;
  respond.body = "in";
  auto route = l7::test::route("/in/", respond);
  if (!plan.services[0]->routes.empty() && plan.services[0]->routes[0]->policies)
    route->policies = std::make_unique<settings::PoliciesT>(*plan.services[0]->routes[0]->policies);
  plan.services[0]->routes.push_back(std::move(route));
}

Site::Change guarded(std::function<void(settings::PoliciesT&)> change, std::function<void(image::PlanT&)> more = {}) {
  return [change, more](image::PlanT& plan) {
    with(change)(plan);
    answering(plan);
    if (more) more(plan);
  };
}

TEST(Guard, WhoMayNotAskIsTold403AndNoBackendHearsOfIt) {
  Site site(guarded([](settings::PoliciesT& policies) {
    policies.access = std::make_unique<settings::AccessT>();
    policies.access->deny = {"127.0.0.0/8"};
    policies.access->allow = {"127.0.0.1/32"};
  }));
  Peer client = site.client();
  EXPECT_THAT(ask(client, get("/")), AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("denied")));
  EXPECT_EQ(site.log_line()["reason"], "denied");
  EXPECT_EQ(site.value("cardea_l7_service_denied_total"), 1u);
  EXPECT_TRUE(site.origin().nobody_called());
}

TEST(Guard, NetworksOfAFileMayAsk) {
  ScratchFolder folder;
  std::ofstream(folder.file("office")) << "# ours\n127.0.0.0/8\n";
  const auto change = [&folder](const char* file) {
    return guarded([&folder, file](settings::PoliciesT& policies) {
      policies.access = std::make_unique<settings::AccessT>();
      policies.access->allow_files = {folder.file(file)};
    });
  };
  Site site(change("office"));
  Peer client = site.client();
  EXPECT_THAT(ask(client, get("/in/")), EndsWith("in"));
  std::ofstream(folder.file("none")) << "";
  site.adopt(change("none"));
  EXPECT_THAT(ask(client, get("/in/")), StartsWith("HTTP/1.1 403 ")) << "an empty file allows nobody";
}

// This host's own addresses lie in Germany.
struct Places {
  Places() {
    using policy::test::database;
    std::ofstream(folder.file("countries"), std::ios::binary) << database({{"127.0.0.0/8", policy::test::country("DE")}});
    std::ofstream(folder.file("systems"), std::ios::binary) << database({{"127.0.0.0/8", policy::test::as_number(64500)}});
  }
  Site::Change with(std::function<void(settings::AccessT&)> change) const {
    const auto access = [change](settings::PoliciesT& policies) {
      policies.access = std::make_unique<settings::AccessT>();
      change(*policies.access);
    };
    return guarded(access, [this](image::PlanT& plan) {
      plan.geo = std::make_unique<image::GeoT>();
      plan.geo->countries = folder.file("countries"), plan.geo->as_numbers = folder.file("systems");
    });
  }
  ScratchFolder folder;
};

TEST(Guard, WhoMayAskByWhereTheyAre) {
  const Places places;
  using Access = settings::AccessT;
  const std::tuple<const char*, std::function<void(Access&)>, bool> cases[] = {
      {"its country is denied", [](Access& to) { to.deny_countries = {"AT", "DE"}; }, false},
      {"others are denied", [](Access& to) { to.deny_countries = {"FR", "AT"}; }, true},
      {"its country is allowed", [](Access& to) { to.allow_countries = {"FR", "DE"}; }, true},
      {"others are allowed", [](Access& to) { to.allow_countries = {"FR"}; }, false},
      {"its network is allowed beside others' countries",
       [](Access& to) { to.allow_countries = {"FR"}, to.allow = {"127.0.0.0/8"}; }, true},
      {"its country is allowed, and its network denied",
       [](Access& to) { to.allow_countries = {"DE"}, to.deny = {"127.0.0.0/8"}; }, false},
      {"its system is denied", [](Access& to) { to.deny_as_numbers = {64501, 64500}; }, false},
      {"its system is allowed", [](Access& to) { to.allow_as_numbers = {64500, 1}; }, true},
      {"another system is allowed", [](Access& to) { to.allow_as_numbers = {1}; }, false}};
  for (const auto& [what, change, may] : cases) {
    Site site(places.with(change));
    Peer client = site.client();
    EXPECT_THAT(ask(client, get("/in/")), StartsWith(may ? "HTTP/1.1 200 " : "HTTP/1.1 403 ")) << what;
    const auto line = site.log_line();
    EXPECT_EQ(line["country"], "DE");
    EXPECT_EQ(line["as_number"], 64500);
  }
}

void limit(image::PlanT& plan, uint32_t requests, std::string key = "", uint32_t keys = 1000) {
  auto made = std::make_unique<settings::RateLimitT>();
  made->name = "some", made->requests = requests, made->period_ms = 10'000, made->key = std::move(key), made->keys_max = keys;
  plan.rate_limits.push_back(std::move(made));
}

Site::Change limited(uint32_t requests, std::string key = "") {
  return guarded([](settings::PoliciesT& policies) { policies.rate_limits = {"some"}; },
                 [requests, key](image::PlanT& plan) { limit(plan, requests, key); });
}

TEST(Guard, WhoComesTooOftenIsTold429AndWhenToComeAgain) {
  Site site(limited(2));
  Peer client = site.client();
  EXPECT_THAT(ask(client, get("/in/")), EndsWith("in"));
  EXPECT_THAT(ask(client, get("/in/")), EndsWith("in"));
  EXPECT_THAT(ask(client, get("/in/")), AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("\r\nRetry-After: 5\r\n")));
  site.log_line(), site.log_line();
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "rate_limited");
  EXPECT_EQ(line["detail"], "some");
  EXPECT_EQ(site.value("cardea_l7_rate_limit_limited_total", "limit=\"some\""), 1u);
  site.advance(5s);
  EXPECT_THAT(ask(client, get("/in/")), EndsWith("in"));
  EXPECT_THAT(ask(client, get("/in/")), StartsWith("HTTP/1.1 429 "));
  site.adopt(limited(2));
  EXPECT_THAT(ask(client, get("/in/")), StartsWith("HTTP/1.1 429 ")) << "a reload forgives nobody";
}

TEST(Guard, AKeyThatNamesTheAddressCountsAllOfAnIpv6NetworkTogether) {
  for (const char* const key : {"", "${client_address}", "${client_address} ${host}"}) {
    Site site([key](image::PlanT& plan) {
      limited(1, key)(plan);
      for (auto* const policies : {plan.services[0]->policies.get(), plan.services[0]->routes.back()->policies.get()}) {
        policies->trusted_proxies = std::make_unique<settings::TrustedProxiesT>();
        policies->trusted_proxies->from = {"127.0.0.0/8"};
      }
    });
    Peer client = site.client();
    const auto from = [&](const char* address) { return ask(client, get("/in/", std::string("X-Forwarded-For: ") + address + "\r\n")); };
    EXPECT_THAT(from("2001:db8::1"), EndsWith("in")) << key;
    EXPECT_EQ(site.log_line()["client"], "[2001:db8::1]:0") << "nobody else is told less";
    EXPECT_THAT(from("2001:db8:0:0:ffff::2"), StartsWith("HTTP/1.1 429 ")) << key;
    EXPECT_EQ(site.log_line()["client"], "[2001:db8::ffff:0:0:2]:0");
    EXPECT_THAT(from("2001:db8:0:1::1"), EndsWith("in")) << key;
    EXPECT_THAT(from("192.0.2.1"), EndsWith("in")) << key;
    EXPECT_THAT(from("192.0.2.2"), EndsWith("in")) << key;
  }
}

TEST(Guard, WhatNoRouteMatchesIsLimitedToo) {
  Site site([](image::PlanT& plan) {
    limited(1)(plan);
    plan.services[0]->routes.erase(plan.services[0]->routes.begin(), plan.services[0]->routes.end() - 1);
  });
  Peer client = site.client();
  EXPECT_THAT(ask(client, get("/a")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask(client, get("/b")), StartsWith("HTTP/1.1 429 "));
}

TEST(Guard, KeysAreWhatTheirTextComesOutAs) {
  Site site(limited(1, "${header:X-Api-Key}"));
  Peer client = site.client();
  EXPECT_THAT(ask(client, get("/in/", "X-Api-Key: a\r\n")), EndsWith("in"));
  EXPECT_THAT(ask(client, get("/in/", "X-Api-Key: b\r\n")), EndsWith("in"));
  EXPECT_THAT(ask(client, get("/in/", "X-Api-Key: a\r\n")), StartsWith("HTTP/1.1 429 "));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(ask(client, get("/in/")), EndsWith("in")) << "without one nobody is limited";
}

struct KeySite : testing::Test {
  KeySite() {
    std::ofstream(folder.file("keys")) << "shop:0123456789abcdef\nbank:fedcba9876543210\n";
    std::filesystem::permissions(folder.file("keys"), std::filesystem::perms::owner_read);
    site.emplace(guarded([this](settings::PoliciesT& policies) {
      policies.api_keys = std::make_unique<settings::ApiKeysT>();
      policies.api_keys->file = folder.file("keys"), policies.api_keys->query = "key", policies.api_keys->realm = "api";
      policies.request_headers = std::make_unique<settings::HeaderEditsT>();
      policies.request_headers->set = {"X-Client: ${api_key}"};
      policies.rate_limits = {"some"};
    }, [](image::PlanT& plan) { limit(plan, 3, "${api_key}"); }));
    client.emplace(site->client());
  }

  ScratchFolder folder;
  std::optional<Site> site;
  std::optional<Peer> client;
};

TEST_F(KeySite, WhoHasNoneIsAskedForOne) {
  EXPECT_THAT(ask(*client, get("/in/")), AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("\r\nWWW-Authenticate: ApiKey realm=\"api\"\r\n")));
  EXPECT_EQ(site->log_line()["detail"], "api_key");
  EXPECT_THAT(ask(*client, get("/in/", "X-API-Key: 0123456789abcde0\r\n")), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(ask(*client, get("/in/", "X-API-Key: 0123456789abcdef\r\nX-API-Key: 0123456789abcdef\r\n")), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(ask(*client, get("/in/?key=0123456789abcdef&key=fedcba9876543210")), StartsWith("HTTP/1.1 401 ")) << "two are none";
  EXPECT_THAT(ask(*client, get("/in/?key=0123456789abcdef", "X-API-Key: 0123456789abcde0\r\n")), StartsWith("HTTP/1.1 401 "));
  EXPECT_EQ(site->value("cardea_l7_service_unauthorized_total"), 5u);
}

TEST_F(KeySite, ABackendIsToldTheNameAndNotTheKey) {
  client->send(get("/", "X-Api-Key: 0123456789abcdef\r\nX-Client: bank\r\n"));
  Peer backend = site->origin().accept();
  EXPECT_THAT(backend.message(), AllOf(HasSubstr("\r\nX-Client: shop\r\n"), Not(HasSubstr("bank")), Not(HasSubstr("0123456789"))));
  backend.send(ok("x"));
  client->message();
  EXPECT_EQ(site->log_line()["user"], "shop");
}

TEST_F(KeySite, EachKeyHasALimitOfItsOwn) {
  for (int i = 0; i < 5; ++i) EXPECT_THAT(ask(*client, get("/in/?key=0123456789abcde0")), StartsWith("HTTP/1.1 401 "));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(ask(*client, get("/in/?a=b&key=0123456789abcdef")), EndsWith("in"));
  EXPECT_THAT(ask(*client, get("/in/", "X-API-Key: 0123456789abcdef\r\n")), StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(ask(*client, get("/in/", "X-API-Key: fedcba9876543210\r\n")), EndsWith("in"));
}

TEST(Guard, WhatIsLeftIsToldWhereALimitSaysSo) {
  Site site(guarded([](settings::PoliciesT& policies) { policies.rate_limits = {"some"}; },
                    [](image::PlanT& plan) {
                      limit(plan, 2);
                      plan.rate_limits[0]->headers = true;
                    }));
  Peer client = site.client();
  EXPECT_THAT(ask(client, get("/in/")),
              AllOf(HasSubstr("\r\nRateLimit-Policy: \"some\";q=2;w=10\r\n"), HasSubstr("\r\nRateLimit: \"some\";r=1;t=5\r\n")));
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x"));
  EXPECT_THAT(client.message(), HasSubstr("\r\nRateLimit: \"some\";r=0;t=10\r\n"));
  EXPECT_THAT(ask(client, get("/in/")), AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("\r\nRateLimit: \"some\";r=0;t=10\r\n"),
                                              HasSubstr("\r\nRetry-After: 5\r\n")));
}

Site::Change limited_so(std::function<void(settings::RateLimitT&)> change) {
  return guarded([](settings::PoliciesT& policies) { policies.rate_limits = {"some"}; }, [change](image::PlanT& plan) {
    limit(plan, 0);
    change(*plan.rate_limits[0]);
  });
}

// Through the backend, to whom the request is answered so.
std::string answered(Site& site, Peer& client, const std::string& request, const std::string& answer) {
  client.send(request);
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(answer);
  const std::string got = client.message();
  site.log_line();
  return got;
}

TEST(Guard, WhoHadMoreThanItMayWaitsUntilThatIsPaid) {
  Site site(limited_so([](settings::RateLimitT& limit) { limit.response_bytes = 10'000; }));
  Peer client = site.client();
  EXPECT_THAT(answered(site, client, get("/"), ok(std::string(20'000, 'x'))), EndsWith("x")) << "what was begun goes on";
  Peer other = site.client();
  EXPECT_THAT(ask(other, get("/in/")), AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("\r\nRetry-After: 11\r\n")));
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "bytes_limited");
  EXPECT_EQ(line["detail"], "some");
  site.advance(5s);
  site.adopt(limited_so([](settings::RateLimitT& limit) { limit.response_bytes = 10'000; }));
  EXPECT_THAT(ask(other, get("/in/")), StartsWith("HTTP/1.1 429 ")) << "a reload forgives nobody, and refusals cost nothing";
  site.advance(6s);
  EXPECT_THAT(ask(other, get("/in/")), EndsWith("in"));
  EXPECT_EQ(site.value("cardea_l7_rate_limit_limited_total", "limit=\"some\""), 2u);
}

TEST(Guard, BytesCountWhileTheyStillCome) {
  Site site(limited_so([](settings::RateLimitT& limit) { limit.response_bytes = 30'000; }));
  Peer client = site.client(), other = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 80001\r\n\r\n" + std::string(80'000, 'x'));
  client.head();
  client.take(80'000);
  EXPECT_THAT(ask(other, get("/in/")), StartsWith("HTTP/1.1 429 "));
  backend.send("y");
  EXPECT_EQ(client.take(1), "y");
}

TEST(Guard, WhatIsSentIsLimitedToo) {
  Site site(limited_so([](settings::RateLimitT& limit) { limit.request_bytes = 10'000, limit.key = "${header:X-Api-Key}"; }));
  Peer client = site.client();
  answered(site, client, post("/", std::string(20'000, 'x'), "X-Api-Key: a\r\n"), ok("x"));
  EXPECT_THAT(ask(client, get("/in/", "X-Api-Key: a\r\n")), StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(ask(client, get("/in/", "X-Api-Key: b\r\n")), EndsWith("in"));
  EXPECT_THAT(ask(client, get("/in/")), EndsWith("in"));
}

TEST(Guard, AnAddressMakesAsManyConnectionsAsItMay) {
  Site site(limited_so([](settings::RateLimitT& limit) { limit.connections = 2; }));
  Peer first = site.client(), second = site.client();
  for (int i = 0; i < 5; ++i) EXPECT_THAT(ask(first, get("/in/")), EndsWith("in")) << "requests of one are not counted";
  EXPECT_THAT(ask(second, get("/in/")), EndsWith("in"));
  Peer third = site.client();
  third.send(get("/in/"));
  EXPECT_EQ(third.rest(), "") << "reset";
  EXPECT_EQ(site.value("cardea_l7_rate_limit_connections_refused_total", "limit=\"some\""), 1u);
  site.advance(5s);
  Peer fourth = site.client();
  EXPECT_THAT(ask(fourth, get("/in/")), EndsWith("in"));
}

TEST(Guard, AConnectionCountsOnceForEachKeyThatItCarries) {
  Site site(limited_so([](settings::RateLimitT& limit) { limit.connections = 1, limit.key = "${header:X-Api-Key}"; }));
  Peer first = site.client(), second = site.client();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(ask(first, get("/in/", "X-Api-Key: a\r\n")), EndsWith("in"));
    EXPECT_THAT(ask(first, get("/in/", "X-Api-Key: b\r\n")), EndsWith("in"));
    EXPECT_THAT(ask(first, get("/in/")), EndsWith("in"));
    site.log_line(), site.log_line(), site.log_line();
  }
  EXPECT_THAT(ask(second, get("/in/", "X-Api-Key: a\r\n")), AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("\r\nRetry-After: 10\r\n")));
  EXPECT_EQ(site.log_line()["reason"], "connections_limited");
  EXPECT_THAT(ask(second, get("/in/", "X-Api-Key: c\r\n")), EndsWith("in"));
}

TEST(Guard, AProxysConnectionsAreNobodys) {
  Site site([](image::PlanT& plan) {
    limited_so([](settings::RateLimitT& limit) { limit.connections = 1; })(plan);
    for (auto* const policies : {plan.services[0]->policies.get(), plan.services[0]->routes.back()->policies.get()}) {
      policies->trusted_proxies = std::make_unique<settings::TrustedProxiesT>();
      policies->trusted_proxies->from = {"127.0.0.0/8"};
    }
  });
  Peer first = site.client(), second = site.client();
  EXPECT_THAT(ask(first, get("/in/", "X-Forwarded-For: 192.0.2.1\r\n")), EndsWith("in"));
  EXPECT_THAT(ask(second, get("/in/", "X-Forwarded-For: 192.0.2.2\r\n")), EndsWith("in"));
  EXPECT_THAT(ask(second, get("/in/", "X-Forwarded-For: 192.0.2.1\r\n")), EndsWith("in"));
}

TEST(Guard, WhoIsRefusedMostIsKnown) {
  Site site(limited(1, "${header:X-Client}"));
  Peer client = site.client();
  for (int i = 0; i < 4; ++i) ask(client, get("/in/", "X-Client: \xffme\r\n"));
  const auto limit = policy::find(site.plan->rate_limits, "some");
  const auto top = limit->offenders->top(site.loop().now().time_since_epoch());
  ASSERT_EQ(top.size(), 1u);
  EXPECT_EQ(top[0].key, "\\xffme");
  EXPECT_EQ(top[0].refused, 3u);
}

TEST(Guard, WhatLetsSomebodyInIsNotShown) {
  for (const char* const key : {"${header:X-Api-Key}", "${cookie:id}", "${query}", "${header:Authorization}", "${query:session_id}"}) {
    Site site(limited(1, key));
    EXPECT_TRUE(policy::find(site.plan->rate_limits, "some")->secret) << key;
  }
  Site site(limited(1, "${header:X-Api-Key}"));
  Peer client = site.client();
  for (int i = 0; i < 2; ++i) ask(client, get("/in/", "X-Api-Key: hidden\r\n"));
  const auto top = policy::find(site.plan->rate_limits, "some")->offenders->top(site.loop().now().time_since_epoch());
  ASSERT_EQ(top.size(), 1u);
  EXPECT_THAT(top[0].key, AllOf(StartsWith("#"), Not(HasSubstr("hidden"))));
}

void blocking(settings::RateLimitT& limit) {
  limit.requests = 1, limit.block_ms = 60'000, limit.block_after = 3;
}

TEST(Guard, WhoGoesOnWhileItIsRefusedIsToBeBlocked) {
  Site site(limited_so(blocking));
  Peer client = site.client();
  policy::Blamed& blamed = *site.shard->shared().blamed;
  for (int i = 0; i < 4; ++i) ask(client, get("/in/"));
  EXPECT_TRUE(blamed.take().empty()) << "three refusals are answered";
  for (int i = 0; i < 2; ++i) EXPECT_THAT(ask(client, get("/in/")), StartsWith("HTTP/1.1 429 "));
  const auto taken = blamed.take();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].client.text(), "127.0.0.1");
  EXPECT_EQ(taken[0].block_ms, 60'000u);
  EXPECT_EQ(taken[0].limit, "some");
  EXPECT_EQ(site.value("cardea_l7_rate_limit_blocks_total", "limit=\"some\""), 2u) << "refusals, of one client";
  EXPECT_TRUE(blamed.take().empty()) << "once";
  for (uint32_t i = 0; i < policy::Blamed::kRoom; ++i) blamed.add(IpAddress::v4(i), 1, "other");
  for (int i = 0; i < 2; ++i) ask(client, get("/in/"));
  EXPECT_EQ(site.value("cardea_l7_rate_limit_blocks_lost_total", "limit=\"some\""), 2u) << "they are waited with";
}

TEST(Guard, AConnectionTooManyIsBlamedAsARequestIs) {
  Site site(limited_so([](settings::RateLimitT& limit) { blocking(limit), limit.requests = 0, limit.connections = 1; }));
  Peer first = site.client();
  EXPECT_THAT(ask(first, get("/in/")), EndsWith("in"));
  for (int i = 0; i < 4; ++i) {
    Peer next = site.client();
    EXPECT_EQ(next.rest(), "");
  }
  EXPECT_EQ(site.shard->shared().blamed->take().size(), 1u);
}

TEST(Guard, NobodyIsBlamedWhomOnlyAHeaderNamesNorWhoSpeaksForOthers) {
  for (const char* const header : {"X-Forwarded-For: 192.0.2.1\r\n", "", "X-Forwarded-For: 127.0.0.1\r\n"}) {
    Site site([](image::PlanT& plan) {
      limited_so(blocking)(plan);
      for (auto* const policies : {plan.services[0]->policies.get(), plan.services[0]->routes.back()->policies.get()}) {
        policies->trusted_proxies = std::make_unique<settings::TrustedProxiesT>();
        policies->trusted_proxies->from = {"127.0.0.0/8"};
      }
    });
    Peer client = site.client();
    for (int i = 0; i < 9; ++i) ask(client, get("/in/", header));
    EXPECT_TRUE(site.shard->shared().blamed->take().empty()) << header;
  }
  Site site(limited_so([](settings::RateLimitT& limit) { blocking(limit), limit.key = "${header:X-Client}"; }));
  Peer client = site.client();
  for (int i = 0; i < 9; ++i) ask(client, get("/in/", "X-Client: a\r\n"));
  EXPECT_TRUE(site.shard->shared().blamed->take().empty()) << "a key that others have too";
}

// Whoever fills a table has strangers refused, and never blocked.
TEST(Guard, NobodyIsBlamedForWantOfRoomAmongTheKeys) {
  Site site(limited_so([](settings::RateLimitT& limit) { blocking(limit), limit.block_after = 1; }));
  const auto some = policy::find(site.plan->rate_limits, "some");
  const auto now = site.loop().now().time_since_epoch();
  Random random(1);
  for (int i = 0; i < 100'000; ++i) some->table->charge(random.next(), 1h, now);
  Peer client = site.client();
  for (int i = 0; i < 9; ++i) EXPECT_THAT(ask(client, get("/in/")), StartsWith("HTTP/1.1 429 "));
  EXPECT_TRUE(site.shard->shared().blamed->take().empty());
}

TEST(Guard, NobodyIsBlamedWhoseRefusalsFoundNoRoomToBeCounted) {
  Site site(limited_so([](settings::RateLimitT& limit) { blocking(limit), limit.block_after = 1; }));
  const auto some = policy::find(site.plan->rate_limits, "some");
  Random random(1);
  for (int i = 0; i < 100'000; ++i) some->refusal_table->charge(random.next(), 1h, site.loop().now().time_since_epoch());
  Peer client = site.client();
  for (int i = 0; i < 9; ++i) ask(client, get("/in/"));
  EXPECT_TRUE(site.shard->shared().blamed->take().empty());
}

TEST(Guard, WhoOwesByAnotherRateStartsAnew) {
  Site site(limited_so([](settings::RateLimitT& limit) { limit.response_bytes = 1'000; }));
  Peer client = site.client();
  answered(site, client, get("/"), ok(std::string(20'000, 'x')));
  EXPECT_THAT(ask(client, get("/in/")), StartsWith("HTTP/1.1 429 "));
  site.adopt(limited_so([](settings::RateLimitT& limit) { limit.response_bytes = 1'000'000; }));
  EXPECT_THAT(ask(client, get("/in/")), EndsWith("in"));
}

TEST(Guard, ThereIsRoomForSoManyToBeBlamed) {
  policy::Blamed blamed;
  for (uint32_t i = 0; i < policy::Blamed::kRoom; ++i) EXPECT_TRUE(blamed.add(IpAddress::v4(i), 1, "a"));
  EXPECT_FALSE(blamed.add(IpAddress::v4(1 << 20), 1, "a"));
  EXPECT_TRUE(blamed.add(IpAddress::v4(5), 9, "b")) << "who is there may be blamed again";
  const auto taken = blamed.take();
  EXPECT_EQ(taken.size(), policy::Blamed::kRoom);
  EXPECT_EQ(taken[5].block_ms, 9u);
  EXPECT_TRUE(blamed.add(IpAddress::v4(1 << 20), 1, "a"));
}

struct AtOnce : testing::Test {
  Site site{guarded([](settings::PoliciesT& policies) { policies.rate_limits = {"some"}; }, [](image::PlanT& plan) {
    limit(plan, 0);
    plan.rate_limits[0]->concurrent = 1;
  })};
  Peer first = site.client(), second = site.client();
};

TEST_F(AtOnce, OneIsUnderWayUntilItsAnswersEnd) {
  first.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  EXPECT_THAT(ask(second, get("/in/")), AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("\r\nRetry-After: 1\r\n")));
  EXPECT_EQ(site.log_line()["reason"], "too_many_at_once");
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx");
  first.head();
  EXPECT_THAT(ask(second, get("/in/")), StartsWith("HTTP/1.1 429 ")) << "half of it is not all of it";
  backend.send("y");
  EXPECT_EQ(first.take(2), "xy");
  site.log_line(), site.log_line();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(ask(second, get("/in/")), EndsWith("in"));
}

TEST_F(AtOnce, WhoGoesAwayLeavesHisPlace) {
  first.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  first.abort();
  EXPECT_EQ(site.log_line()["reason"], "client_closed");
  EXPECT_THAT(ask(second, get("/in/")), EndsWith("in"));
  site.log_line();
  second.send(get("/"));
  Peer next = site.origin().accept();
  next.message();
  next.abort();
  second.message();
  site.log_line();
  EXPECT_THAT(ask(second, get("/in/")), EndsWith("in")) << "so does one whose backend went away";
}

Site::Change paged() {
  return guarded([](settings::PoliciesT& policies) {
    policies.cors = std::make_unique<settings::CorsT>();
    policies.cors->origins = {"https://app.example"};
    policies.cors->methods = {"PUT"};
    policies.cors->headers = {"*"};
  });
}

TEST(Guard, PreflightsAreAnsweredHere) {
  Site site(paged());
  Peer client = site.client();
  const std::string wish = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: X-A, X-B\r\n";
  EXPECT_THAT(ask(client, get("/", "Origin: https://app.example\r\n" + wish, "OPTIONS")),
              AllOf(StartsWith("HTTP/1.1 204 "), HasSubstr("\r\nAccess-Control-Allow-Origin: https://app.example\r\n"),
                    HasSubstr("\r\nAccess-Control-Allow-Methods: GET, HEAD, POST, PUT\r\n"),
                    HasSubstr("\r\nAccess-Control-Allow-Headers: X-A, X-B\r\n"), HasSubstr("\r\nVary: Origin\r\n")));
  EXPECT_THAT(ask(client, get("/", "Origin: https://evil.example\r\n" + wish, "OPTIONS")),
              AllOf(StartsWith("HTTP/1.1 204 "), Not(HasSubstr("Access-Control")), HasSubstr("\r\nVary: Origin\r\n")));
  EXPECT_TRUE(site.origin().nobody_called());
}

TEST(Guard, WhatABackendSaysOfOtherSitesIsReplaced) {
  Site site(paged());
  Peer client = site.client();
  client.send(get("/", "Origin: https://app.example\r\n"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x", "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\n"));
  EXPECT_THAT(client.message(), AllOf(HasSubstr("Access-Control-Allow-Origin: https://app.example\r\n"), Not(HasSubstr("*\r\n")),
                                      Not(HasSubstr("Credentials"))));
}

struct Passwords : testing::Test {
  Passwords() {
    static crypt_data data;
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];
    std::ofstream(folder.file("users")) << "ann:" << crypt_r("secret", crypt_gensalt_rn("$2b$", 4, nullptr, 0, salt, sizeof salt), &data)
                                        << "\n";
    site.emplace(guarded([this](settings::PoliciesT& policies) {
      policies.basic_auth = std::make_unique<settings::BasicAuthT>();
      policies.basic_auth->users = folder.file("users");
      policies.basic_auth->realm = "st\"aff";
    }));
    client.emplace(site->client());
  }
  std::string asked(const char* coded) {
    return ask(*client, get("/in/", coded ? "Authorization: Basic " + std::string(coded) + "\r\n" : ""));
  }
  static constexpr const char* kAnn = "YW5uOnNlY3JldA==";   // ann:secret
  static constexpr const char* kWrong = "YW5uOndyb25n";     // ann:wrong
  static constexpr const char* kEve = "ZXZlOnNlY3JldA==";   // eve:secret

  ScratchFolder folder;
  std::optional<Site> site;
  std::optional<Peer> client;
};

TEST_F(Passwords, AreAskedFor) {
  EXPECT_THAT(asked(nullptr), AllOf(StartsWith("HTTP/1.1 401 "),
                                    HasSubstr("\r\nWWW-Authenticate: Basic realm=\"st\\\"aff\", charset=\"UTF-8\"\r\n")));
  EXPECT_EQ(site->log_line()["reason"], "unauthorized");
  for (int round = 0; round < 2; ++round) {  // computed, then remembered
    EXPECT_THAT(asked(kAnn), EndsWith("in"));
    EXPECT_EQ(site->log_line()["user"], "ann");
    EXPECT_THAT(asked(kWrong), StartsWith("HTTP/1.1 401 "));
    EXPECT_THAT(asked(kEve), StartsWith("HTTP/1.1 401 ")) << "with the password of the one whose hash it was held against";
    EXPECT_FALSE(site->log_line().contains("user"));
    site->log_line();
  }
  EXPECT_EQ(site->value("cardea_l7_service_unauthorized_total"), 5u);
}

TEST_F(Passwords, BackendsDoNotSeeThem) {
  client->send(get("/", "Authorization: Basic " + std::string(kAnn) + "\r\n"));
  Peer backend = site->origin().accept();
  EXPECT_THAT(backend.message(), Not(HasSubstr("Authorization")));
}

TEST(Guard, APageTakesThePlaceOfOurText) {
  ScratchFolder folder;
  std::ofstream(folder.file("sorry.html")) << "<h1>${status}</h1><p>${reason}, ${status}";
  Site site(with([&folder](settings::PoliciesT& policies) {
    auto page = std::make_unique<settings::ErrorPageT>();
    page->status = {502, 403}, page->file = folder.file("sorry.html");
    policies.error_pages.push_back(std::move(page));
  }));
  Peer client = site.client();
  site.origin().refuse();
  const std::string response = ask(client, get("/"));
  EXPECT_THAT(response, AllOf(StartsWith("HTTP/1.1 502 "), HasSubstr("\r\nContent-Type: text/html; charset=utf-8\r\n"),
                              EndsWith("\r\n\r\n<h1>502</h1><p>connect_failed, 502")));
  client.send(get("/", "", "HEAD"));
  EXPECT_THAT(client.head(), AllOf(HasSubstr("\r\nContent-Length: 34\r\n"), EndsWith("\r\n\r\n")));
}

TEST(Guard, SecurityHeadersAreThereWhereNobodySaysThem) {
  Site site(with([](settings::PoliciesT& policies) {
    policies.security_headers = settings::SecurityHeaders::strict;
    policies.response_headers = std::make_unique<settings::HeaderEditsT>();
    policies.response_headers->set = {"Referrer-Policy: origin"};
    policies.response_headers->remove = {"Cross-Origin-Opener-Policy"};
  }));
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x", "Content-Security-Policy: default-src https:\r\n"));
  EXPECT_THAT(client.message(),
              AllOf(HasSubstr("\r\nX-Frame-Options: DENY\r\n"), HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"),
                    HasSubstr("\r\nReferrer-Policy: origin\r\n"), Not(HasSubstr("no-referrer")),
                    HasSubstr("default-src https:\r\n"), Not(HasSubstr("'self'")), Not(HasSubstr("Opener-Policy")),
                    Not(HasSubstr("Strict-Transport"))))
      << "it came without TLS";
}

}  // namespace
}  // namespace cardea::l7::proxy::test
