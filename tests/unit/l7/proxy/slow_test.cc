// Clients that are slow, by nature or on purpose: who moves is waited for, however long the whole takes; who does not,
// or hardly, is given up within the limits, and leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kLong = "Cache-Control: max-age=6000\r\n";

uint64_t slow(Site& site) {
  return site.value("cardea_l7_service_slow_clients_total", "shop");
}

TEST(Slow, ABodyBelowTheLowestRateIsGivenUp) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Content-Length: 1000\r\n", "POST"));
  Peer backend = site.origin().accept();
  backend.head();
  for (int i = 0; i < 7; ++i) {
    client.send("b");
    settle(site.loop());
    site.advance(5s);
  }
  EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_TRUE(backend.ended());
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "body_timeout");
  EXPECT_EQ(line["detail"], "rate_min");
  EXPECT_EQ(slow(site), 1u);
  for (int i = 0; i < 2; ++i) site.advance(2100ms);  // its acknowledgement was progress
  EXPECT_EQ(site.value("cardea_l7_connections"), 0u) << "nor is it heard out behind its answer";
}

TEST(Slow, ABodyAtTheLowestRateMayTakeAsLongAsItWants) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Content-Length: 60000\r\n", "POST"));
  Peer backend = site.origin().accept();
  backend.head();
  for (int i = 0; i < 100; ++i) {
    client.send(std::string(600, 'b'));
    EXPECT_EQ(backend.take(600), std::string(600, 'b'));
    site.advance(5s);
  }
  backend.send(ok("served"));
  EXPECT_THAT(client.message(), HasSubstr("served"));
  EXPECT_EQ(slow(site), 0u);
}

// It takes some all the time, and would for ever.
TEST(Slow, ABackendThatTakesABodyBelowTheLowestRateIsGivenUp) {
  Site site([](image::PlanT& plan) {
    plan.services[0]->rate_min = 100 << 20;
    plan.services[0]->rate_window_ms = 5000;
  });
  Peer client = site.client();
  client.send(get("/", "Content-Length: 1000000000\r\n", "POST"));
  Peer backend = site.origin().accept();
  backend.head();
  const std::string much(8 << 20, 'b');
  std::string answer, taken(200'000, '\0');
  EXPECT_TRUE(run_until(site.loop(), [&] {
    client.send_what_fits(much);
    (void)::recv(backend.fd(), taken.data(), taken.size(), MSG_DONTWAIT);
    site.advance(100ms);
    answer += client.what_came();
    return !answer.empty();
  }));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 504 "));
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "backend_stalled");
  EXPECT_EQ(line["detail"], "rate_min");
  EXPECT_EQ(slow(site), 0u) << "no fault of the client's";
}

TEST(Slow, ABackendThatTakesNoMoreOfABodyIsGivenUp) {
  Site site([](image::PlanT& plan) {
    plan.services[0]->rate_min = 0;
    plan.services[0]->body_timeout_ms = 5000;
  });
  Peer client = site.client();
  client.send(get("/", "Content-Length: 1000000000\r\n", "POST"));
  Peer backend = site.origin().accept();
  backend.hold_little();
  backend.head();
  const std::string much(8 << 20, 'b');
  EXPECT_TRUE(run_until(site.loop(), [&] {
    client.send_what_fits(much);
    site.advance(100ms);
    return site.value("cardea_l7_backend_failures_total") == 1;
  }));
  EXPECT_EQ(site.log_line()["reason"], "backend_stalled");
}

// More than kernels hold: `to` takes it while it is sent.
void carry(Site& site, Peer& from, Peer& to, const std::string& body) {
  const std::string all = ok(body, kLong);
  std::string came;
  size_t sent = 0;
  ASSERT_TRUE(run_until(site.loop(), [&] {
    sent += from.send_what_fits(std::string_view(all).substr(sent));
    came += to.what_came();
    const size_t head = came.find("\r\n\r\n");
    return head != came.npos && came.size() == head + 4 + body.size();
  })) << came.size();
}

// A client that does not read, in front of a response that does not end.
struct Unread {
  explicit Unread(const Site::Change& change) : site(change), client(site.client()) {
    client.hold_little();
    client.send(get("/"));
    backend.emplace(site.origin().accept());
    backend->message();
    backend->send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    for (int quiet = 0; quiet < 20;) {
      quiet = backend->send_what_fits(std::string(1 << 20, 'x')) == 0 ? quiet + 1 : 0;
      settle(site.loop());
    }
  }
  // The kernels' buffers may still be filling up, which is progress: how long that takes is not for a test to say.
  void advance_until_given_up(const std::function<void()>& meanwhile) {
    EXPECT_TRUE(run_until(site.loop(), [&] {
      meanwhile();
      site.advance(100ms);
      return slow(site) == 1;
    }));
  }
  Site site;
  Peer client;
  std::optional<Peer> backend;
};

TEST(Slow, AReaderBelowTheLowestRateIsReset) {
  Unread unread([](image::PlanT& plan) { plan.services[0]->body_timeout_ms = 600'000; });
  unread.advance_until_given_up([&] {
    char byte;
    EXPECT_EQ(::recv(unread.client.fd(), &byte, 1, 0), 1);
  });
  unread.client.rest();
  EXPECT_TRUE(unread.client.reset()) << "and not left with what the kernel holds for it";
  EXPECT_TRUE(unread.backend->ended());
  const auto line = unread.site.log_line();
  EXPECT_EQ(line["reason"], "client_stalled");
  EXPECT_EQ(line["detail"], "rate_min");
  EXPECT_EQ(slow(unread.site), 1u);
  EXPECT_EQ(unread.site.buffers_lent(), 0u);
}

TEST(Slow, AReaderThatPausesIsReset) {
  Unread unread([](image::PlanT& plan) { plan.services[0]->rate_min = 0; });
  unread.site.advance(29s);
  EXPECT_EQ(slow(unread.site), 0u);
  unread.advance_until_given_up([] {});
  unread.client.rest();
  EXPECT_TRUE(unread.client.reset());
  const auto line = unread.site.log_line();
  EXPECT_EQ(line["reason"], "client_stalled");
  EXPECT_FALSE(line.contains("detail"));
}

// One write with the whole object in it, to a reader that takes longer for it than any pause may be.
TEST(Slow, AStoredObjectIsServedToAReaderThatGoesOnReading) {
  Site site([](image::PlanT& plan) {
    plan.caches[0]->memory_bytes = 64 << 20, plan.caches[0]->object_bytes_max = 16 << 20;
    plan.services[0]->body_timeout_ms = 1000;
  });
  const std::string body(6 << 20, 'o');
  Peer first = site.client(), client = site.client();
  first.send(get("/cached/a"));
  Peer backend = site.origin().accept();
  backend.message();
  carry(site, backend, first, body);
  const int bytes = 256 << 10;
  ASSERT_EQ(::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
  client.send(get("/cached/a"));
  size_t got = 0;
  for (size_t steps = 0; got < body.size();) {
    size_t more = 0;
    ASSERT_TRUE(run_until(site.loop(), [&] { return (more = client.what_came().size()) != 0 || client.reset(); }));
    ASSERT_FALSE(client.reset()) << got;
    got += more;
    if (got / (512 << 10) > steps) ++steps, site.advance(250ms);
  }
  EXPECT_EQ(slow(site), 0u);
}

// The kernel has all of the response, and the client takes little of it.
TEST(Slow, WhatAnIdleClientNeverReadIsNotLeftToTheKernel) {
  Site site;
  Peer client = site.client();
  client.hold_little();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok(std::string(250'000, 'x')));
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "ok");
  site.advance(61s);
  EXPECT_EQ(site.value("cardea_l7_connections"), 1u) << "it is still being waited for";
  // What the kernels still move between themselves is a sign of life; that is little, and soon over.
  for (int i = 0; i < 5 && site.value("cardea_l7_connections") != 0; ++i) {
    settle(site.loop());
    site.advance(32s);
  }
  EXPECT_EQ(site.value("cardea_l7_connections"), 0u);
  client.rest();
  EXPECT_TRUE(client.reset());
}

// Two hundred slow heads, two hundred slow bodies, two hundred slow readers, a byte a second each.
class Attack {
 public:
  static constexpr int kEach = 200;
  explicit Attack(Site& site) : site_(site) {
    for (int i = 0; i < kEach; ++i) {
      begin("GET /");
      begin(get("/", "Content-Length: 100000\r\n", "POST"));
      readers_.push_back(site.client());
      readers_.back().hold_little();
      readers_.back().send(get("/cached/big"));
    }
  }
  void go_on() {
    for (Peer& sender : senders_) sender.send_what_fits("a");
    char byte;
    for (Peer& reader : readers_) (void)::recv(reader.fd(), &byte, 1, MSG_DONTWAIT);
    settle(site_.loop());
  }
  uint64_t left() const { return site_.value("cardea_l7_service_connections", "shop"); }

 private:
  void begin(std::string_view text) {
    senders_.push_back(site_.client());
    senders_.back().send(text);
  }
  Site& site_;
  std::vector<Peer> senders_, readers_;
};

bool may_open(rlim_t descriptors) {
  rlimit files{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const rlimit enough{std::max(files.rlim_cur, descriptors), std::max(files.rlim_max, descriptors)};
  return ::setrlimit(RLIMIT_NOFILE, &enough) == 0;
}

TEST(Slow, SixHundredAttackersAreGoneWithinTheLimitsAndAPlainClientIsServedThroughout) {
  if (!may_open(8192)) GTEST_SKIP() << "2,000 descriptors are not to be had";
  Site site([](image::PlanT& plan) {
    plan.caches[0]->memory_bytes = 64 << 20, plan.caches[0]->object_bytes_max = 16 << 20;
    plan.services[0]->idle_timeout_ms = 10'000;
  });
  Peer plain = site.client();
  for (const char* path : {"/cached/plain", "/cached/big"}) {
    plain.send(get(path));
    Peer backend = site.origin().accept();
    backend.message();
    carry(site, backend, plain, std::string(path[8] == 'b' ? 4 << 20 : 100, 'x'));
  }
  Attack attack(site);
  ASSERT_TRUE(run_until(site.loop(), [&] { return attack.left() == 1 + 3 * Attack::kEach; })) << attack.left();
  int seconds = 0;
  for (; attack.left() != 1 && seconds < 120; ++seconds) {
    attack.go_on();
    site.advance(1s);
    plain.send(get("/cached/plain"));
    ASSERT_THAT(plain.message(), StartsWith("HTTP/1.1 200 OK\r\n")) << seconds;
  }
  EXPECT_EQ(attack.left(), 1u);
  EXPECT_LT(seconds, 120);
  EXPECT_GE(slow(site), 2u * Attack::kEach);
  EXPECT_EQ(site.buffers_lent(), 0u);
}

// Thousands of clients that send one byte each, and say no more.
struct OneByteEach {
  static constexpr int kAll = 4000, kAtOnce = 50;
  static constexpr size_t kBound = 4 << 20, kHeads = kBound / 4 * 3 / Buffers::kFirst;

  OneByteEach() : site([](image::PlanT& plan) { plan.settings->buffer_bytes_max = kBound; }) {
    witness.send(get("/"));
    backend.emplace(site.origin().accept());
    answer(witness);
  }
  void answer(Peer& client) {
    backend->message();
    backend->send(ok("served"));
    ASSERT_THAT(client.message(), HasSubstr("served")) << holders.size();
  }
  void add_some() {
    for (int i = 0; i < kAtOnce; ++i) {
      holders.push_back(site.client());
      holders.back().send("G");
    }
    settle(site.loop());
  }
  Site site;
  Peer witness = site.client();
  std::optional<Peer> backend;
  std::vector<Peer> holders;
};

TEST(Slow, ThousandsThatSendOneByteKeepNobodyOut) {
  if (!may_open(16'384)) GTEST_SKIP() << "9,000 descriptors are not to be had";
  OneByteEach attack;
  Site& site = attack.site;
  while (attack.holders.size() < OneByteEach::kAll) {
    attack.add_some();
    ASSERT_LE(site.buffers_lent(), OneByteEach::kBound);
    attack.witness.send(get("/"));
    ASSERT_NO_FATAL_FAILURE(attack.answer(attack.witness));
    Peer newcomer = site.client();
    newcomer.send(get("/"));
    ASSERT_NO_FATAL_FAILURE(attack.answer(newcomer));
  }
  EXPECT_GE(site.value("cardea_l7_heads_ended_total"), OneByteEach::kAll - OneByteEach::kHeads);
  EXPECT_TRUE(attack.holders.front().ended());
  EXPECT_TRUE(attack.holders.back().silent()) << "they give way by age";
  site.advance(11s);
  EXPECT_TRUE(run_until(site.loop(), [&] { return site.buffers_lent() == 0; }));
  EXPECT_GE(slow(site), 1000u) << "those that were left ran out of time";
}

Site::Change small_bodies(uint32_t linger_ms) {
  return [linger_ms](image::PlanT& plan) {
    plan.services[0]->body_bytes_max = 10;
    plan.services[0]->linger_timeout_ms = linger_ms;
  };
}

// Slower than two seconds and more than a megabyte.
TEST(EarlyAnswer, ReachesAClientThatSendsAllBeforeItReads) {
  Site site(small_bodies(300'000));
  Peer client = site.client();
  client.send("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4194304\r\n\r\n");
  EXPECT_EQ(site.log_line()["status"], 413);
  for (int i = 0; i < 64; ++i) {
    client.send(std::string(65536, 'b'));
    settle(site.loop());
    site.advance(2500ms);
  }
  EXPECT_EQ(site.value("cardea_l7_connections"), 1u) << "it is heard out";
  EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 413 "));
  EXPECT_FALSE(client.reset());
}

// Whatever head it was that a body follows.
TEST(EarlyAnswer, ToAHeadThatIsRefusedReachesAClientThatSendsAllBeforeItReads) {
  const struct {
    std::string lines, status;
  } rows[] = {{"Transfer_Encoding: chunked\r\n", "400 "}, {"X: " + std::string(40'000, 'x') + "\r\n", "431 "}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.status);
    Site site;
    Peer client = site.client();
    client.send("POST / HTTP/1.1\r\nHost: shop.example\r\n" + row.lines + "Content-Length: 4194304\r\n\r\n");
    settle(site.loop());
    for (int i = 0; i < 64; ++i) {
      client.send(std::string(65536, 'b'));
      settle(site.loop());
      site.advance(2500ms);
    }
    EXPECT_EQ(site.value("cardea_l7_connections"), 1u) << "it is heard out";
    EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 " + row.status));
    EXPECT_FALSE(client.reset());
  }
}

TEST(EarlyAnswer, ToAHeadWithoutEndIsGivenUpBehindWhatABodyMayBe) {
  Site site;
  Peer client = site.client();
  client.send("GET / HTTP/1.1\r\n");
  size_t sent = 0;
  for (const std::string lines = "X: " + std::string(65'531, 'x') + "\r\n"; sent < 32 << 20; sent += lines.size()) {
    if (client.send_what_fits(lines) < lines.size()) break;
    settle(site.loop());
  }
  EXPECT_EQ(site.value("cardea_l7_connections"), 0u);
  EXPECT_GT(sent, size_t{8} << 20);
  EXPECT_LT(sent, size_t{16} << 20);
}

TEST(EarlyAnswer, IsGivenUpAtItsLimits) {
  enum { kForEver, kHardly, kSilent };
  for (const int kind : {kForEver, kHardly, kSilent}) {
    SCOPED_TRACE(kind);
    Site site(small_bodies(kind == kForEver ? 10'000 : 300'000));
    Peer client = site.client();
    client.send("POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n0123456789ab");
    EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 413 "));
    for (int i = 0; i < 40 && site.value("cardea_l7_connections") == 1; ++i) {
      if (kind != kSilent) client.send(std::string(kind == kForEver ? 10'000 : 1, 'b'));
      settle(site.loop());
      site.advance(1s);
    }
    EXPECT_EQ(site.value("cardea_l7_connections"), 0u);
    client.rest();
    EXPECT_EQ(client.send_what_fits("more"), 0u) << "and nothing is taken any more";
  }
}

}  // namespace
}  // namespace cardea::l7::proxy::test
