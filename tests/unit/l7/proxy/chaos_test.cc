// A shard among clients and backends that do anything at any time: begin, stall, lie, close, reset, while time jumps, plans
// and pools change and services come and go. Whatever happens nothing may be left when all are gone: no connection, no
// buffer, no chunk of an arena, no backend busy. Seeded; a failure names its seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;

constexpr size_t kOrigins = 3;

class Chaos {
 public:
  explicit Chaos(uint32_t seed)
      : random_(seed), site_([](image::PlanT& plan) { plan.settings->buffer_bytes_max = 24 * 16384; }, kOrigins) {
    baseline_ = site_.loop().chunks().lent();
  }
  void step() {
    switch (below(16)) {
      case 0: case 1: return connect();
      case 2: case 3: case 4: case 5: return speak();
      case 6: case 7: case 8: case 9: return answer();
      case 10: return leave(clients_);
      case 11: return leave(backends_);
      case 12: return read();
      case 13: return change();
      case 14: return site_.advance(std::chrono::milliseconds(below(4) == 0 ? below(40'000) : below(500)));
      default: return turn();
    }
  }
  void expect_nothing_left() {
    clients_.clear(), backends_.clear();
    settle(site_.loop());
    for (int i = 0; i < 8; ++i) {  // lingering, last whiles, idle connections to backends
      site_.advance(61s);
      settle(site_.loop());
      accept_all();
      backends_.clear();
    }
    EXPECT_EQ(site_.shard->connections(), 0u);
    EXPECT_EQ(site_.buffers_lent(), 0u);
    EXPECT_EQ(site_.value("cardea_l7_connections"), 0u);
    EXPECT_EQ(site_.value("cardea_l7_service_connections"), 0u);
    EXPECT_EQ(site_.value("cardea_l7_backend_connections"), 0u);
    EXPECT_LE(site_.loop().chunks().lent(), baseline_ + 2) << "but for the listeners'";
  }

 private:
  size_t below(size_t n) { return random_() % n; }
  Peer* some(std::vector<Peer>& all) { return all.empty() ? nullptr : &all[below(all.size())]; }
  void turn() { site_.loop().run_turn(0ms); }

  void connect() {
    if (clients_.size() > 30) return leave(clients_);
    const bool raw = below(5) == 0;
    if (!raw_ && raw) return;
    clients_.push_back(site_.client(raw ? "raw" : "shop"));
  }
  std::string request() {
    static const std::string wish =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n";
    switch (below(12)) {
      default: return get("/cached/a", below(3) == 0 ? "Cache-Control: max-age=0\r\n" : "");
      case 1: return get("/", "", "HEAD");
      case 2: return post("/", std::string(below(60'000), 'b'));
      case 3: return get("/", "Transfer-Encoding: chunked\r\n", "PUT") + "5\r\nhello\r\n0\r\n\r\n" + get("/behind");
      case 4: return get("/", "Content-Length: 5\r\nExpect: 100-continue\r\n", "POST") + "hello";
      case 5: return get("/", wish) + "ahead";
      case 6: return "GET / HTTP/1.0\r\n\r\n";
      case 7: return get("/", "Transfer-Encoding: chunked\r\n", "POST") + "zzz";
      case 8: return get("/plain") + get("/pipelined");
      case 0: return get("/cached/b") + get("/cached/a", "", "HEAD") + get("/cached/a", "If-None-Match: \"e\"\r\n");
    }
  }
  void speak() {
    Peer* client = some(clients_);
    if (!client) return connect();
    std::string text = request();
    if (below(3) == 0) text.resize(below(text.size()));
    client->send_what_fits(text);
    if (below(12) == 0) client->finish();
  }
  void accept_all() {
    for (auto& origin : site_.origins) {
      while (origin->has_caller()) backends_.push_back(origin->accept());
    }
  }
  void answer() {
    accept_all();
    Peer* backend = some(backends_);
    if (!backend) return turn();
    static const std::vector<std::string> answers = {
        ok("plain"), ok("kept", "Cache-Control: max-age=1\r\nETag: \"e\"\r\n"), ok(std::string(50'000, 'l')),
        ok("stale", "Cache-Control: max-age=60, stale-if-error=60\r\n"), ok("last", "Connection: close\r\n"),
        ok("", "", "500 Oops"), "HTTP/1.1 304 Not Modified\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nETag: \"f\"\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz", "HTTP/1.0 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nahead",
        "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "X: " + std::string(20'000, 'x')};
    std::string text = answers[below(3) == 0 ? below(4) : below(answers.size())];
    if (below(6) == 0) text.resize(below(text.size()));
    backend->send_what_fits(text);
    if (below(8) == 0) backend->finish();
  }
  void leave(std::vector<Peer>& all) {
    accept_all();
    if (all.empty()) return;
    std::swap(all[below(all.size())], all.back());
    below(2) == 0 ? all.back().abort() : all.back().close();
    all.pop_back();
  }
  void read() {
    for (auto* all : {&clients_, &backends_}) {
      for (Peer& peer : *all) {
        if (below(3) != 0) peer.what_came();
      }
    }
  }
  void change() {
    const auto shuffle = [this](image::PlanT& plan) {
      plan.settings->buffer_bytes_max = (4 + below(24)) * 16384;
      for (auto& backend : plan.pools[0]->backends) backend->state = image::BackendState(below(6) == 0 ? 1 + below(3) : 0);
      plan.pools[0]->balance = below(2) == 0 ? image::Balance::round_robin : image::Balance::least_conn;
    };
    if (below(3) != 0) return site_.update_pools(shuffle);
    raw_ = below(4) != 0;
    site_.adopt([&](image::PlanT& plan) {
      shuffle(plan);
      plan.services[0]->header_bytes_max = 8192u << below(3);
      if (below(2) == 0) plan.pools[0]->backends.pop_back();
      if (!raw_) plan.services.pop_back();
    });
  }

  std::mt19937 random_;
  Site site_;
  size_t baseline_ = 0;
  bool raw_ = true;
  std::vector<Peer> clients_, backends_;
};

TEST(Chaos, LeavesNothingBehind) {
  const char* more = std::getenv("CARDEA_CHAOS_SEEDS");  // a longer run by hand
  const uint32_t seeds = more ? uint32_t(std::atoi(more)) : 15;
  for (uint32_t seed = 1; seed <= seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Chaos chaos(seed);
    for (int i = 0; i < 1500; ++i) chaos.step();
    chaos.expect_nothing_left();
  }
}

}  // namespace
}  // namespace cardea::l7::proxy::test
