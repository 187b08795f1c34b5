// A second pool gets copies of requests: what a copy is, what has none, and that no client notices what becomes of it.
#include "l7/proxy/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/http2/client.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Change = std::function<void(settings::MirrorT&)>;

struct MirrorSite {
  explicit MirrorSite(const Change& change = {}) : site([&change](image::PlanT& plan) { copy_all(plan, change); }, 2), client(site.client()) {}

  // The second server is the one that gets copies.
  static void copy_all(image::PlanT& plan, const Change& change) {
    auto pool = l7::test::pool("next", image::Balance::round_robin, 1);
    pool->backends[0] = std::move(plan.pools[0]->backends[1]);
    pool->retries = 0;
    plan.pools[0]->backends.pop_back();
    plan.pools.push_back(std::move(pool));
    plan.services[0]->http2 = true;
    for (auto& route : plan.services[0]->routes) {
      route->policies = std::make_unique<settings::PoliciesT>();
      route->policies->request_headers = std::make_unique<settings::HeaderEditsT>();
      route->policies->request_headers->set = {"X-Client: ${client_address}"};
      route->policies->mirror = std::make_unique<settings::MirrorT>();
      route->policies->mirror->pool = "next";
      if (change) change(*route->policies->mirror);
    }
  }

  Peer& backend() {
    if (!behind) behind.emplace(site.origin().accept());
    return *behind;
  }
  Peer& next() {
    if (!copied) copied.emplace(site.origins[1]->accept());
    return *copied;
  }
  // What the backend was sent; its client has its answer.
  std::string served() {
    std::string seen = backend().message();
    backend().send(ok("x"));
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 200 "));
    return seen;
  }
  bool nobody_gets_a_copy() { return copied ? copied->silent() : site.origins[1]->nobody_called(); }
  uint64_t counted(const char* what) { return site.value(std::string("cardea_l7_service_mirror") + what + "_total", "service=\"shop\""); }

  Site site;
  Peer client;
  std::optional<Peer> behind, copied;
};

TEST(Mirror, ACopyIsWhatTheBackendGetsAndItsAnswerIsNobodys) {
  MirrorSite test;
  for (const char* status : {"200 OK", "500 Gone Wrong"}) {
    test.client.send(get("/a/../b?c=d", "Cookie: a=1\r\nX-Client: me\r\nConnection: X-Hop\r\nX-Hop: 1\r\n", "DELETE"));
    const std::string seen = test.served();
    EXPECT_THAT(seen, AllOf(StartsWith("DELETE /b?c=d HTTP/1.1\r\n"), HasSubstr("\r\nX-Client: 127.0.0.1\r\n"), Not(HasSubstr("Hop"))));
    EXPECT_EQ(test.next().message(), seen) << "id and all";
    test.next().send(ok("other", "", status));
    EXPECT_EQ(test.site.log_line()["status"], 200);
    EXPECT_TRUE(test.client.silent());
    settle(test.site.loop());
  }
  EXPECT_EQ(test.counted("ed"), 2u);
  EXPECT_EQ(test.counted("_failed"), 0u) << "what it answers is its own business";
}

TEST(Mirror, BodiesAreCopiedWholeHoweverTheyCame) {
  MirrorSite test;
  for (const std::string& request :
       {post("/", "hello"), get("/", "Transfer-Encoding: chunked\r\n", "POST") + "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"}) {
    test.client.send(request);
    EXPECT_THAT(test.served(), HasSubstr("llo"));
    const std::string copy = test.next().message();
    EXPECT_THAT(copy, AllOf(HasSubstr("\r\nContent-Length: 5\r\n"), testing::EndsWith("\r\n\r\nhello"), Not(HasSubstr("chunked"))));
    test.next().send(ok(""));
  }
}

TEST(Mirror, AnUploadOfHttp2IsCopiedToo) {
  MirrorSite test;
  http2::test::Client client(test.site);
  const int32_t call = client.ask("/up", {}, false, "PUT");
  client.send_body(call, std::string(30'000, 'a'), true);
  const std::string seen = test.backend().message();
  EXPECT_THAT(seen, StartsWith("PUT /up HTTP/1.1\r\n"));
  EXPECT_THAT(test.next().message(), AllOf(HasSubstr("\r\nContent-Length: 30000\r\n"), testing::EndsWith("\r\n\r\n" + std::string(30'000, 'a'))));
  test.backend().send(ok("x"));
  EXPECT_EQ(client.answer(call).body, "x");
}

TEST(Mirror, LargerBodiesGoOnAndHaveNoCopy) {
  MirrorSite test([](auto& mirror) { mirror.body_max = 40'000; });
  const std::string large(50'000, 'b');
  char size[16];
  std::snprintf(size, sizeof size, "%zx", large.size());
  for (const std::string& request : {post("/", large), get("/", "Transfer-Encoding: chunked\r\n", "POST") + size + "\r\n" + large + "\r\n0\r\n\r\n"}) {
    test.client.send(request);
    EXPECT_GT(test.served().size(), large.size());
  }
  EXPECT_TRUE(test.nobody_gets_a_copy());
  EXPECT_EQ(test.counted("_skipped"), 2u);
  EXPECT_EQ(test.counted("ed"), 0u);
}

TEST(Mirror, AsManyAsMayBeAreUnderWay) {
  MirrorSite test([](auto& mirror) { mirror.under_way_max = 1; });
  test.client.send(get("/1"));
  test.served();
  EXPECT_THAT(test.next().message(), StartsWith("GET /1 "));
  test.client.send(get("/2"));
  test.served();
  EXPECT_TRUE(test.nobody_gets_a_copy());
  EXPECT_EQ(test.counted("_skipped"), 1u);
  test.next().send(ok(""));
  settle(test.site.loop());
  test.client.send(get("/3"));
  test.served();
  EXPECT_THAT(test.next().message(), StartsWith("GET /3 ")) << "over the same connection";
}

TEST(Mirror, NobodyNoticesAPoolThatIsAwayOrSilent) {
  MirrorSite test;
  test.site.origins[1]->refuse();
  test.client.send(get("/"));
  test.served();
  settle(test.site.loop());
  EXPECT_EQ(test.counted("_failed"), 1u);
  test.site.origins[1]->listen();
  test.client.send(get("/"));
  test.served();
  test.next().message();
  test.site.advance(10min);
  settle(test.site.loop());
  EXPECT_EQ(test.counted("_failed"), 2u);
}

TEST(Mirror, WhatIsNotAskedOfABackendIsNotCopied) {
  MirrorSite test([](auto& mirror) { mirror.sample = 0; });
  test.client.send(get("/"));
  test.served();
  EXPECT_TRUE(test.nobody_gets_a_copy());
  MirrorSite other;
  other.client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(other.client.message(), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(other.nobody_gets_a_copy());
  EXPECT_EQ(test.counted("_skipped") + other.counted("_skipped"), 0u);
}

TEST(Mirror, AClientThatLeavesMidwayHasNoCopy) {
  MirrorSite test;
  test.client.send(get("/", "Content-Length: 100\r\n", "POST") + "half");
  settle(test.site.loop());
  test.client.close();
  EXPECT_TRUE(test.nobody_gets_a_copy());
  EXPECT_TRUE(test.site.origin().nobody_called());
  EXPECT_EQ(test.site.buffers_lent(), 0u);
}

// What waits for a body has no place among the copies yet.
TEST(Mirror, ASlowUploadTakesNoPlaceFromOthers) {
  MirrorSite test([](auto& mirror) { mirror.under_way_max = 1; });
  Peer slow = test.site.client();
  slow.send(get("/slow", "Content-Length: 100\r\n", "POST") + "half");
  settle(test.site.loop());
  test.client.send(get("/2"));
  test.served();
  EXPECT_THAT(test.next().message(), StartsWith("GET /2 "));
  EXPECT_EQ(test.counted("_skipped"), 0u);
}

TEST(Mirror, AllRoutesHaveTheSamePlacesAndAReloadMakesNoMore) {
  MirrorSite test([](auto& mirror) { mirror.under_way_max = 1; });
  test.client.send(get("/1"));
  test.served();
  EXPECT_THAT(test.next().message(), StartsWith("GET /1 "));
  test.client.send(get("/cached/2"));
  test.served();
  EXPECT_TRUE(test.nobody_gets_a_copy());
  EXPECT_EQ(test.counted("_skipped"), 1u);
}

TEST(Mirror, AnAnswerThatNeverEndsIsLeft) {
  MirrorSite test;
  test.client.send(get("/"));
  test.served();
  test.next().message();
  test.next().send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 12; ++i) {
    test.next().send("1\r\nx\r\n");
    settle(test.site.loop());
    test.site.advance(1s);
  }
  test.next().send_what_fits("1\r\nx\r\n");
  settle(test.site.loop());
  EXPECT_TRUE(test.next().ended() || test.next().reset());
}

// Clients are served with what copies would have taken.
TEST(Mirror, CopiesLeaveMemoryToRequests) {
  MirrorSite test;
  const auto most = test.site.plan->settings.buffer_bytes_max;
  std::vector<Peer> uploads;
  size_t copied = 0;
  while (test.site.buffers_lent() < most / 2 && ++copied < 10'000) {
    test.client.send(post("/", std::string(60'000, 'c')));
    test.served();
    settle(test.site.loop());
    if (test.counted("_skipped") != 0) break;
  }
  EXPECT_LE(test.site.buffers_lent(), most / 2 + 200'000);
  test.client.send(get("/"));
  test.served();
}

TEST(Mirror, MemoryComesBack) {
  MirrorSite test;
  test.client.send(post("/", std::string(60'000, 'c')));
  test.served();
  test.next().message();
  EXPECT_GE(test.site.buffers_lent(), 60'000u);
  test.next().send(ok("", "Connection: close\r\n"));
  settle(test.site.loop());
  EXPECT_EQ(test.site.buffers_lent(), 0u);
}

}  // namespace
}  // namespace cardea::l7::proxy::test
