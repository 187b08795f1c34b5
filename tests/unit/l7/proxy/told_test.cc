// What a backend is told of a request beside its URL and its client's headers: whoever it can tell from another by that
// gets nothing of the other's from the cache.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>

#include "l7/cache/cache.h"
#include "l7/tls/crypto_memory.h"
#include "tests/unit/l7/proxy/site.h"
#include "tests/unit/l7/proxy/tls_peer.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using settings::HeaderEditsT;
using testing::EndsWith;
using testing::HasSubstr;

constexpr const char* kLong = "Cache-Control: max-age=600\r\n";

std::unique_ptr<settings::PoliciesT> changing(HeaderEditsT edits) {
  auto made = std::make_unique<settings::PoliciesT>();
  made->request_headers = std::make_unique<HeaderEditsT>(std::move(edits));
  return made;
}

HeaderEditsT setting(std::vector<std::string> lines) {
  HeaderEditsT edits;
  edits.set = std::move(lines);
  return edits;
}

void trust_all(image::PlanT& plan) {
  auto policies = std::make_unique<settings::PoliciesT>();
  policies->trusted_proxies = std::make_unique<settings::TrustedProxiesT>();
  policies->trusted_proxies->from = {"127.0.0.0/8"};
  plan.services[0]->policies = std::move(policies);
}

Site::Change every_route(HeaderEditsT edits) {
  return [edits](image::PlanT& plan) {
    for (auto& route : plan.services[0]->routes) route->policies = changing(edits);
  };
}

// Before the others, for requests with this header.
void add_route(image::PlanT& plan, const char* header, std::unique_ptr<settings::PoliciesT> policies) {
  auto added = route("/cached/", 0, 0);
  added->name = header, added->policies = std::move(policies);
  added->conditions = std::make_unique<image::ConditionsT>();
  added->conditions->headers.push_back(std::make_unique<image::ConditionT>());
  added->conditions->headers.back()->name = header;
  plan.services[0]->routes.insert(plan.services[0]->routes.begin(), std::move(added));
}

// What the client gets: of the cache, or "word" where the backend was asked, which says so with these header lines.
template <typename Client>
std::string body(Site& site, Client& client, const std::string& request, const std::string& word,
                 const std::string& fields = kLong) {
  client.send(request);
  settle(site.loop());
  if (site.origin().has_caller()) {
    Peer backend = site.origin().accept();
    backend.head();
    backend.send(ok(word, fields + "Connection: close\r\n"));
  }
  const std::string response = client.message();
  return response.substr(response.find("\r\n\r\n") + 4);
}

struct Asker {
  explicit Asker(const Site::Change& change) : site(change), client(site.client()) {}
  std::string get(const std::string& fields, const std::string& word, const std::string& answered = kLong) {
    return body(site, client, test::get("/cached/a", fields), word, answered);
  }
  Site site;
  Peer client;
};

TEST(Told, HostAndPortThatAProxyTellsTellObjectsApart) {
  for (const char* vary : {"", "Vary: X-Forwarded-Host, X-Forwarded-Port\r\n"}) {
    Asker asker(trust_all);
    const std::string answered = std::string(kLong) + vary;
    const char* evil = "X-Forwarded-Host: evil\r\nX-Forwarded-Port: 666\r\n";
    EXPECT_EQ(asker.get(evil, "evil's", answered), "evil's");
    EXPECT_EQ(asker.get("", "shop's", answered), "shop's") << vary;
    EXPECT_EQ(asker.get("X-Forwarded-Host: evil\r\n", "no port", answered), "no port") << vary;
    EXPECT_EQ(asker.get("X-Forwarded-Port: 666\r\n", "no host", answered), "no host") << vary;
    EXPECT_EQ(asker.get("X-Forwarded-Host: shop.example\r\n", "again", answered), "shop's") << "what is asked for";
    EXPECT_EQ(asker.get(evil, "again", answered), "evil's");
    EXPECT_EQ(asker.site.plan->caches[0].cache->purge("http", "shop.example", "/cached/a"), 4u);
  }
}

TEST(Told, WhatAProxyTellsIsToldAgainWhenTheCacheAsksForItself) {
  Asker asker(trust_all);
  const char* told = "X-Forwarded-Host: told.example\r\nX-Forwarded-Port: 8443\r\n";
  asker.get(told, "first", "Cache-Control: max-age=5, stale-while-revalidate=600\r\n");
  asker.site.advance(6s);
  asker.client.send(get("/cached/a", told));
  EXPECT_THAT(asker.client.message(), EndsWith("first"));
  Peer backend = asker.site.origin().accept();
  const std::string asked = backend.head();
  EXPECT_THAT(asked, HasSubstr("\r\nX-Forwarded-Host: told.example\r\n"));
  EXPECT_THAT(asked, HasSubstr("\r\nX-Forwarded-Port: 8443\r\n"));
  backend.send(ok("second", std::string(kLong) + "Connection: close\r\n"));
  settle(asker.site.loop());
  EXPECT_EQ(asker.get(told, "third"), "second");
}

// It is not sent on, so that a backend's choice by it was made for nobody.
TEST(Told, WhatAStrangerSaysInTheProxiesHeaderIsStoredForStrangers) {
  const auto trusting = [](const char* network) {
    return [network](image::PlanT& plan) {
      trust_all(plan);
      plan.services[0]->policies->trusted_proxies->from = {network};
      plan.services[0]->policies->trusted_proxies->header = "X-Our-Client";
    };
  };
  const std::string varies = std::string(kLong) + "Vary: X-Our-Client\r\n";
  Asker asker(trusting("10.0.0.0/8"));
  EXPECT_EQ(asker.get("X-Our-Client: 192.0.2.1\r\n", "nobody's", varies), "nobody's");
  EXPECT_EQ(asker.get("X-Our-Client: 192.0.2.1\r\n", "again", varies), "nobody's");
  asker.site.adopt(trusting("127.0.0.0/8"));
  EXPECT_EQ(asker.get("X-Our-Client: 192.0.2.1\r\n", "its own", varies), "its own");
  EXPECT_EQ(asker.get("X-Our-Client: 192.0.2.1\r\n", "again", varies), "its own");
}

TEST(Told, WhatABackendMakesOfAnExchangesIdIsNobodyElses) {
  Asker asker([](image::PlanT&) {});
  const std::string varying = std::string(kLong) + "Vary: X-Request-ID\r\n";
  EXPECT_EQ(asker.get("", "first", varying), "first");
  EXPECT_EQ(asker.get("", "second", varying), "second");
}

TEST(Told, RoutesThatChangeOtherHeadersShareNothing) {
  HeaderEditsT removing;
  removing.remove = {"X-Debug"};
  Asker asker([&removing](image::PlanT& plan) {
    add_route(plan, "X-In", changing(setting({"X-Internal: yes"})));
    add_route(plan, "X-Out", changing(setting({"X-Internal: no"})));
    add_route(plan, "X-Less", changing(removing));
  });
  const std::string varying = std::string(kLong) + "Vary: X-Internal\r\n";
  EXPECT_EQ(asker.get("X-In: 1\r\n", "in", varying), "in");
  EXPECT_EQ(asker.get("X-Out: 1\r\n", "out", varying), "out");
  EXPECT_EQ(asker.get("X-Less: 1\r\n", "less", kLong), "less");
  EXPECT_EQ(asker.get("", "plain", kLong), "plain");
  EXPECT_EQ(asker.get("X-In: 1\r\n", "again"), "in");
  EXPECT_EQ(asker.get("X-Less: 1\r\n", "again"), "less");
  EXPECT_EQ(body(asker.site, asker.client, post("/cached/a", ""), "changed"), "changed");
  EXPECT_EQ(asker.get("X-In: 1\r\n", "anew"), "anew") << "the same pool's, however it is asked";
  EXPECT_EQ(asker.get("X-Less: 1\r\n", "anew"), "anew");
}

TEST(Told, ValuesOfVariablesTellObjectsApart) {
  for (const char* vary : {"", "Vary: X-Who\r\n"}) {
    Asker asker(every_route(setting({"X-Who: ${cookie:who} at ${client_address}", "X-Id: ${request_id}"})));
    const std::string answered = std::string(kLong) + vary;
    EXPECT_EQ(asker.get("Cookie: who=ann\r\n", "ann's", answered), "ann's");
    EXPECT_EQ(asker.get("Cookie: who=bob\r\n", "bob's", answered), "bob's") << vary;
    EXPECT_EQ(asker.get("", "nobody's", answered), "nobody's") << vary;
    EXPECT_EQ(asker.get("Cookie: x=y; who=ann\r\n", "again", answered), "ann's") << "the id is each request's";
  }
}

TEST(Told, ClientsGetTheirOwnValuesWithWhatIsStored) {
  Asker asker([](image::PlanT& plan) {
    for (auto& route : plan.services[0]->routes) {
      route->policies = std::make_unique<settings::PoliciesT>();
      route->policies->response_headers = std::make_unique<HeaderEditsT>(setting({"X-You: ${cookie:who}"}));
    }
  });
  asker.get("Cookie: who=ann\r\n", "for all");
  asker.client.send(get("/cached/a", "Cookie: who=bob\r\n"));
  const std::string response = asker.client.message();
  EXPECT_THAT(response, HasSubstr("\r\nX-You: bob\r\n"));
  EXPECT_THAT(response, EndsWith("for all"));
}

// Beside the others the service "secure", which asks its clients for certificates.
struct Certified {
  Certified(bool required, std::vector<std::string> lines)
      : site([&](image::PlanT& plan) { add(plan, required, lines); }) {}
  void add(image::PlanT& plan, bool required, const std::vector<std::string>& lines) {
    for (const char* name : {"shop.example", "alice", "bob"}) authority.issue(name, {.names = {name}});
    auto secure = l7::test::service("secure", image::Mode::http, 1);
    secure->routes.push_back(route("/", 0, 0));
    secure->routes.back()->policies = changing(setting(lines));
    secure->tls = std::make_unique<image::TlsT>();
    auto own = std::make_unique<image::CertificateT>();
    own->name = own->cert = authority.path("shop.example.crt"), own->key = authority.path("shop.example.key");
    secure->tls->certificates.push_back(std::move(own));
    secure->tls->client_authorities = authority.own_certificate();
    secure->tls->client_required = required;
    plan.services.push_back(std::move(secure));
  }
  // "": a client without a certificate.
  std::string get(const std::string& who, const std::string& word, const std::string& fields = kLong) {
    tls::ClientOptions options{.verify = true, .authorities = authority.own_certificate()};
    if (!who.empty()) options.certificate = authority.load(who);
    const auto context = tls::ClientContext::create(*crypto, options).value();
    TlsPeer client(site, *context, "shop.example");
    EXPECT_TRUE(client.done().ok()) << client.done().detail;
    return body(site, client, test::get("/a"), word, fields);
  }

  tls::Authority authority;
  Site site;
  std::unique_ptr<tls::CryptoLibrary> crypto = tls::CryptoLibrary::create().value();
};

constexpr const char* kPublic = "Cache-Control: public, max-age=600\r\n";

TEST(Told, APageForACertificateIsKeptAsOneWithAuthorizationIs) {
  Certified site(false, {"X-Fixed: 1"});
  EXPECT_EQ(site.get("alice", "alice's"), "alice's");
  EXPECT_EQ(site.get("", "anonymous'"), "anonymous'");
  EXPECT_EQ(site.get("", "again"), "anonymous'");
  EXPECT_EQ(site.get("alice", "public", kPublic), "public") << "what others got is not hers";
  EXPECT_EQ(site.get("bob", "again"), "public");
}

TEST(Told, APageForASubjectIsThatSubjectsWhateverItSays) {
  for (const bool required : {false, true}) {
    Certified site(required, {"X-Subject: ${tls_client_subject}"});
    EXPECT_EQ(site.get("alice", "alice's"), "alice's");
    EXPECT_EQ(site.get("alice", "alice's, again"), "alice's, again") << "nobody said that it may be kept";
    EXPECT_EQ(site.get("alice", "kept", kPublic), "kept");
    EXPECT_EQ(site.get("bob", "bob's", kPublic), "bob's");
    EXPECT_EQ(site.get("alice", "again"), "kept");
    if (required) continue;
    EXPECT_EQ(site.get("", "anonymous'"), "anonymous'");
  }
}

TEST(Told, WhereAllHaveCertificatesThatNobodyIsToldOfPagesAreKeptForAll) {
  Certified site(true, {"X-Fixed: 1"});
  EXPECT_EQ(site.get("alice", "for all"), "for all");
  EXPECT_EQ(site.get("bob", "again"), "for all");
}

// ---------------------------------------------------------------- over seeds

using Random = std::mt19937_64;

template <typename Choices>
const auto& one_of(Random& random, const Choices& choices) {
  return choices[random() % std::size(choices)];
}

constexpr const char* kFields[] = {
    "X-A: 1\r\n", "X-A: 2\r\n", "X_A: 1\r\n", "X-Made: 1\r\n", "X_Made: 2\r\n", "X-B: 1\r\n", "X-B: 2\r\n",
    "Cookie: who=1\r\n", "Cookie: who=2\r\n", "Connection: X-A\r\n", "Connection: X-B\r\n",
    "X-Forwarded-Host: evil\r\n",
    "X-Forwarded-Host: Shop.Example\r\n", "X-Forwarded-Port: 1\r\n", "X-Forwarded-Proto: https\r\n",
    "X-Forwarded-For: 192.0.2.1\r\n", "X-Route: 1\r\n", "X-Other: 1\r\n"};
constexpr const char* kVaries[] = {"", "X-A", "X-Made", "X-B, X-A", "X-Forwarded-Host", "Cookie", "X-Added"};
// Whatever varies, the operator's own and the proxy's words are seen by the backend.
constexpr const char* kAlways[] = {"Host",   "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto",
                                   "X-Made", "X-Added"};
constexpr const char* kMade[] = {"X-Made: fixed",
                                 "X-Made: other",
                                 "X-Made: ${cookie:who}",
                                 "X-Made: ${header:X-B}|${header:X-A}",
                                 "X-Made: ${client_address}",
                                 "X-Made: ${scheme}${method}${query:q}",
                                 "X-Made: ${route}"};

HeaderEditsT random_edits(Random& random) {
  HeaderEditsT edits = setting({one_of(random, kMade)});
  if (random() % 2 != 0) edits.add = {random() % 2 != 0 ? "X-Added: ${cookie:who}" : "X-Added: 1"};
  if (random() % 2 != 0) edits.if_absent = {random() % 2 != 0 ? "X-A: ${cookie:who}" : "X-A: ours"};
  if (random() % 2 != 0) edits.remove = {random() % 2 != 0 ? "X-B" : "X-A"};
  if (!edits.if_absent.empty()) edits.remove.clear();
  return edits;
}

Site::Change random_site(uint64_t seed, bool cached) {
  return [seed, cached](image::PlanT& plan) {
    Random random(seed);
    trust_all(plan);
    for (const char* header : {"X-Route", "X-Other"}) add_route(plan, header, changing(random_edits(random)));
    for (auto& route : plan.services[0]->routes) {
      if (!route->policies) route->policies = changing(setting({"X-Made: of the last route"}));
      if (!cached) route->action.AsProxy()->cache = -1;
    }
  };
}

// The lines of a head that have one of these names, sorted.
std::string lines_of(std::string_view head, std::string_view vary) {
  std::vector<std::string> found;
  const auto is_wanted = [&](std::string_view name) {
    return std::ranges::any_of(kAlways, [&](std::string_view one) { return one == name; }) ||
           (", " + std::string(vary) + ",").find(", " + std::string(name) + ",") != std::string::npos;
  };
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    if (is_wanted(line.substr(0, line.find(':')))) found.emplace_back(line);
  }
  std::ranges::sort(found);
  std::string out;
  for (const std::string& line : found) out += line + "\n";
  return out;
}

// A backend that answers with what it sees.
struct Mirror {
  explicit Mirror(const Site::Change& change) : site(change), client(site.client()) {}
  std::string ask(const std::string& request, const std::string& vary) {
    client.send(request);
    settle(site.loop());
    asked = site.origin().has_caller();
    if (asked) {
      Peer backend = site.origin().accept();
      const std::string head = backend.head(), varying = vary.empty() ? "" : "Vary: " + vary + "\r\n";
      backend.send(ok(lines_of(head, vary), kLong + varying + "Connection: close\r\n"));
    }
    const std::string response = client.message();
    return response.substr(response.find("\r\n\r\n") + 4);
  }
  Site site;
  Peer client;
  bool asked = false;
};

TEST(Told, NobodyGetsWhatHisOwnBackendWouldNotSay) {
  size_t hits = 0;
  for (uint64_t seed = 0; seed < 3 && !::testing::Test::HasFailure(); ++seed) {
    Mirror kept(random_site(seed, true)), asked(random_site(seed, false));
    Random random(seed + 1000);
    for (int round = 0; round < 40 && !::testing::Test::HasFailure(); ++round) {
      const size_t which = random() % std::size(kVaries);
      std::string fields;
      for (size_t count = random() % 4; count != 0; --count) fields.append(one_of(random, kFields));
      if (fields.find("X-Forwarded-Host") != fields.rfind("X-Forwarded-Host")) continue;
      const std::string request = get("/cached/" + std::to_string(which), fields);
      const std::string got = kept.ask(request, kVaries[which]);
      hits += !kept.asked;
      const std::string own = asked.ask(request, kVaries[which]);
      const auto without_port = [&](std::string text) {  // the two sites' own
        const size_t at = text.find("X-Forwarded-Port: ");
        if (at != text.npos && text.substr(at, 20) != "X-Forwarded-Port: 1\n") text.erase(at, text.find('\n', at) - at);
        return text;
      };
      EXPECT_EQ(without_port(got), without_port(own)) << "seed " << seed << " round " << round << "\n" << request;
    }
  }
  EXPECT_GT(hits, 30u);
}

}  // namespace
}  // namespace cardea::l7::proxy::test
