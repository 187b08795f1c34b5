// What the proxy answers by itself: a status, a reason word that the log has too, and whose fault it was. A refused
// request never reaches a backend.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Row {
  const char* name;
  std::string request;
  int status;
  const char* reason;
};

std::vector<Row> malformed() {
  const std::string host = "Host: shop.example\r\n";
  return {
      {"two lengths", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400,
       "content_length_repeated"},
      {"length and chunks",
       "POST / HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
       "length_and_encoding"},
      {"a sign", "POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\na", 400, "content_length"},
      {"bare LF", "GET / HTTP/1.1\n" + host + "\r\n", 400, "bare_lf"},
      {"NUL", "GET / HTTP/1.1\r\n" + host + std::string("X: a\0b\r\n\r\n", 10), 400, "control_byte"},
      {"space before colon", "GET / HTTP/1.1\r\n" + host + "X : a\r\n\r\n", 400, "space_before_colon"},
      {"folded", "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n", 400, "obs_fold"},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400, "host_missing"},
      {"two hosts", "GET / HTTP/1.1\r\n" + host + host + "\r\n", 400, "host_repeated"},
      {"another version", "GET / HTTP/2.0\r\n" + host + "\r\n", 505, "version_unsupported"},
      {"another coding", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501,
       "transfer_encoding_unsupported"},
      {"connect", "CONNECT a:1 HTTP/1.1\r\n" + host + "\r\n", 501, "connect_unsupported"},
      {"an expectation", "GET / HTTP/1.1\r\n" + host + "Expect: miracles\r\n\r\n", 417, "expectation"},
      {"above the root", "GET /../etc HTTP/1.1\r\n" + host + "\r\n", 400, "path_above_root"},
      {"a long line", "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414, "target_too_long"},
      {"a long head", "GET / HTTP/1.1\r\n" + host + "X: " + std::string(20'000, 'a') + "\r\n\r\n", 431,
       "head_too_large"},
      {"many headers",
       [&] {
         std::string head = "GET / HTTP/1.1\r\n" + host;
         for (int i = 0; i < 200; ++i) head += "X: a\r\n";
         return head + "\r\n";
       }(),
       431, "too_many_headers"},
      {"a look-alike", "POST / HTTP/1.1\r\n" + host + "Transfer___Encoding: chunked\r\n\r\n", 400, "look_alike"},
      {"who it says it is", "GET / HTTP/1.1\r\n" + host + "X-Forwarded.For: 6.6.6.6\r\n\r\n", 400, "look_alike"},
      {"https in plain text", "GET https://shop.example/ HTTP/1.1\r\n" + host + "\r\n", 421, "misdirected"},
      {"a bad chunk", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "chunk_size"},
  };
}

TEST(Refusal, MalformedRequestsAreAnsweredByReasonAndReachNobody) {
  Site site;
  for (const Row& row : malformed()) {
    SCOPED_TRACE(row.name);
    Peer client = site.client();
    client.send(row.request);
    client.finish();
    const std::string response = client.rest();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 " + std::to_string(row.status) + " "));
    EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(response, HasSubstr("\r\nProxy-Status: cardea; error="));
    EXPECT_THAT(response, HasSubstr(": " + std::string(row.reason) + "\n"));
    EXPECT_FALSE(client.reset()) << "the answer has to arrive";
    const auto line = site.log_line();
    EXPECT_EQ(line["status"], row.status);
    EXPECT_EQ(line["reason"], row.reason);
  }
  EXPECT_EQ(site.value("cardea_l7_backend_requests_total"), 0u);
}

// Whoever has it when Max-Forwards is used up answers, and the connection goes on.
TEST(Refusal, WhatMayNotBeForwardedIsAnsweredHere) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Max-Forwards: 0\r\n", "OPTIONS"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(site.log_line()["reason"], "max_forwards");
  client.send(get("/", "Max-Forwards: 0\r\n", "TRACE"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 501 "));
  EXPECT_EQ(site.log_line()["reason"], "trace_ends_here");
  EXPECT_TRUE(site.origin().nobody_called());
  client.send(get("/", "Max-Forwards: 1\r\n", "OPTIONS"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), HasSubstr("\r\nMax-Forwards: 0\r\n"));
}

// A backend that was asked already must not take the torn request for a whole one, and what the client has of a
// response ends at once, not when its backend says more. A body that is read to its fault before anybody waits for the
// response (16 KB and more of it) is no other case.
TEST(Refusal, AChunkThatTurnsBadLaterEndsBothConnections) {
  struct Place {
    const char *name, *first, *then, *response;
  };
  const std::string large = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  const Place places[] = {
      {"before the response", "3\r\nabc\r\n", "zzz\r\n", ""},
      {"under the response", "3\r\nabc\r\n", "zzz\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"},
      {"in one go", large.c_str(), "zz\r\n", ""}};
  for (const Place& row : places) {
    SCOPED_TRACE(row.name);
    const bool in_one_go = row.first == large.c_str();
    Site site;
    Peer client = site.client();
    client.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") + row.first + (in_one_go ? row.then : ""));
    Peer backend = site.origin().accept();
    if (!in_one_go) backend.until("abc\r\n");
    if (*row.response != '\0') backend.send(row.response), client.until("half");
    if (!in_one_go) client.send(row.then);
    EXPECT_THAT(client.rest(), *row.response != '\0' ? testing::Matcher<std::string>("") : HasSubstr("chunk_size"));
    EXPECT_THAT(backend.rest(), Not(HasSubstr("0\r\n\r\n")));
    EXPECT_TRUE(backend.reset());
    EXPECT_EQ(site.log_line()["reason"], "chunk_size");
  }
}

TEST(Refusal, ABodyThatEndsEarlyEndsBothConnections) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") + "5\r\nhel");
  client.finish();
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.rest(), Not(HasSubstr("0\r\n\r\n")));
  EXPECT_TRUE(backend.reset());
  EXPECT_EQ(site.log_line()["reason"], "client_closed");
}

TEST(Refusal, BytesBehindARefusedRequestAreNoRequest) {
  Site site;
  Peer client = site.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
              get("/smuggled"));
  EXPECT_THAT(client.rest(), Not(HasSubstr("200")));
  EXPECT_TRUE(site.origin().nobody_called());
}

TEST(Refusal, NoRoute) {
  Site site([](image::PlanT& plan) { plan.services[0]->routes[0]->hosts = {"only.example"}; });
  Peer client = site.client();
  client.send(get("/"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "no_route");
  EXPECT_FALSE(line.contains("route"));
  EXPECT_EQ(site.value("cardea_l7_service_bad_requests_total", "shop"), 1u);
  client.send(post("/", "a body") + get("/", "", "HEAD"));  // the connection goes on behind what was understood
  EXPECT_THAT(client.message(), HasSubstr("no_route"));
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 404 "));
  EXPECT_TRUE(client.silent());
}

TEST(Refusal, HostRulesChooseTheRoute) {
  Site site([](image::PlanT& plan) {
    plan.services[0]->routes[0]->hosts = {"only.example"};
    auto wild = route("/", 0);
    wild->name = "wild", wild->hosts = {"*.wild.example"};
    plan.services[0]->routes.push_back(std::move(wild));
  });
  const auto status_for = [&](const char* host) {
    Peer client = site.client();
    client.send("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\nConnection: close\r\n\r\n");
    return site.log_line()["status"] == 503;
  };
  site.update_pools([](image::PlanT& plan) { plan.pools[0]->backends[0]->state = image::BackendState::down; });
  for (const char* host :
       {"only.example", "ONLY.example:8080", "a.wild.example", "b.a.wild.example", "only.example."}) {
    EXPECT_TRUE(status_for(host)) << host;
  }
  for (const char* host : {"wild.example", "other", "xonly.example", "127.0.0.1", "[::1]"})
    EXPECT_FALSE(status_for(host)) << host;
}

TEST(Refusal, NoBackendServes) {
  Site site([](image::PlanT& plan) { plan.pools[0]->backends[0]->state = image::BackendState::down; });
  Peer client = site.client();
  client.send(get("/"));
  const std::string response = client.message();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(response, HasSubstr("error=destination_unavailable; details=\"no_backend\""));
  EXPECT_EQ(site.log_line()["reason"], "no_backend");
  client.send(get("/", "", "HEAD"));
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(client.silent()) << "HEAD has no body, and the connection goes on";
}

TEST(Refusal, AllBackendsAreBusy) {
  Site site([](image::PlanT& plan) { plan.pools[0]->backends[0]->connections_max = 1; });
  Peer first = site.client(), second = site.client();
  first.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  second.send(get("/"));
  EXPECT_THAT(second.message(), HasSubstr("backends_busy"));
  EXPECT_EQ(site.value("cardea_l7_pool_refused_total", "pool=\"web\""), 1u);
  backend.send(ok("x"));
  first.message();
  second.send(get("/"));
  backend.message();
  backend.send(ok("y"));
  EXPECT_THAT(second.message(), HasSubstr("\r\n\r\ny"));
}

TEST(Refusal, ABodyOverTheLimitIs413) {
  Site site([](image::PlanT& plan) { plan.services[0]->body_bytes_max = 10; });
  Peer client = site.client();
  client.send(post("/", "0123456789a"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
  EXPECT_TRUE(site.origin().nobody_called()) << "known from the head";
  Peer chunked = site.client();
  chunked.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") + "5\r\n01234\r\n");
  Peer backend = site.origin().accept();
  backend.until("01234");
  chunked.send("6\r\n56789a\r\n0\r\n\r\n");
  EXPECT_THAT(chunked.message(), HasSubstr("body_too_large"));
  EXPECT_THAT(backend.rest(), Not(HasSubstr("0\r\n\r\n")));
  EXPECT_TRUE(backend.reset());
  chunked.send(get("/"));  // all of the body had come
  EXPECT_THAT(site.origin().accept().message(), StartsWith("GET / "));
}

TEST(Refusal, ABodyOfExactlyTheLimitIsNot) {
  Site site([](image::PlanT& plan) { plan.services[0]->body_bytes_max = 10; });
  Peer client = site.client();
  client.send(post("/at-once", "0123456789"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), HasSubstr("\r\n\r\n0123456789"));
  backend.send(ok("first"));
  EXPECT_THAT(client.message(), HasSubstr("first"));
  client.send(get("/later", "Transfer-Encoding: chunked\r\n", "POST"));
  backend.head();
  client.send("a\r\n0123456789\r\n0\r\n\r\n");
  EXPECT_THAT(backend.until("0\r\n\r\n"), HasSubstr("0123456789"));
  backend.send(ok("second"));
  EXPECT_THAT(client.message(), HasSubstr("second"));
}

// Its response_timeout begins when it has all that it was asked.
TEST(Refusal, ABackendIsNotHurriedForASlowBody) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Content-Length: 2000\r\n", "POST"));
  Peer backend = site.origin().accept();
  backend.head();
  for (int i = 0; i < 2; ++i) {
    site.advance(10s);
    client.send(std::string(1000, 'b'));
    backend.take(1000);
  }
  settle(site.loop());
  site.advance(25s);
  settle(site.loop());
  EXPECT_TRUE(client.silent());
  site.advance(5100ms);
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 504 ")) << "but then it is";
  EXPECT_EQ(site.log_line()["reason"], "response_timeout");
}

// Closed at once, a connection would meet the body with a reset, which destroys the answer on its way.
TEST(Refusal, ABodyThatIsStillToComeDoesNotDestroyTheAnswer) {
  Site site([](image::PlanT& plan) {
    plan.services[0]->body_bytes_max = 10;
    plan.services[0]->routes[0]->hosts = {"shop.example"};
  });
  for (const char* head :
       {"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: other.example\r\nContent-Length: 3000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3000\r\nExpect: miracles\r\n\r\n"}) {
    Peer client = site.client();
    client.send(head);
    EXPECT_EQ(site.log_line()["status"].get<int>() / 100, 4);
    for (int i = 0; i < 3; ++i) {
      client.send(std::string(1000, 'b'));
      settle(site.loop());
    }
    EXPECT_EQ(site.value("cardea_l7_connections"), 1u) << "it is heard out: " << head;
    EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 4")) << head;
    EXPECT_FALSE(client.reset()) << head;
  }
}

TEST(Refusal, ASlowHeadIs408) {
  Site site;
  Peer client = site.client();
  client.send("GET / HTTP/1.1\r\nHost: shop");
  settle(site.loop());
  for (int i = 0; i < 9; ++i) {
    site.advance(1s);
    client.send("p");  // one byte a second buys no time
    settle(site.loop());
  }
  EXPECT_TRUE(client.silent());
  site.advance(1100ms);
  const std::string response = client.rest();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_THAT(response, HasSubstr("request_timeout"));
  EXPECT_EQ(site.log_line()["reason"], "request_timeout");
}

TEST(Refusal, AClientThatSaysNothingIsClosedWithoutAWord) {
  Site site;
  Peer client = site.client();
  settle(site.loop());
  site.advance(10100ms);
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(site.value("cardea_l7_service_requests_total", "shop"), 0u);
  EXPECT_EQ(site.value("cardea_l7_connections"), 0u);
}

TEST(Refusal, AnIdleConnectionIsClosedAfterItsTime) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x"));
  client.message();
  site.advance(59s);
  EXPECT_TRUE(client.silent());
  site.advance(2s);
  EXPECT_EQ(client.rest(), "");
  EXPECT_FALSE(client.reset());
}

TEST(Refusal, ASlowBodyIs408AndTheBackendIsNotLeftWaiting) {
  Site site([](image::PlanT& plan) { plan.services[0]->rate_min = 0; });
  Peer client = site.client();
  client.send(get("/", "Content-Length: 10\r\n", "POST") + "123");
  Peer backend = site.origin().accept();
  backend.until("123");
  site.advance(20s);
  client.send("4");
  backend.until("4");
  site.advance(29s);
  EXPECT_TRUE(client.silent()) << "each piece has its time";
  site.advance(2s);
  EXPECT_THAT(client.rest(), HasSubstr("body_timeout"));
  EXPECT_TRUE(backend.ended());
}

TEST(Refusal, ConnectionsOverALimitAreReset) {
  struct Limit {
    void (*set)(image::ServiceT&);
    const char* refused;
  };
  const Limit limits[] = {
      {[](auto& service) { service.connections_max = 2; }, "cardea_l7_service_connections_refused_total"},
      {[](auto& service) { service.source_connections_max = 2; },
       "cardea_l7_service_source_connections_refused_total"}};
  for (const Limit& limit : limits) {
    SCOPED_TRACE(limit.refused);
    Site site([&limit](image::PlanT& plan) { limit.set(*plan.services[0]); });
    Peer first = site.client(), second = site.client(), third = site.client();
    EXPECT_EQ(third.rest(), "");
    EXPECT_TRUE(third.reset());
    EXPECT_TRUE(first.silent());
    EXPECT_EQ(site.value(limit.refused, "shop"), 1u);
    first.close();
    settle(site.loop());
    Peer fourth = site.client();
    EXPECT_TRUE(fourth.silent());
    EXPECT_TRUE(second.silent());
    EXPECT_EQ(site.value("cardea_l7_service_connections", "shop"), 2u);
  }
}

// Four large buffers, of which clients that begin requests may hold three, in small ones.
struct ShortOfMemory {
  ShortOfMemory()
      : site([](image::PlanT& plan) {
          plan.settings->buffer_bytes_max = 4 * 16384;
          plan.services[0]->request_timeout_ms = 120'000;
          plan.pools[0]->response_timeout_ms = 120'000;
        }) {}
  void take_all() {
    while (site.buffers_lent() < 3 * 16384u) {
      holders.push_back(site.client());
      holders.back().send(get("/"));  // which nobody answers
      settle(site.loop());
    }
  }
  void take_all_with_unfinished_heads() {
    while (site.buffers_lent() < 3 * 16384u) {
      holders.push_back(site.client());
      holders.back().send("G");
      settle(site.loop());
    }
  }
  void let_go() {
    for (Peer& holder : holders) holder.abort();
    holders.clear();
  }
  Site site;
  std::vector<Peer> holders;
};

TEST(Refusal, WithoutABufferAClientIsToldSo) {
  ShortOfMemory scarce;
  scarce.take_all();
  Peer late = scarce.site.client();
  late.send(get("/"));
  EXPECT_THAT(late.rest(), HasSubstr("details=\"memory\""));
  EXPECT_EQ(scarce.site.value("cardea_l7_memory_refused_total"), 1u);
  EXPECT_EQ(scarce.site.value("cardea_l7_buffer_bytes"), scarce.site.buffers_lent());
  scarce.let_go();
  settle(scarce.site.loop());
  EXPECT_EQ(scarce.site.buffers_lent(), 0u);
  EXPECT_EQ(scarce.site.value("cardea_l7_buffer_bytes"), 0u);
}

// However much it sends before it looks, and with what pauses.
TEST(Refusal, WithoutABufferAClientIsToldSoBehindItsBody) {
  ShortOfMemory scarce;
  scarce.take_all();
  Peer late = scarce.site.client();
  late.send(get("/", "Content-Length: 4194304\r\n", "POST"));
  for (int i = 0; i < 16; ++i) {
    late.send(std::string(262'144, 'b'));
    settle(scarce.site.loop());
    scarce.site.advance(2500ms);
  }
  EXPECT_THAT(late.rest(), HasSubstr("details=\"memory\""));
  EXPECT_FALSE(late.reset());
}

TEST(Refusal, TheOldestUnfinishedHeadGivesWay) {
  ShortOfMemory scarce;
  scarce.take_all_with_unfinished_heads();
  EXPECT_EQ(scarce.holders.size(), 24u) << "a byte costs no more than a small buffer";
  Peer late = scarce.site.client();
  late.send(get("/"));
  Peer backend = scarce.site.origin().accept();
  backend.message();
  EXPECT_THAT(scarce.holders[0].rest(), HasSubstr("memory"));
  EXPECT_TRUE(scarce.holders[1].silent());
  EXPECT_EQ(scarce.site.log_line()["reason"], "memory");
  EXPECT_EQ(scarce.site.value("cardea_l7_heads_ended_total"), 1u);
  scarce.holders[23].send("ET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  scarce.site.origin().accept().message();
}

// A head, byte by byte, over the edges of its buffers, and with what comes behind it.
TEST(Refusal, AHeadMayBeAsLargeAsTheServiceAllowsAndOthersKeepTheirBuffers) {
  Site site([](image::PlanT& plan) { plan.services[0]->header_bytes_max = 100'000; });
  Peer small = site.client();
  small.send(get("/small"));
  Peer backend = site.origin().accept();
  backend.message();
  EXPECT_EQ(site.buffers_lent(), 2048u) << "whatever another request may need";
  for (const size_t bytes : {1900u, 2048u, 2500u, 16'200u, 16'500u, 40'000u, 99'000u}) {
    SCOPED_TRACE(bytes);
    Peer client = site.client();
    const std::string head = get("/large", "X: " + std::string(bytes - 60, 'x') + "\r\n");
    for (size_t at = 0; at < head.size(); at += 1000) {
      client.send(std::string_view(head).substr(at, 1000));
      settle(site.loop());
    }
    Peer its = site.origin().accept();
    EXPECT_THAT(its.message(), HasSubstr(std::string(bytes - 60, 'x')));
    its.send(ok("x"));
    client.message();
  }
  Peer over = site.client();
  over.send(get("/larger", "X: " + std::string(100'100, 'x') + "\r\n"));
  EXPECT_THAT(over.rest(), StartsWith("HTTP/1.1 431 "));
}

TEST(Refusal, RequestsThatNeverEndCutOffNothingThatIsUnderWay) {
  ShortOfMemory scarce;
  Peer client = scarce.site.client(), tunnel = scarce.site.client("raw");
  Peer far = scarce.site.origin().accept();
  client.send(get("/"));
  Peer backend = scarce.site.origin().accept();
  backend.message();
  scarce.take_all();
  for (int i = 0; i < 3; ++i) {
    tunnel.send("up");
    EXPECT_EQ(far.take(2), "up");
  }
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  client.until("abc");
  backend.send("def");
  EXPECT_EQ(client.take(3), "def");
}

// A response and a tunnel midway, and every buffer taken: three by clients that begin requests, the last by a tunnel
// whose client does not read.
struct Midway : ShortOfMemory {
  Midway() {
    stuck.hold_little();
    take_all();
    run_until(site.loop(), [&] {
      return stuck_end.send_what_fits(std::string(1 << 20, 'x')) == 0 && site.buffers_lent() == 4 * 16384u;
    });
    backend.send("def");
    tunnel.send("more");
    settle(site.loop());
  }
  uint64_t waits() { return site.value("cardea_l7_memory_waits_total"); }
  uint64_t refused() { return site.value("cardea_l7_memory_refused_total"); }
  Peer begin() {
    client.send(get("/"));
    Peer its = site.origin().accept();
    its.message();
    its.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    client.until("abc");
    return its;
  }
  Peer tunnel = site.client("raw"), tunnel_end = site.origin().accept();
  Peer stuck = site.client("raw"), stuck_end = site.origin().accept();
  Peer client = site.client(), backend = begin();
};

TEST(Refusal, WhatIsUnderWayWaitsForABuffer) {
  Midway midway;
  EXPECT_TRUE(midway.client.silent());
  EXPECT_TRUE(midway.tunnel_end.silent());
  midway.site.advance(5s);
  EXPECT_TRUE(midway.client.silent());
  EXPECT_EQ(midway.waits(), 2u) << "a wait is counted once";
  midway.let_go();
  settle(midway.site.loop());
  midway.site.advance(10ms);
  EXPECT_EQ(midway.client.take(3), "def");
  EXPECT_EQ(midway.tunnel_end.take(4), "more");
  EXPECT_EQ(midway.site.log_line()["status"], 499);  // of those who began a request
  EXPECT_EQ(midway.refused(), 0u);
}

TEST(Refusal, WhatWaitedForABufferInVainIsBrokenOff) {
  Midway midway;
  midway.site.advance(31s);
  EXPECT_EQ(midway.client.rest(), "") << "and not what would pass for the whole";
  const auto line = midway.site.log_line();
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["reason"], "memory");
  EXPECT_TRUE(midway.backend.ended());
  EXPECT_EQ(midway.refused(), 1u);
  EXPECT_EQ(midway.site.value("cardea_l7_backend_failures_total"), 0u);
}

TEST(Refusal, WithoutABufferForTheResponseTheClientIsToldSo) {
  ShortOfMemory scarce;
  Site& site = scarce.site;
  Peer waiting = site.client(), client = site.client();
  waiting.hold_little();
  for (Peer* peer : {&waiting, &client}) peer->send(get("/"));
  Peer endless = site.origin().accept(), backend = site.origin().accept();
  endless.message(), backend.message();
  scarce.take_all();
  endless.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
  run_until(site.loop(), [&] {
    return endless.send_what_fits(std::string(1 << 20, 'x')) == 0 && site.buffers_lent() == 4 * 16384u;
  });
  backend.send(ok("x"));
  EXPECT_THAT(client.message(), HasSubstr("memory"));
  EXPECT_EQ(site.log_line()["reason"], "memory");
  EXPECT_EQ(site.value("cardea_l7_memory_refused_total"), 1u);
}

}  // namespace
}  // namespace cardea::l7::proxy::test
