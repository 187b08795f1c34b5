// Exchanges that share a backend's connection: what one of them holds up, and what it leaves to the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/http2/backend.h"

namespace cardea::l7::http2::test {
namespace {

using namespace std::chrono_literals;
using proxy::test::get;
using proxy::test::Peer;
using proxy::test::settle;
using proxy::test::Site;
using testing::StartsWith;

struct SharedBackend : testing::Test {
  SharedBackend()
      : site([](image::PlanT& plan) {
          plan.services[0]->http2 = true;
          plan.pools[0]->http2 = image::PoolHttp2::prior_knowledge;
        }) {}
  Site site;
};

// More than one connection's window of 1 MB would be, each no more than its stream's.
TEST_F(SharedBackend, ClientsThatTakeNothingHoldUpNobodyElse) {
  const std::string much(6'000'000, 'x'), little(5000, 'y');
  std::vector<Peer> slow;
  std::optional<Backend> backend;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(site.client());
    slow.back().hold_little();
    slow.back().send(get("/slow"));
    if (!backend) backend.emplace(site);
    backend->answer_with(backend->next(), "200", {}, much);
  }
  for (int i = 0; i < 20; ++i) settle(site.loop()), backend->pull();
  Peer other = site.client();
  other.send(get("/other"));
  backend->answer_with(backend->next(), "200", {{"content-length", "5000"}}, little);
  EXPECT_THAT(other.head(), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(other.take(little.size()) == little);
}

// By its stream's window, which opens for ten bytes at a time.
TEST_F(SharedBackend, WhoTakesABodyInTricklesIsGivenUp) {
  Peer client = site.client();
  client.send(proxy::test::post("/", std::string(100'000, 'b')));
  Backend backend(site, site.origin(), {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10}});
  const int32_t call = backend.next();
  int rounds = 0;
  for (size_t before = 0; !backend.so_far(call).closed && rounds < 12; ++rounds) {
    EXPECT_GT(backend.so_far(call).body.size(), before);
    before = backend.so_far(call).body.size();
    site.advance(5s);
    settle(site.loop());
  }
  EXPECT_LT(rounds, 9);
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 504 "));
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "backend_stalled");
  EXPECT_EQ(line["detail"], "rate_min");
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 1u);
}

// What came with a large head is one piece, for which the backend's window opens a kilobyte at a time.
TEST(SlowBackend, MayTakeTheFirstPieceForLongerThanAResponseMayTake) {
  Site site([](image::PlanT& plan) {
    plan.services[0]->header_bytes_max = 1 << 20;
    plan.pools[0]->http2 = image::PoolHttp2::prior_knowledge;
    plan.pools[0]->response_timeout_ms = 2000;
  });
  Peer client = site.client();
  client.send(proxy::test::post("/", std::string(40'000, 'b'), "X: " + std::string(17'000, 'x') + "\r\n"));
  Backend backend(site, site.origin(), {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1024}});
  const int32_t call = backend.next();
  for (int i = 0; i < 5; ++i) {
    const size_t before = backend.so_far(call).body.size();
    settle(site.loop());
    EXPECT_GT(backend.so_far(call).body.size(), before);
    site.advance(1500ms);
    ASSERT_FALSE(backend.so_far(call).closed) << i;
  }
  EXPECT_EQ(backend.whole(call).body.size(), 40'000u);
  backend.answer(call, "204");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 204 "));
}

}  // namespace
}  // namespace cardea::l7::http2::test
