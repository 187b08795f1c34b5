// Exchanges that wait for a place at a backend: in their order, for their time, as many as may, and none whose client
// left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

void queue_of_two(image::PlanT& plan) {
  image::PoolT& web = *plan.pools[0];
  web.queue_length = 2, web.queue_timeout_ms = 2000;
  for (auto& backend : web.backends) backend->connections_max = 1;
}

// One exchange is under way.
struct Busy {
  explicit Busy(const Site::Change& change = queue_of_two, size_t origins = 1)
      : site(change, origins), holder(site.client()), held(hold()) {}
  Peer hold() {
    holder.send(get("/held"));
    Peer its = site.origin().accept();
    its.message();
    return its;
  }
  void release() {
    held.send(ok("", "Connection: close\r\n"));
    EXPECT_THAT(holder.message(), StartsWith("HTTP/1.1 200 "));
    site.log_line();
  }
  Peer waiting(const std::string& request) {
    Peer client = site.client();
    client.send(request);
    settle(site.loop());
    return client;
  }
  uint64_t queue() { return site.value("cardea_l7_pool_queue"); }
  Site site;
  Peer holder, held;
};

TEST(QueueOfExchanges, ServesInTheOrderOfComing) {
  Busy busy;
  Peer first = busy.waiting(get("/first")), second = busy.waiting(post("/second", "body"));
  EXPECT_EQ(busy.queue(), 2u);
  EXPECT_TRUE(first.silent());
  busy.site.advance(300ms);
  busy.release();
  Peer backend = busy.site.origin().accept();
  EXPECT_THAT(backend.message(), StartsWith("GET /first "));
  EXPECT_EQ(busy.queue(), 1u);
  EXPECT_TRUE(busy.site.origin().nobody_called()) << "the place is taken again";
  backend.send(ok("1", "Connection: close\r\n"));
  EXPECT_THAT(first.message(), HasSubstr("\r\n\r\n1"));
  const auto line = busy.site.log_line();
  EXPECT_GE(line["t_queue_ms"].get<double>(), 300) << line;
  Peer next = busy.site.origin().accept();
  EXPECT_THAT(next.message(), HasSubstr("\r\n\r\nbody"));
  next.send(ok("2", "Connection: close\r\n"));
  EXPECT_THAT(second.message(), HasSubstr("\r\n\r\n2"));
  EXPECT_EQ(busy.queue(), 0u);
  EXPECT_EQ(busy.site.value("cardea_l7_pool_queued_total"), 2u);
  EXPECT_EQ(busy.site.value("cardea_l7_pool_refused_total"), 0u);
}

TEST(QueueOfExchanges, WhoFindsItFullIsRefused) {
  Busy busy;
  const Peer first = busy.waiting(get("/1")), second = busy.waiting(get("/2"));
  Peer third = busy.waiting(get("/3"));
  EXPECT_THAT(third.message(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(busy.site.log_line()["reason"], "queue_full");
  EXPECT_EQ(busy.site.value("cardea_l7_pool_queue_full_total"), 1u);
  EXPECT_EQ(busy.queue(), 2u);
}

TEST(QueueOfExchanges, WhoWaitedLongEnoughIsRefused) {
  Busy busy;
  Peer first = busy.waiting(get("/1"));
  busy.site.advance(1s);
  Peer second = busy.waiting(get("/2"));
  busy.site.advance(999ms);
  EXPECT_TRUE(first.silent());
  busy.site.advance(2ms);
  EXPECT_THAT(first.message(), StartsWith("HTTP/1.1 503 "));
  const auto line = busy.site.log_line();
  EXPECT_EQ(line["reason"], "queue_timeout");
  EXPECT_NEAR(line["t_queue_ms"].get<double>(), 2000, 10);
  EXPECT_TRUE(second.silent()) << "it has a second left";
  EXPECT_EQ(busy.site.value("cardea_l7_pool_queue_timeouts_total"), 1u);
  EXPECT_EQ(busy.queue(), 1u);
}

TEST(QueueOfExchanges, AClientThatLeavesGivesUpItsPlaceAtOnce) {
  Busy busy;
  Peer first = busy.waiting(get("/1"));
  Peer second = busy.waiting(get("/2"));
  first.abort();
  EXPECT_TRUE(run_until(busy.site.loop(), [&] { return busy.queue() == 1; }));
  EXPECT_EQ(busy.site.log_line()["reason"], "client_closed");
  Peer third = busy.waiting(get("/3"));
  EXPECT_TRUE(third.silent()) << "there is room for it";
  busy.release();
  Peer backend = busy.site.origin().accept();
  EXPECT_THAT(backend.message(), StartsWith("GET /2 "));
}

// The limit is the host's: what waits on another shard counts.
TEST(QueueOfExchanges, ItsLengthIsTheHosts) {
  Busy busy;
  HostCount& queued = busy.site.plan->pools[0]->host->queued;
  queued.take(), queued.take();
  Peer first = busy.waiting(get("/1"));
  EXPECT_THAT(first.message(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(busy.site.log_line()["reason"], "queue_full");
  queued.give_back(), queued.give_back();
}

// And so are places: nobody tells this shard of what another one gave back.
TEST(QueueOfExchanges, APlaceThatAnotherShardGaveBackIsFound) {
  Site site(queue_of_two);
  HostCount& busy = site.plan->pools[0]->backends[0].host->busy;
  busy.take();
  Peer client = site.client();
  client.send(get("/"));
  settle(site.loop());
  EXPECT_FALSE(site.origin().has_caller());
  busy.give_back();
  site.advance(6ms);
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("found"));
  EXPECT_THAT(client.message(), HasSubstr("found"));
}

TEST(QueueOfExchanges, ABackendThatComesIsUsed) {
  Busy busy(
      [](image::PlanT& plan) {
        queue_of_two(plan);
        plan.pools[0]->backends[1]->state = image::BackendState::down;
      },
      2);
  Peer client = busy.waiting(get("/1"));
  busy.site.update_pools(queue_of_two);
  Peer backend = busy.site.origins[1]->accept();
  backend.message();
  backend.send(ok("new"));
  EXPECT_THAT(client.message(), HasSubstr("new"));
}

// Its client's own connection leads to one backend, and everybody can make a connection his own.
TEST(QueueOfExchanges, WhoWaitsForHisOwnBackendHoldsUpNobodyElse) {
  Site site(queue_of_two, 2);
  Peer owner = site.client();
  owner.send(get("/", "Authorization: NTLM TlRMTVNTUAAB\r\n"));
  const size_t at = site.called();
  Peer own = site.origins[at]->accept();
  own.message();
  own.send(ok("owned"));
  owner.message();
  Peer holder = site.client();
  do {
    holder.send(get("/held"));
    if (site.called() == at) break;
    Peer other = site.origins[1 - at]->accept();
    other.message();
    other.send(ok("", "Connection: close\r\n"));
    holder.message();
  } while (true);
  Peer held = site.origins[at]->accept();
  owner.send(get("/mine"));
  settle(site.loop());
  EXPECT_EQ(site.value("cardea_l7_pool_queue"), 1u);
  Peer stranger = site.client();
  stranger.send(get("/"));
  ASSERT_EQ(site.called(), 1 - at) << "there is room";
  Peer other = site.origins[1 - at]->accept();
  other.message();
  held.message();
  held.send(ok("", "Connection: close\r\n"));
  EXPECT_THAT(own.message(), StartsWith("GET /mine ")) << "and whose place it is has it when it is free";
}

// The place of the attempt that failed is free for the next one, at the only backend too.
TEST(QueueOfExchanges, WhoTriesAgainDoesNotWaitForHimself) {
  Site site(queue_of_two);
  Peer client = site.client();
  client.send(get("/1"));
  Peer kept = site.origin().accept();
  kept.message();
  kept.send(ok("kept"));
  client.message();
  client.send(get("/2"));
  kept.message();
  kept.close();  // it had idled too long
  Peer fresh = site.origin().accept();
  EXPECT_THAT(fresh.message(), StartsWith("GET /2 "));
  fresh.send(ok("again"));
  EXPECT_THAT(client.message(), HasSubstr("again"));
}

TEST(QueueOfExchanges, APoolWithoutOneRefusesAtOnce) {
  Busy busy([](image::PlanT& plan) { plan.pools[0]->backends[0]->connections_max = 1; });
  Peer client = busy.waiting(get("/"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(busy.site.log_line()["reason"], "backends_busy");
}

// What was lent for the wait is given back, and nobody's coroutine is left.
TEST(QueueOfExchanges, AShardThatEndsMeanwhileLeavesNothing) {
  Busy busy;
  const Peer first = busy.waiting(get("/1")), second = busy.waiting(post("/2", "body"));
  EXPECT_EQ(busy.queue(), 2u);
  const auto host = busy.site.plan->pools[0]->host;
  busy.site.shard.reset();
  EXPECT_EQ(host->queued.now(), 0u);
}

}  // namespace
}  // namespace cardea::l7::proxy::test
