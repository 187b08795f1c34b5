// What is stale is served at once and renewed behind the answer: who asks the backend, for what, and what becomes of
// the object when it says nothing useful.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "l7/cache/cache.h"
#include "l7/proxy/renewal.h"
#include "tests/unit/l7/proxy/cached.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kBriefly = "Cache-Control: max-age=5, stale-while-revalidate=600\r\nETag: \"v1\"\r\n";

// The object is a second over its lifetime.
struct Stale : Cached {
  explicit Stale(const Site::Change& change = {}) : Cached(ok("stored", kBriefly), change) { site.advance(6s); }
  uint64_t renewals(const char* result) {
    return site.value("cardea_l7_cache_renewals_total", std::string("result=\"") + result + '"');
  }
  std::string status(std::string_view fields = "") {
    const std::string response = ask(fields);
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 "));
    const size_t at = response.find("cardea; ");
    return response.substr(at, response.find('\r', at) - at) + " " + response.substr(response.find("\r\n\r\n") + 4);
  }
};

TEST(Renewal, TheClientIsAnsweredAtOnceAndTheBackendAskedBehind) {
  Stale stale;
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=-1 stored");
  EXPECT_EQ(stale.site.log_line()["cache"], "hit");
  const std::string request = stale.backend.message();
  EXPECT_THAT(request, StartsWith("GET /cached/a HTTP/1.1\r\nHost: shop.example\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nIf-None-Match: \"v1\"\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nX-Forwarded-For: 127.0.0.1\r\n"));
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=-1 stored") << "the connection goes on meanwhile";
  stale.backend.send("HTTP/1.1 304 Not Modified\r\n\r\n");
  settle(stale.site.loop());
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=5 stored");
  EXPECT_EQ(stale.renewals("confirmed"), 1u);
  EXPECT_TRUE(stale.backend.silent());
  EXPECT_EQ(stale.site.value("cardea_l7_service_requests_total"), 4u) << "nobody's call is no client's request";
}

TEST(Renewal, ANewerOneReplacesIt) {
  Stale stale;
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=-1 stored");
  stale.backend.message();
  stale.backend.send("HTTP/1.1 200 OK\r\n" + std::string(kBriefly) + "Transfer-Encoding: chunked\r\n\r\n3\r\nnew\r\n");
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=-1 stored");
  stale.backend.send("2\r\ner\r\n0\r\n\r\n");
  settle(stale.site.loop());
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=5 newer");
  EXPECT_EQ(stale.renewals("replaced"), 1u);
  stale.client.send(get("/other"));
  EXPECT_THAT(stale.backend.message(), StartsWith("GET /other ")) << "the backend's connection is kept";
}

TEST(Renewal, OneAtATimeHoweverLongItTakes) {
  Stale stale;
  stale.status();
  stale.backend.message();
  stale.site.advance(15s);
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=-16 stored");
  EXPECT_TRUE(stale.backend.silent());
  EXPECT_TRUE(stale.site.origin().nobody_called());
}

// Whatever the backend says that is no object leaves the one there is, for ten seconds without another try.
TEST(Renewal, OneThatFailsLeavesTheObjectAsItIs) {
  const std::string answers[] = {ok("oops", "", "503 Service Unavailable"), ok("gone", "", "403 Forbidden"),
                                 "nonsense\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nCache-Control: max-age=9\r\n\r\nhalf"};
  for (const std::string& answer : answers) {
    SCOPED_TRACE(answer);
    Stale stale([](image::PlanT& plan) { plan.pools[0]->retries = 0; });
    stale.status();
    stale.backend.message();
    stale.backend.send(answer);
    settle(stale.site.loop());
    stale.backend.close();
    settle(stale.site.loop());
    EXPECT_EQ(stale.renewals("failed"), 1u);
    EXPECT_EQ(stale.status(), "cardea; hit; ttl=-1 stored");
    EXPECT_TRUE(stale.site.origin().nobody_called());
    stale.site.advance(10s);
    EXPECT_EQ(stale.status(), "cardea; hit; ttl=-11 stored");
    Peer again = stale.site.origin().accept();
    again.message();
    again.send(ok("newer", kBriefly));
    settle(stale.site.loop());
    EXPECT_EQ(stale.status(), "cardea; hit; ttl=5 newer");
  }
}

TEST(Renewal, ABackendThatIsAwayIsNotMissed) {
  Stale stale;
  stale.backend.close();
  stale.site.origin().refuse();
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=-1 stored");
  settle(stale.site.loop());
  EXPECT_EQ(stale.renewals("failed"), 1u);
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=-1 stored");
}

TEST(Renewal, ItIsAskedForWholeWhateverTheClientWanted) {
  for (const auto& [method, fields] : {std::pair{"HEAD", ""},
                                       {"GET", "If-None-Match: \"v1\"\r\n"},
                                       {"GET", "If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n"}}) {
    SCOPED_TRACE(fields);
    Stale stale;
    stale.client.send(get("/cached/a?", fields, method));  // another object
    stale.backend.message();
    stale.backend.send(ok(method == std::string_view("HEAD") ? "" : "other", kBriefly));
    stale.client.head();
    stale.client.send(get("/cached/a", fields, method));
    stale.client.head();
    const std::string request = stale.backend.message();
    EXPECT_THAT(request, StartsWith("GET /cached/a HTTP/1.1\r\n"));
    EXPECT_THAT(request, Not(HasSubstr("If-Modified-Since")));
    stale.backend.send(ok("newer", kBriefly));
    settle(stale.site.loop());
    EXPECT_EQ(stale.renewals("replaced"), 1u);
  }
}

TEST(Renewal, AClientThatLeavesEndsNothing) {
  Stale stale;
  stale.status();
  stale.client.abort();
  stale.backend.message();
  settle(stale.site.loop());
  stale.backend.send(ok("newer", kBriefly));
  settle(stale.site.loop());
  EXPECT_EQ(stale.renewals("replaced"), 1u);
}

// RFC 9111 4.4: what changed while the backend was asked does not come back with its answer.
TEST(Renewal, WhatWasPurgedMeanwhileStaysAway) {
  for (const bool confirms : {true, false}) {
    Stale stale;
    stale.status();
    stale.backend.message();
    const auto& cache = *stale.site.plan->caches[0].cache;
    EXPECT_EQ(stale.site.plan->caches[0].cache->purge("http", "shop.example", "/cached/a"), 1u);
    stale.backend.send(confirms ? "HTTP/1.1 304 Not Modified\r\n\r\n" : ok("newer", kBriefly));
    settle(stale.site.loop());
    EXPECT_EQ(cache.figures().objects, 0u);
    EXPECT_EQ(stale.renewals("replaced"), 0u);
  }
}

// Known from its head, or as it comes.
TEST(Renewal, WhatIsTooLargeIsNotReadForNobody) {
  const std::string bodies[] = {"Content-Length: 1000000\r\n\r\nsome",
                                "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'x') + "\r\n"};
  for (const std::string& body : bodies) {
    Stale stale([](image::PlanT& plan) { plan.caches[0]->object_bytes_max = 1000; });
    stale.status();
    stale.backend.message();
    stale.backend.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=9\r\n" + body);
    stale.backend.rest();
    EXPECT_EQ(stale.renewals("failed"), 1u);
    EXPECT_EQ(stale.status(), "cardea; hit; ttl=-1 stored");
  }
}

TEST(Renewal, TheHostHasRoomForSoMany) {
  Stale stale;
  HostCount& all = *stale.site.shard->shared().renewals;
  for (uint32_t i = 0; i < kRenewalsMax; ++i) EXPECT_TRUE(all.take(kRenewalsMax));
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=-1 stored");
  EXPECT_TRUE(stale.backend.silent());
  EXPECT_EQ(stale.site.value("cardea_l7_cache_renewals_skipped_total"), 1u);
  all.give_back();
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=-1 stored") << "the next tries at once";
  stale.backend.message();
  EXPECT_EQ(all.now(), kRenewalsMax);
  stale.backend.send("HTTP/1.1 304 Not Modified\r\n\r\n");
  settle(stale.site.loop());
  EXPECT_EQ(all.now(), kRenewalsMax - 1) << "and gives its place back";
}

TEST(Renewal, AReloadMeanwhileChangesNothing) {
  Stale stale;
  stale.status();
  stale.backend.message();
  stale.site.adopt([](image::PlanT& plan) { plan.services.pop_back(); });
  stale.backend.send("HTTP/1.1 304 Not Modified\r\n\r\n");
  settle(stale.site.loop());
  EXPECT_EQ(stale.status(), "cardea; hit; ttl=5 stored");
}

TEST(Renewal, AShardMayEndMeanwhile) {
  Stale stale;
  const auto all = stale.site.shard->shared().renewals;
  stale.status();
  stale.backend.message();
  EXPECT_EQ(all->now(), 1u);
  stale.site.shard.reset();
  EXPECT_EQ(all->now(), 0u);
}

}  // namespace
}  // namespace cardea::l7::proxy::test
