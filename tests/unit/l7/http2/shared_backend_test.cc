// Exchanges that share a backend's connection: what one of them holds up, and what it leaves to the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/http2/backend.h"

namespace cardea::l7::http2::test {
namespace {

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

}  // namespace
}  // namespace cardea::l7::http2::test
