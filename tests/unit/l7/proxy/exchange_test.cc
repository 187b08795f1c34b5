// Whole exchanges, from a client's first byte to the log's line: what a backend is sent, what a client gets, and in
// which state both connections are left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Exchange, GoesToABackendAndBack) {
  Site site;
  Peer client = site.client();
  client.send(get("/a?b=c", "Accept: text/html\r\n"));
  Peer backend = site.origin().accept();
  const std::string request = backend.message();
  EXPECT_THAT(request, StartsWith("GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\nAccept: text/html\r\n"));
  backend.send(ok("hello", "Content-Type: text/plain\r\n"));
  const std::string response = client.message();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nVia: 1.1 cardea\r\nContent-Length: 5\r\n\r\nhello"));
  const auto line = site.log_line();
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["reason"], "ok");
  EXPECT_EQ(line["path"], "/a");
  EXPECT_EQ(line["query"], "b=c");
  EXPECT_EQ(line["backend"], site.origin().name());
  EXPECT_EQ(line["bytes_out"], response.size());
  EXPECT_EQ(line["bytes_in"], get("/a?b=c", "Accept: text/html\r\n").size());
}

// What came with the head, and what came later.
TEST(Exchange, IsCountedByServiceRouteAndBackend) {
  Site site;
  Peer client = site.client();
  const std::string first = post("/", "body"), second = get("/", "Content-Length: 4\r\n", "POST");
  client.send(first);
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x"));
  client.message();
  client.send(second);
  backend.head();
  client.send("body");
  backend.take(4);
  backend.send(ok("missing", "", "404 Not Found"));
  client.message();
  EXPECT_EQ(site.log_line()["bytes_in"], first.size());
  const auto line = site.log_line();
  EXPECT_EQ(line["bytes_in"], second.size() + 4);
  EXPECT_EQ(line["route"], "/");
  EXPECT_EQ(line["pool"], "web");
  EXPECT_EQ(site.value("cardea_l7_service_bytes_total", "direction=\"in\""), first.size() + second.size() + 4);
  for (const char* of : {"service", "route", "backend"}) {
    const std::string name = std::string("cardea_l7_") + of;
    EXPECT_EQ(site.value(name + "_requests_total"), 2u) << of;
    EXPECT_EQ(site.value(name + "_responses_total", "code_class=\"2xx\""), 1u) << of;
    EXPECT_EQ(site.value(name + "_responses_total", "code_class=\"4xx\""), 1u) << of;
  }
  EXPECT_GT(site.value("cardea_l7_shard_busy_nanoseconds_total"), 0u);
  EXPECT_GT(site.value("cardea_l7_shard_sleeping_nanoseconds_total"), 0u);
}

// Who reads the log is slower than those who are served.
TEST(Exchange, ALineThatFindsNoRoomIsCounted) {
  Site site([](image::PlanT& plan) { plan.services[0]->routes[0]->hosts = {"only.example"}; });
  Peer client = site.client();
  const std::string request = get("/" + std::string(1000, 'a'), "User-Agent: " + std::string(250, '"') + "\r\n");
  uint64_t sent = 0;
  const auto dropped = [&] { return site.value("cardea_l7_log_dropped_total"); };
  for (; dropped() == 0 && sent < 3000; ++sent) {
    client.send(request);
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 404 "));
  }
  EXPECT_EQ(dropped(), 1u);
  EXPECT_EQ(site.value("cardea_l7_log_lines_total"), sent - 1);
}

TEST(Exchange, BothConnectionsStayAndServeAgain) {
  Site site;
  Peer client = site.client();
  client.send(get("/0"));
  Peer backend = site.origin().accept();
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(backend.message(), StartsWith("GET /" + std::to_string(i)));
    backend.send(ok(std::to_string(i)));
    EXPECT_THAT(client.message(), HasSubstr("\r\n\r\n" + std::to_string(i)));
    client.send(get("/" + std::to_string(i + 1)));
  }
  EXPECT_TRUE(site.origin().nobody_called());
  EXPECT_EQ(site.value("cardea_l7_backend_connects_total"), 1u);
  EXPECT_EQ(site.value("cardea_l7_backend_reused_total"), 5u);
}

// Also one that never said anything: the memory of ten thousand of them is the kernel's.
TEST(Exchange, ASilentConnectionHoldsNeitherBufferNorChunk) {
  Site site;
  const size_t chunks = site.loop().chunks().lent();
  std::vector<Peer> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(site.client());
  settle(site.loop());
  EXPECT_EQ(site.value("cardea_l7_connections"), 20u);
  EXPECT_EQ(site.buffers_lent(), 0u);
  EXPECT_EQ(site.loop().chunks().lent(), chunks);
}

TEST(Exchange, AnIdleConnectionHoldsNoBuffer) {
  Site site;
  const size_t chunks = site.loop().chunks().lent();
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x"));
  client.message();
  settle(site.loop());
  EXPECT_EQ(site.buffers_lent(), 0u);
  EXPECT_EQ(site.loop().chunks().lent(), chunks);
}

TEST(Exchange, PipelinedRequestsAreAnsweredInTheirOrder) {
  Site site;
  Peer client = site.client();
  std::string all;
  for (int i = 0; i < 50; ++i) all += i % 3 == 0 ? post("/" + std::to_string(i), "body") : get("/" + std::to_string(i));
  client.send(all);
  Peer backend = site.origin().accept();
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(backend.message(), HasSubstr(" /" + std::to_string(i) + " "));
    EXPECT_TRUE(i % 10 != 0 || backend.silent()) << "one request at a time";
    backend.send(ok("answer " + std::to_string(i)));
  }
  for (int i = 0; i < 50; ++i) EXPECT_THAT(client.message(), HasSubstr("\r\n\r\nanswer " + std::to_string(i)));
  settle(site.loop());
  EXPECT_EQ(site.buffers_lent(), 0u);
}

// A client that sends ahead without end fills its one buffer and is made to wait.
TEST(Exchange, WhatIsSentAheadIsBounded) {
  Site site;
  Peer client = site.client();
  client.hold_little();
  const std::string request = get("/", "X: " + std::string(3000, 'x') + "\r\n");
  std::string all;
  while (all.size() < 8 << 20) all += request;
  size_t sent = client.send_what_fits(all);
  Peer backend = site.origin().accept();
  for (int i = 0; i < 50; ++i) {
    sent += client.send_what_fits(std::string_view(all).substr(sent));
    settle(site.loop());
  }
  EXPECT_LT(sent, all.size());
  EXPECT_EQ(site.buffers_lent(), 16384u);
  size_t answered = 0;
  std::string came;
  EXPECT_TRUE(run_until(site.loop(), [&] {
    sent += client.send_what_fits(std::string_view(all).substr(sent));
    came += backend.what_came();
    for (size_t at; (at = came.find("\r\n\r\n")) != came.npos; ++answered) {
      backend.send(ok("x"));
      came.erase(0, at + 4);
    }
    client.what_came();
    return answered == all.size() / request.size();
  })) << answered;
}

TEST(Exchange, HeadsAndBodiesMayComeByteByByte) {
  Site site;
  Peer client = site.client();
  for (const char c : post("/slow", "12345")) {
    client.send({&c, 1});
    settle(site.loop());
  }
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), HasSubstr("\r\n\r\n12345"));
  for (const char c : ok("67890")) {
    backend.send({&c, 1});
    settle(site.loop());
  }
  EXPECT_THAT(client.message(), HasSubstr("\r\n\r\n67890"));
}

TEST(Exchange, AClientThatClosesGetsItsAnswerAndTheEnd) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Connection: close\r\n"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), Not(HasSubstr("Connection")));
  backend.send(ok("bye"));
  EXPECT_THAT(client.rest(), HasSubstr("\r\nConnection: close\r\n\r\nbye"));
  EXPECT_FALSE(client.reset());
  EXPECT_TRUE(backend.silent()) << "the backend's connection stays";
}

TEST(Exchange, Http10ClosesUnlessAskedToStay) {
  Site site;
  Peer client = site.client();
  client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), StartsWith("GET /a HTTP/1.1\r\nHost: " + site.origin().name() + "\r\n"));
  backend.send(ok("a"));
  EXPECT_THAT(client.message(), HasSubstr("\r\nConnection: keep-alive\r\n\r\na"));
  client.send("GET /b HTTP/1.0\r\nHost: shop.example\r\n\r\n");
  EXPECT_THAT(backend.message(), StartsWith("GET /b HTTP/1.1\r\nHost: shop.example\r\n"));
  backend.send(ok("b"));
  EXPECT_THAT(client.rest(), HasSubstr("\r\nConnection: close\r\n\r\nb"));
}

TEST(Exchange, AResponseToHeadHasALengthAndNoBody) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "", "HEAD") + get("/next"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), StartsWith("HEAD / "));
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_THAT(client.head(), HasSubstr("\r\nContent-Length: 1000\r\n"));
  EXPECT_THAT(backend.message(), StartsWith("GET /next "));
  backend.send(ok("next"));
  EXPECT_THAT(client.message(), HasSubstr("\r\n\r\nnext"));
}

TEST(Exchange, ResponsesWithoutABodyEndWithTheirHead) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  for (const char* status : {"204 No Content", "304 Not Modified"}) {
    backend.message();
    backend.send("HTTP/1.1 " + std::string(status) + "\r\nETag: \"x\"\r\n\r\n");
    const std::string response = client.head();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 " + std::string(status)));
    EXPECT_THAT(response, Not(HasSubstr("Content-Length")));
    EXPECT_THAT(response, Not(HasSubstr("Transfer-Encoding")));
    client.send(get("/"));
  }
  backend.message();
  EXPECT_TRUE(client.silent());
}

TEST(Exchange, ChunksArriveAsChunksInBothDirections) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") +
              "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: gone\r\n\r\n");
  Peer backend = site.origin().accept();
  const std::string request = backend.message();
  EXPECT_THAT(request, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("gone")));
  backend.send(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nwxyz\r\n0\r\nX-Sum: 9\r\n\r\n");
  const std::string response = client.message();
  EXPECT_THAT(response, HasSubstr("\r\n\r\n4\r\nwxyz\r\n0\r\n\r\n"));
  EXPECT_THAT(response, Not(HasSubstr("X-Sum")));
  EXPECT_TRUE(client.silent());
}

TEST(Exchange, AnHttp10ClientGetsChunksAsABodyThatEndsWithTheConnection) {
  Site site;
  Peer client = site.client();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\n\r\n");
  const std::string response = client.rest();
  EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n\r\nwxyz"));
  EXPECT_THAT(response, Not(HasSubstr("chunked")));
  EXPECT_FALSE(client.reset());
}

TEST(Exchange, ABodyThatEndsWithTheBackendsConnectionIsChunked) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.0 200 OK\r\n\r\npart one,");
  EXPECT_THAT(client.until("part one,"), HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  backend.send(" part two");
  backend.close();
  EXPECT_EQ(client.until("0\r\n\r\n"), "\r\n9\r\n part two\r\n0\r\n\r\n");
  EXPECT_TRUE(client.silent()) << "the client's connection goes on";
}

TEST(Exchange, HopByHopHeadersEndHere) {
  Site site;
  Peer client = site.client();
  client.send(get("/",
                  "Connection: X-Mine, Keep-Alive\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: gzip\r\nProxy-Connection: "
                  "keep-alive\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\nX-Theirs: 2\r\n"));
  Peer backend = site.origin().accept();
  const std::string request = backend.message();
  for (const char* gone : {"X-Mine", "Keep-Alive", "TE:", "Proxy-Connection", "Upgrade", "HTTP2", "\r\nConnection"}) {
    EXPECT_THAT(request, Not(HasSubstr(gone)));
  }
  EXPECT_THAT(request, HasSubstr("\r\nX-Theirs: 2\r\n"));
  backend.send(
      ok("x", "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nX-End: 2\r\n"));
  const std::string response = client.message();
  for (const char* gone : {"X-Hop", "Keep-Alive", "Proxy-Authenticate", "Connection"}) {
    EXPECT_THAT(response, Not(HasSubstr(gone)));
  }
  EXPECT_THAT(response, HasSubstr("\r\nX-End: 2\r\n"));
}

TEST(Exchange, ForwardingHeadersAreAppendedOrReplacedAndCannotBeForged) {
  Site site;
  Peer client = site.client();
  client.send(
      get("/",
          "X-Forwarded-For: 10.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Real-IP: 1.1.1.1\r\n"
          "X-Forwarded-Port: 1\r\nForwarded: for=2.2.2.2;proto=https\r\nX-Forwarded-For: 8.8.8.8\r\n"));
  Peer backend = site.origin().accept();
  const std::string request = backend.message();
  EXPECT_THAT(request, HasSubstr("\r\nX-Forwarded-For: 10.9.9.9, 8.8.8.8, 127.0.0.1\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: shop.example\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nX-Real-IP: 127.0.0.1\r\n"));
  for (const char* forged : {"https", "evil", "1.1.1.1", "2.2.2.2", "X-Forwarded-Port: 1\r\n"}) {
    EXPECT_THAT(request, Not(HasSubstr(forged)));
  }
}

TEST(Exchange, AnAbsoluteTargetDecidesTheHost) {
  Site site;
  Peer client = site.client();
  client.send("GET http://other.example/p HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  Peer backend = site.origin().accept();
  const std::string request = backend.message();
  EXPECT_THAT(request, StartsWith("GET /p HTTP/1.1\r\nHost: other.example\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("shop.example")));
}

TEST(Exchange, InformationalResponsesGoOnToClientsThatKnowThem) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n"));
  backend.send("HTTP/1.1 103 Early Hints\r\n\r\n" + ok("final"));
  client.head();
  EXPECT_THAT(client.message(), HasSubstr("\r\n\r\nfinal"));
  Peer old = site.client();
  old.send("GET / HTTP/1.0\r\n\r\n");
  backend.message();
  backend.send("HTTP/1.1 103 Early Hints\r\n\r\n" + ok("only this"));
  EXPECT_THAT(old.rest(), StartsWith("HTTP/1.1 200 OK"));
}

TEST(Exchange, AClientThatWaitsForContinueIsToldByTheBackend) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Content-Length: 4\r\nExpect: 100-continue\r\n", "POST"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.head(), HasSubstr("\r\nExpect: 100-continue\r\n"));
  backend.send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 100 Continue\r\n"));
  client.send("body");
  EXPECT_EQ(backend.take(4), "body");
  backend.send(ok("thanks"));
  EXPECT_THAT(client.message(), HasSubstr("\r\n\r\nthanks"));
  EXPECT_TRUE(client.silent()) << "and the connection goes on";
}

TEST(Exchange, ABackendMayRefuseABodyThatItDoesNotWant) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Content-Length: 4\r\nExpect: 100-continue\r\n", "POST"));
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("no", "", "417 Expectation Failed"));
  EXPECT_THAT(client.until("\r\n\r\nno"), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(backend.ended()) << "it may still wait for the body";
}

TEST(Exchange, AnEarlyAnswerEndsTheUpload) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Content-Length: 1000000\r\n", "POST") + std::string(50'000, 'u'));
  Peer backend = site.origin().accept();
  backend.take(10'000);
  backend.send(ok("enough", "", "403 Forbidden"));
  EXPECT_THAT(client.until("enough"), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(site.log_line()["status"], 403);
  settle(site.loop());
  EXPECT_EQ(site.buffers_lent(), 0u);
}

}  // namespace
}  // namespace cardea::l7::proxy::test
