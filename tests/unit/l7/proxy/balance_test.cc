// Which backend an exchange goes to, through a whole shard: what is hashed, and what becomes of latencies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;

Site::Change by(image::Balance balance) {
  return [balance](image::PlanT& plan) { plan.pools[0]->balance = balance; };
}

// Served by whichever it came to, so long after the request was there.
size_t serve(Site& site, Peer& client, const std::string& request, std::string_view answer = "",
             std::chrono::milliseconds after = 0ms) {
  client.send(request);
  const size_t origin = site.called();
  Peer backend = site.origins[origin]->accept();
  backend.message();
  site.advance(after);
  backend.send(answer.empty() ? ok("", "Connection: close\r\n") : std::string(answer));
  client.message();
  site.log_line();
  return origin;
}

TEST(BalanceOfExchanges, OneHeaderOneBackend) {
  Site site(
      [](image::PlanT& plan) {
        image::PoolT& web = *plan.pools[0];
        web.balance = image::Balance::hash, web.hash_on = image::HashOn::header, web.hash_name = "X-Tenant";
        for (uint16_t slot = 0; slot < 251; ++slot) web.ring.push_back(slot % 3);
      },
      3);
  std::set<size_t> all;
  for (const char* tenant : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
    Peer one = site.client(), other = site.client();
    const std::string request = get("/", std::string("X-Tenant: ") + tenant + "\r\n");
    const size_t origin = serve(site, one, request);
    EXPECT_EQ(serve(site, other, request), origin) << "whoever asks";
    all.insert(origin);
  }
  EXPECT_GT(all.size(), 1u);
}

// The one key that all ask for overflows to others, and that is counted.
TEST(BalanceOfExchanges, ABoundHoldsWhileExchangesAreUnderWay) {
  Site site(
      [](image::PlanT& plan) {
        image::PoolT& web = *plan.pools[0];
        web.balance = image::Balance::hash, web.hash_on = image::HashOn::uri, web.hash_load_max = 100;
        for (uint16_t slot = 0; slot < 251; ++slot) web.ring.push_back(slot % 2);
      },
      2);
  std::vector<Peer> clients, backends;
  std::vector<size_t> under_way(2);
  for (int i = 0; i < 6; ++i) {
    clients.push_back(site.client());
    clients.back().send(get("/popular"));
    const size_t origin = site.called();
    backends.push_back(site.origins[origin]->accept());
    under_way[origin]++;
  }
  EXPECT_THAT(under_way, testing::ElementsAre(3, 3));
  EXPECT_EQ(site.value("cardea_l7_pool_moved_total"), 3u);
}

struct Latencies {
  explicit Latencies(const Site& site) : backends(site.plan->pools[0]->backends) {}
  double ms(size_t backend, Site& site) const { return backends[backend].host->latency.at(site.loop().now()) / 1000; }
  const std::vector<BackendPlan>& backends;
};

TEST(BalanceOfExchanges, TheTimeToTheHeadIsTheSample) {
  Site site(by(image::Balance::p2c), 1);
  const Latencies latency(site);
  Peer client = site.client();
  serve(site, client, get("/"), "", 30ms);
  EXPECT_NEAR(latency.ms(0, site), 30, 1);
}

TEST(BalanceOfExchanges, ErrorsAreNeverFast) {
  for (const char* status : {"502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"}) {
    Site site(by(image::Balance::p2c), 1);
    const Latencies latency(site);
    Peer client = site.client();
    serve(site, client, get("/"), ok("", "Connection: close\r\n", status));
    EXPECT_GE(latency.ms(0, site), 1000) << status;
  }
  Site site(by(image::Balance::p2c), 1);
  const Latencies latency(site);
  Peer client = site.client();
  serve(site, client, get("/"), "", 40ms);
  for (const char* status : {"500 Internal Server Error", "429 Too Many Requests"}) {
    serve(site, client, get("/"), ok("", "Connection: close\r\n", status));
    EXPECT_NEAR(latency.ms(0, site), 40, 1) << status;
  }
}

TEST(BalanceOfExchanges, WhoRefusesOrBreaksOffIsPenalised) {
  Site site(by(image::Balance::p2c), 1);
  const Latencies latency(site);
  Peer client = site.client();
  client.send(post("/", "x"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.close();
  client.message();
  EXPECT_GE(latency.ms(0, site), 1000);
  site.origin().refuse();
  Peer second = site.client();
  second.send(get("/"));
  second.message();
  EXPECT_GE(latency.ms(0, site), 2000);
}

// How long its client took to send it says nothing of the backend, and neither does the switch to another protocol.
TEST(BalanceOfExchanges, UploadsAndTunnelsAreNoSamples) {
  Site site(by(image::Balance::p2c), 1);
  const Latencies latency(site);
  Peer client = site.client();
  client.send(get("/", "Content-Length: 4\r\n", "PUT") + "ab");
  Peer backend = site.origin().accept();
  backend.until("ab");
  site.advance(5s);
  client.send("cd");
  backend.until("cd");
  backend.send(ok("", "Connection: close\r\n"));
  client.message();
  EXPECT_EQ(latency.ms(0, site), 0);
  client.send(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  Peer socket = site.origin().accept();
  socket.head();
  socket.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  client.head();
  EXPECT_EQ(latency.ms(0, site), 0);
}

// What was slow, and then away, begins anew.
TEST(BalanceOfExchanges, WhoComesBackIsNotHeldToWhatItWas) {
  Site site(by(image::Balance::p2c), 1);
  Peer client = site.client();
  serve(site, client, get("/"), "", 900ms);
  site.update_pools([](image::PlanT& plan) {
    plan.pools[0]->balance = image::Balance::p2c, plan.pools[0]->backends[0]->state = image::BackendState::down;
  });
  EXPECT_GT(Latencies(site).ms(0, site), 800);
  site.update_pools(by(image::Balance::p2c));
  settle(site.loop());
  EXPECT_EQ(Latencies(site).ms(0, site), 0);
}

}  // namespace
}  // namespace cardea::l7::proxy::test
