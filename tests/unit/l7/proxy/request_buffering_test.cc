// A request's body is here before a backend is chosen: who waits for it, and what goes on as it comes all the same.
#include "l7/proxy/request_buffering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/l7/http2/client.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kBytes = 40'000;

struct BufferingSite {
  explicit BufferingSite(const Site::Change& change = {})
      : site([&change](image::PlanT& plan) {
          plan.services[0]->http2 = true;
          for (auto& route : plan.services[0]->routes) {
            route->policies = std::make_unique<settings::PoliciesT>();
            route->policies->request_buffering = std::make_unique<settings::RequestBufferingT>();
            route->policies->request_buffering->bytes = kBytes;
          }
          if (change) change(plan);
        }),
        client(site.client()) {}

  bool nobody_is_asked() {
    settle(site.loop());
    return site.origin().nobody_called();
  }
  // What the backend was sent; its client has its answer.
  std::string served() {
    Peer backend = site.origin().accept();
    std::string seen = backend.message();
    backend.send(ok("x", "Connection: close\r\n"));
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 200 "));
    return seen;
  }
  uint64_t counted(const char* what) { return site.value(std::string("cardea_l7_service_bodies_") + what + "_total", "service=\"shop\""); }

  Site site;
  Peer client;
};

TEST(RequestBuffering, ABackendIsAskedWhenTheBodyIsHere) {
  BufferingSite test;
  const std::string body(30'000, 'b');
  test.client.send(get("/", "Content-Length: 30000\r\n", "POST") + body.substr(0, 1000));
  EXPECT_TRUE(test.nobody_is_asked());
  test.client.send(body.substr(1000, 20'000));
  EXPECT_TRUE(test.nobody_is_asked());
  test.client.send(body.substr(21'000));
  EXPECT_THAT(test.served(), AllOf(HasSubstr("\r\nContent-Length: 30000\r\n"), EndsWith("\r\n\r\n" + body)));
  test.client.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") + "5\r\nhello\r\n");
  EXPECT_TRUE(test.nobody_is_asked());
  test.client.send("0\r\n\r\n");
  EXPECT_THAT(test.served(), EndsWith("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
  EXPECT_EQ(test.counted("buffered"), 2u);
  EXPECT_EQ(test.counted("unbuffered"), 0u);
}

TEST(RequestBuffering, ARequestWithoutABodyWaitsForNothing) {
  BufferingSite test;
  test.client.send(get("/"));
  EXPECT_THAT(test.served(), StartsWith("GET / "));
  test.client.send(get("/", "Content-Length: 0\r\n", "POST"));
  EXPECT_THAT(test.served(), StartsWith("POST / "));
  EXPECT_EQ(test.counted("buffered"), 0u);
}

TEST(RequestBuffering, AnUploadOfHttp2IsWaitedForToo) {
  BufferingSite test;
  http2::test::Client client(test.site);
  const int32_t call = client.ask("/up", {}, false, "PUT");
  client.send_body(call, std::string(20'000, 'z'), false);
  EXPECT_TRUE(test.nobody_is_asked());
  client.send_body(call, std::string(10'000, 'z'), true);
  Peer backend = test.site.origin().accept();
  EXPECT_EQ(std::ranges::count(backend.message(), 'z'), 30'000) << "in chunks";
  backend.send(ok("x"));
  EXPECT_EQ(client.answer(call).body, "x");
  EXPECT_EQ(test.counted("buffered"), 1u);
}

TEST(RequestBuffering, WhatIsLargerGoesOnAsItComes) {
  BufferingSite test;
  test.client.send(get("/", "Content-Length: 40001\r\n", "POST"));
  Peer backend = test.site.origin().accept();
  EXPECT_THAT(backend.head(), StartsWith("POST / ")) << "before a byte of it is here";
  test.client.send(std::string(40'001, 'b'));
  EXPECT_EQ(backend.take(40'001).size(), 40'001u);
  backend.send(ok("x", "Connection: close\r\n"));
  EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 200 "));

  test.client.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") + "9c40\r\n" + std::string(40'000, 'z') + "\r\n");
  EXPECT_TRUE(test.nobody_is_asked()) << "it may end here";
  test.client.send("1\r\nQ\r\n");
  Peer other = test.site.origin().accept();
  EXPECT_EQ(std::ranges::count(other.until("Q\r\n"), 'z'), 40'000) << "what was held is sent";
  test.client.send("2\r\nef\r\n0\r\n\r\n");
  EXPECT_THAT(other.until("0\r\n\r\n"), StartsWith("2\r\nef\r\n"));
  other.send(ok("x", "Connection: close\r\n"));
  EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(test.counted("unbuffered"), 2u);
  EXPECT_EQ(test.counted("buffered"), 0u);
}

TEST(RequestBuffering, WhoWaitsForAWordIsToldToGoOn) {
  BufferingSite test;
  test.client.send(get("/", "Content-Length: 5\r\nExpect: 100-continue\r\n", "POST"));
  EXPECT_THAT(test.client.head(), StartsWith("HTTP/1.1 100 "));
  EXPECT_TRUE(test.nobody_is_asked());
  test.client.send("hello");
  EXPECT_THAT(test.served(), EndsWith("\r\n\r\nhello"));
}

TEST(RequestBuffering, AClientThatStopsSendingCostsNoBackend) {
  BufferingSite test([](image::PlanT& plan) { plan.services[0]->body_timeout_ms = 5000; });
  test.client.send(get("/", "Content-Length: 100\r\n", "POST") + "some");
  settle(test.site.loop());
  test.site.advance(6s);
  EXPECT_THAT(test.client.rest(), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(test.site.log_line()["reason"], "body_timeout");
  EXPECT_TRUE(test.site.origin().nobody_called());
  test.client = test.site.client();
  test.client.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") + "x\r\n");
  EXPECT_THAT(test.client.rest(), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(test.site.origin().nobody_called());
}

TEST(RequestBuffering, WithoutMemoryABodyGoesOnAsItComes) {
  BufferingSite test([](image::PlanT& plan) { plan.settings->buffer_bytes_max = 8 * Buffers::kPiece; });
  std::vector<Peer> others;
  for (int i = 0; i < 4; ++i) {
    others.push_back(test.site.client());
    others.back().send(get("/", "Content-Length: 40000\r\n", "POST"));
  }
  EXPECT_TRUE(test.nobody_is_asked());
  for (Peer& other : others) {
    other.send(std::string(39'999, 'z'));
    settle(test.site.loop());
  }
  EXPECT_GT(test.counted("unbuffered"), 0u);
  EXPECT_TRUE(test.site.origin().has_caller());
}

}  // namespace
}  // namespace cardea::l7::proxy::test
