// A pool's connections over loopback: lent, kept, grown old, found dead, and what an update does to those that are out.
#include "l7/upstream/pool.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <map>
#include <optional>

#include "l7/plan/turn_order.h"
#include "l7/runtime/kernel_stream.h"
#include "l7/runtime/spawn.h"
#include "l7/tls/tls_stream.h"
#include "l7/upstream/backend.h"
#include "tests/unit/l7/proxy/site.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7::upstream {
namespace {

using namespace std::chrono_literals;
using proxy::test::Peer;
using proxy::test::run_until;
using proxy::test::settle;
using testing::HasSubstr;

Task<> dial_into(Arena& arena, Pool& pool, Backend& backend, std::string host, Instant now,
                 std::optional<Result<Lease>>& into) {
  Result<Lease> dialled = co_await pool.dial(arena, backend, host, {}, now);
  into.emplace(std::move(dialled));
}

struct PoolTest : testing::Test {
  explicit PoolTest(size_t count = 1) {
    for (size_t i = 0; i < count; ++i) origins.push_back(std::make_unique<proxy::test::Origin>(*loop));
  }
  ~PoolTest() override { loop->end_tasks(); }

  using Change = std::function<void(PoolPlan&)>;
  std::shared_ptr<const PoolPlan> plan(const Change& change) {
    auto made = std::make_shared<PoolPlan>();
    made->name = "web", made->balance = Balance::kRoundRobin;
    made->rows.idle_closed = kIdleClosed;
    for (const auto& origin : origins) {
      BackendPlan its;
      its.name = origin->name();
      its.endpoint = Endpoint::parse(origin->name()).value();
      const uint32_t first = first_row.try_emplace(its.name, uint32_t(first_row.size() * 8)).first->second;
      its.rows.connects = first + kConnects, its.rows.reused = first + kReused, its.rows.busy = first + kBusy;
      its.rows.connect_failures = first + kConnectFailures, its.rows.failures = first + kFailures;
      its.rows.own = first + kOwn;
      made->backends.push_back(std::move(its));
    }
    if (change) change(*made);
    std::vector<uint32_t> weights;
    for (BackendPlan& its : made->backends) {
      weights.push_back(its.serves() ? its.weight : 0);
      its.host = host_counts.try_emplace(its.name, its.host).first->second;
    }
    made->ring = turn_order(weights);
    return made;
  }
  void start(const Change& change = {}) { pool.emplace(context, plan(change)); }
  void update(const Change& change = {}) { pool->update(plan(change)); }
  Backend& chosen() { return **pool->choose(0, {}, loop->now()); }
  std::optional<NoBackend> nobody() {
    const auto chosen = pool->choose(0, {}, loop->now());
    return chosen ? std::nullopt : std::optional(chosen.error());
  }
  Result<Lease> dial(Backend& backend, const std::string& host = "shop.example") {
    std::optional<Result<Lease>> done;
    spawn(*loop, arena, dial_into(arena, *pool, backend, host, loop->now(), done));
    EXPECT_TRUE(run_until(*loop, [&] { return done.has_value(); }));
    return std::move(*done);
  }
  // The backend's end of a connection that was given back.
  Peer warm() {
    Lease lease = dial(chosen()).value();
    Peer peer = origins[0]->accept();
    lease.keep();
    return peer;
  }
  static constexpr uint32_t kIdleClosed = 60;
  enum Row : uint32_t { kConnects, kReused, kConnectFailures, kFailures, kBusy, kOwn };
  uint64_t cell(Row row, size_t origin = 0) { return cells[first_row.at(origins[origin]->name()) + row]; }

  std::vector<uint64_t> cells = std::vector<uint64_t>(64);
  std::map<std::string, uint32_t> first_row;
  std::map<std::string, std::shared_ptr<BackendCounts>> host_counts;  // as the loader keeps them
  std::unique_ptr<tls::CryptoLibrary> crypto = tls::CryptoLibrary::create().value();
  ChunkPool chunks;
  Arena arena{chunks};
  std::unique_ptr<Loop> loop = Loop::create(Loop::Clock::kManual).value();
  Pool::Context context{*loop, cells.data(), *crypto};
  std::vector<std::unique_ptr<proxy::test::Origin>> origins;
  std::optional<Pool> pool;
};

TEST_F(PoolTest, AConnectionIsLentKeptAndLentAgain) {
  start();
  EXPECT_FALSE(pool->reuse(chosen(), "shop.example"));
  Lease lease = dial(chosen()).value();
  EXPECT_FALSE(lease.reused());
  EXPECT_EQ(lease.backend().name, origins[0]->name());
  EXPECT_EQ(cell(kBusy), 1u);
  lease.keep();
  EXPECT_FALSE(lease);
  EXPECT_EQ(cell(kBusy), 0u);
  EXPECT_EQ(pool->idle(), 1u);
  const Lease again = pool->reuse(chosen(), "other.example");
  ASSERT_TRUE(again) << "a plain connection serves any host";
  EXPECT_TRUE(again.reused());
  EXPECT_EQ(pool->idle(), 0u);
  EXPECT_EQ(cell(kConnects), 1u);
  EXPECT_EQ(cell(kReused), 1u);
}

TEST_F(PoolTest, TheOneUsedLastIsUsedFirst) {
  start();
  Lease first = dial(chosen()).value();
  Peer old = origins[0]->accept();
  Lease second = dial(chosen()).value();
  Peer fresh = origins[0]->accept();
  first.keep(), second.keep();
  pool->reuse(chosen(), "").close(Close::kOrderly);
  EXPECT_TRUE(fresh.ended());
  EXPECT_TRUE(old.silent());
}

TEST_F(PoolTest, ADroppedLeaseResetsItsConnection) {
  start();
  dial(chosen()).value().close(Close::kOrderly);
  Peer closed = origins[0]->accept();
  EXPECT_TRUE(closed.ended());
  EXPECT_FALSE(closed.reset());
  {
    const Lease dropped = dial(chosen()).value();
  }
  Peer gone = origins[0]->accept();
  EXPECT_TRUE(gone.ended());
  EXPECT_TRUE(gone.reset()) << "whatever was under way is not complete";
  EXPECT_EQ(cell(kBusy), 0u);
}

TEST_F(PoolTest, IdleConnectionsGrowOld) {
  start([](PoolPlan& plan) { plan.idle_timeout = 10s; });
  Lease first = dial(chosen()).value(), second = dial(chosen()).value();
  Peer old = origins[0]->accept(), young = origins[0]->accept();
  first.keep();
  loop->advance(6s);
  second.keep();
  loop->advance(3990ms);
  EXPECT_EQ(pool->idle(), 2u);
  loop->advance(20ms);
  EXPECT_EQ(pool->idle(), 1u);
  EXPECT_TRUE(old.ended());
  loop->advance(5970ms);
  EXPECT_EQ(pool->idle(), 1u);
  loop->advance(40ms);
  EXPECT_EQ(pool->idle(), 0u);
  EXPECT_TRUE(young.ended());
}

TEST_F(PoolTest, OnlySoManyAreKept) {
  start([](PoolPlan& plan) { plan.idle_max = 2; });
  std::vector<Lease> leases;
  for (int i = 0; i < 4; ++i) leases.push_back(dial(chosen()).value());
  for (Lease& lease : leases) lease.keep();
  EXPECT_EQ(pool->idle(), 2u);
}

// Clients may choose the names, and the last one asked for is the one that is asked for again.
TEST_F(PoolTest, WhoeverIdlesHasAllOfItsTime) {
  start([](PoolPlan& plan) { plan.idle_timeout = 10s; });
  Lease first = dial(chosen()).value(), second = dial(chosen()).value();
  Peer old = origins[0]->accept(), young = origins[0]->accept();
  first.keep();
  loop->advance(500ms);
  second.keep();
  loop->advance(9700ms);
  EXPECT_EQ(pool->idle(), 1u) << "half a second less than the other";
  loop->advance(400ms);
  EXPECT_EQ(pool->idle(), 0u);
}

TEST_F(PoolTest, TheOneThatIdledForLongestGivesWay) {
  start([](PoolPlan& plan) { plan.idle_max = 2; });
  std::vector<Lease> leases;
  std::vector<Peer> peers;
  for (int i = 0; i < 3; ++i) {
    leases.push_back(dial(chosen()).value());
    peers.push_back(origins[0]->accept());
  }
  for (Lease& lease : leases) lease.keep();
  EXPECT_TRUE(peers[0].ended());
  EXPECT_EQ(pool->idle(), 2u);
  EXPECT_EQ(cells[kIdleClosed], 1u);
  Lease again = pool->reuse(chosen(), "");
  again.keep();
  EXPECT_EQ(cells[kIdleClosed], 1u) << "it has its place";
  EXPECT_TRUE(peers[1].silent());
  EXPECT_TRUE(peers[2].silent());
}

TEST_F(PoolTest, WherePoolingIsOffNothingGaveWay) {
  start([](PoolPlan& plan) { plan.idle_max = 0; });
  Lease lease = dial(chosen()).value();
  lease.keep();
  EXPECT_EQ(pool->idle(), 0u);
  EXPECT_EQ(cells[kIdleClosed], 0u);
}

TEST_F(PoolTest, FewerAreKeptFromAnUpdateOn) {
  start([](PoolPlan& plan) { plan.idle_max = 2; });
  Lease first = dial(chosen()).value(), second = dial(chosen()).value();
  first.keep(), second.keep();
  update([](PoolPlan& plan) { plan.idle_max = 1; });
  Lease again = pool->reuse(chosen(), "");
  again.keep();
  EXPECT_EQ(pool->idle(), 1u);
}

// An exchange that failed is none that was answered, however its connection goes on.
TEST_F(PoolTest, ABlamedExchangeCountsWhateverBecomesOfItsConnection) {
  for (const bool kept : {true, false}) {
    start();
    const uint64_t before = cell(kFailures);
    Peer peer = warm();
    for (int i = 0; i < 3; ++i) {
      Lease lease = kept ? pool->reuse(chosen(), "") : dial(chosen()).value();
      ASSERT_TRUE(lease);
      lease.blame();
      lease.blame();
      kept ? lease.keep() : lease.close(Close::kOrderly);
    }
    EXPECT_EQ(cell(kFailures), before + 3) << kept;
    EXPECT_TRUE(chosen().suspicion.suspect(loop->now())) << kept;
  }
}

TEST_F(PoolTest, AnExchangeWithoutComplaintEndsTheRow) {
  for (const bool kept : {true, false}) {
    start();
    for (int i = 0; i < 6; ++i) {
      Lease lease = dial(chosen()).value();
      if (i % 3 != 2) lease.blame();
      kept ? lease.keep() : lease.close(Close::kOrderly);
    }
    EXPECT_FALSE(chosen().suspicion.suspect(loop->now())) << kept;
  }
}

// Nobody knows how it would have ended.
TEST_F(PoolTest, AnExchangeThatWasCutOffEndsNoRow) {
  start();
  for (int i = 0; i < 3; ++i) {
    Lease broken = dial(chosen()).value(), cut = dial(chosen()).value();
    broken.blame();
    broken.close(Close::kReset);
    cut.close(Close::kReset);
  }
  EXPECT_TRUE(chosen().suspicion.suspect(loop->now()));
}

TEST_F(PoolTest, WhatBelongsToOneClientIsNotKeptForOthers) {
  start();
  Lease lease = dial(chosen()).value();
  Peer peer = origins[0]->accept();
  lease.authenticate();
  EXPECT_EQ(cell(kOwn), 1u);
  lease.keep();
  EXPECT_EQ(pool->idle(), 0u);
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(cell(kOwn), 0u);
}

TEST_F(PoolTest, BehindOneThatEndedUnheardTheNextIsLent) {
  start();
  Lease first = dial(chosen()).value(), second = dial(chosen()).value();
  Peer old = origins[0]->accept(), last = origins[0]->accept();
  first.keep(), second.keep();
  last.close();
  const Lease lease = pool->reuse(chosen(), "", Proof::kAsked);
  EXPECT_TRUE(lease);
  EXPECT_TRUE(old.silent());
}

TEST_F(PoolTest, BehindAPauseOneDialTriesAndTheOthersWait) {
  start();
  origins[0]->refuse();
  EXPECT_FALSE(dial(chosen()));
  loop->advance(1s);
  Backend& backend = chosen();
  EXPECT_FALSE(backend.suspicion.suspect(loop->now()));
  origins[0]->listen();
  std::optional<Result<Lease>> under_way;
  spawn(*loop, arena, dial_into(arena, *pool, backend, "", loop->now(), under_way));
  EXPECT_TRUE(backend.suspicion.suspect(loop->now()));
  EXPECT_TRUE(run_until(*loop, [&] { return under_way.has_value(); }));
  EXPECT_FALSE(backend.suspicion.suspect(loop->now()));
}

TEST_F(PoolTest, WhoClosesOrSpeaksWhileIdleIsForgotten) {
  start();
  Peer closer = warm();
  closer.close();
  settle(*loop);
  EXPECT_EQ(pool->idle(), 0u);
  Peer speaker = warm();
  speaker.send("x");
  settle(*loop);
  EXPECT_EQ(pool->idle(), 0u);
  EXPECT_TRUE(speaker.ended());
  EXPECT_EQ(cell(kFailures), 0u) << "nobody's fault";
}

TEST_F(PoolTest, ARefusedDialIsCountedAndSaysSo) {
  start();
  Backend& backend = chosen();
  origins[0]->refuse();
  const auto refused = dial(backend);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().origin, Origin::kBackend);
  EXPECT_EQ(refused.error().retry, Retry::kSafe);
  EXPECT_THAT(refused.error().message, HasSubstr(origins[0]->name()));
  EXPECT_EQ(cell(kConnectFailures), 1u);
  EXPECT_EQ(cell(kBusy), 0u);
}

TEST_F(PoolTest, ConnectionsMaxCountsDials) {
  start([](PoolPlan& plan) { plan.backends[0].connections_max = 2; });
  Lease first = dial(chosen()).value();
  std::optional<Result<Lease>> under_way;
  spawn(*loop, arena, dial_into(arena, *pool, chosen(), "", loop->now(), under_way));
  EXPECT_EQ(nobody(), NoBackend::kBusy);
  first.close(Close::kReset);
  EXPECT_FALSE(nobody());
  EXPECT_TRUE(run_until(*loop, [&] { return under_way.has_value(); }));
}

TEST_F(PoolTest, ConnectionsMaxFollowsThePlan) {
  start([](PoolPlan& plan) { plan.backends[0].connections_max = 2; });
  const Lease lease = dial(chosen()).value();
  EXPECT_FALSE(nobody());
  update([](PoolPlan& plan) { plan.backends[0].connections_max = 1; });
  EXPECT_EQ(nobody(), NoBackend::kBusy);
  update();
  EXPECT_FALSE(nobody());
}

// Another shard's pool of the same plan.
TEST_F(PoolTest, ConnectionsMaxIsTheHosts) {
  const Change two = [](PoolPlan& plan) { plan.backends[0].connections_max = 2; };
  start(two);
  Pool other(context, plan(two));
  Lease first = dial(chosen()).value();
  const Lease second = dial(chosen()).value();
  EXPECT_EQ(other.choose(0, {}, loop->now()).error(), NoBackend::kBusy) << "though it has none under way";
  update(two);
  first.close(Close::kReset);
  EXPECT_TRUE(other.choose(0, {}, loop->now())) << "given back over an update";
}

// Both looked before either of them came to it.
TEST_F(PoolTest, TheLastPlaceIsForOneShard) {
  const Change one = [](PoolPlan& plan) { plan.backends[0].connections_max = 1; };
  start(one);
  Pool other(context, plan(one));
  Backend &its = chosen(), &others = **other.choose(0, {}, loop->now());
  EXPECT_TRUE(Pool::claim(its));
  EXPECT_FALSE(Pool::claim(others));
  EXPECT_EQ(other.choose(0, {}, loop->now()).error(), NoBackend::kBusy);
  Lease lease = dial(its).value();
  EXPECT_FALSE(Pool::claim(others)) << "the place is its connection's now";
  lease.keep();
  EXPECT_TRUE(Pool::claim(its));
  Lease again = pool->reuse(its, "");
  EXPECT_FALSE(Pool::claim(others));
  again.close(Close::kReset);
  EXPECT_TRUE(Pool::claim(others));
  Pool::unclaim(others);
  EXPECT_FALSE(nobody());
}

TEST_F(PoolTest, IdleConnectionsAreTheHosts) {
  const Change one = [](PoolPlan& plan) { plan.idle_max = 1; };
  start(one);
  const Peer peer = warm();
  {
    Pool other(context, plan(one));
    Lease second = dial(**other.choose(0, {}, loop->now())).value();
    second.keep();
    EXPECT_EQ(other.idle(), 0u);
  }
  Lease again = pool->reuse(chosen(), "");
  again.keep();
  EXPECT_EQ(pool->idle(), 1u) << "its place stays its own while it is lent";
  again = pool->reuse(chosen(), "");
  again.close(Close::kReset);
  const Peer fresh = warm();
  EXPECT_EQ(pool->idle(), 1u);
}

TEST_F(PoolTest, AnEndThatTheLoopHasNotHeardOfIsSeenWhereItMatters) {
  start();
  Peer peer = warm();
  peer.close();  // arrives at once on loopback; no turn is run
  EXPECT_FALSE(pool->reuse(chosen(), "", Proof::kAsked));
  EXPECT_EQ(pool->idle(), 0u);
  const Peer next = warm();
  EXPECT_TRUE(pool->reuse(chosen(), "", Proof::kAsked));
}

TEST_F(PoolTest, AnIdleConnectionDoesNotCountAsBusy) {
  start([](PoolPlan& plan) { plan.backends[0].connections_max = 1; });
  const Peer idle = warm();
  EXPECT_FALSE(nobody());
  const Lease lease = pool->reuse(chosen(), "");
  EXPECT_TRUE(lease);
  EXPECT_EQ(nobody(), NoBackend::kBusy);
}

TEST_F(PoolTest, NobodyServes) {
  start([](PoolPlan& plan) { plan.backends[0].state = BackendState::kDown; });
  EXPECT_EQ(nobody(), NoBackend::kNone);
  update([](PoolPlan& plan) { plan.backends[0].weight = 0; });
  EXPECT_EQ(nobody(), NoBackend::kNone);
  update();
  EXPECT_FALSE(nobody());
}

// ------------------------------------------------------------------ updates while connections are out

TEST_F(PoolTest, AnUpdateKeepsWhatIsIdle) {
  start();
  const Peer idle = warm();
  update([](PoolPlan& plan) { plan.backends[0].weight = 7; });
  EXPECT_EQ(pool->idle(), 1u);
  const Lease lease = pool->reuse(chosen(), "");
  EXPECT_EQ(lease.backend().weight, 7u);
}

TEST_F(PoolTest, ABackendThatTakesNothingNewKeepsItsLeases) {
  for (const BackendState state : {BackendState::kDrain, BackendState::kDown, BackendState::kMaint}) {
    start();
    const Peer idle = warm();
    Lease lease = dial(chosen()).value();
    Peer peer = origins[0]->accept();
    update([state](PoolPlan& plan) { plan.backends[0].state = state; });
    EXPECT_EQ(pool->idle(), 0u);
    EXPECT_EQ(nobody(), NoBackend::kNone);
    EXPECT_TRUE(peer.silent()) << "the exchange goes on";
    EXPECT_EQ(cell(kBusy), 1u);
    lease.keep();
    EXPECT_EQ(pool->idle(), 0u) << "and is the last of its connection";
    EXPECT_TRUE(peer.ended());
  }
}

struct TwoBackends : PoolTest {
  TwoBackends() : PoolTest(2) {}
  Change without(const std::string& name) {
    return [name](PoolPlan& plan) {
      std::erase_if(plan.backends, [&](const BackendPlan& its) { return its.name == name; });
    };
  }
};

TEST_F(TwoBackends, ALeaseOutlivesItsBackendAndItsPool) {
  start();
  Lease lease = dial(chosen()).value(), other = dial(chosen()).value();
  const std::string name = lease.backend().name, other_name = other.backend().name;
  update(without(name));
  EXPECT_EQ(lease.backend().name, name);
  cells.assign(cells.size(), 0);  // the rows may be somebody else's by now
  lease.blame();
  lease.keep();
  pool.reset();
  EXPECT_EQ(other.backend().name, other_name);
  other.blame();
  other.close(Close::kOrderly);
  EXPECT_THAT(cells, testing::Each(0u)) << "who is gone counts nothing";
}

TEST_F(TwoBackends, ADialOutlivesItsBackend) {
  start();
  Backend& backend = chosen();
  std::optional<Result<Lease>> under_way;
  spawn(*loop, arena, dial_into(arena, *pool, backend, "", loop->now(), under_way));
  update(without(std::string(Pool::plan_of(backend).name)));
  EXPECT_TRUE(run_until(*loop, [&] { return under_way.has_value(); }));
  ASSERT_TRUE(under_way->has_value());
  Peer peer = origins[origins[0]->has_caller() ? 0 : 1]->accept();
  (*under_way)->keep();
  EXPECT_EQ(pool->idle(), 0u);
  EXPECT_TRUE(peer.ended());
}

// The rows may be another's when it comes back under its name.
TEST_F(TwoBackends, GaugesOfABackendThatLeftAreZero) {
  start();
  Lease lease = dial(chosen()).value();
  lease.authenticate();
  const size_t which = lease.backend().name == origins[0]->name() ? 0 : 1;
  EXPECT_EQ(cell(kBusy, which), 1u);
  EXPECT_EQ(cell(kOwn, which), 1u);
  update(without(lease.backend().name));
  EXPECT_EQ(cell(kBusy, which), 0u);
  EXPECT_EQ(cell(kOwn, which), 0u);
}

TEST_F(TwoBackends, ABackendThatAProbeSawComeBackIsTrustedAtOnce) {
  start();
  origins[0]->refuse();
  Backend& first = chosen();
  ASSERT_EQ(Pool::plan_of(first).name, origins[0]->name());
  EXPECT_FALSE(dial(first));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(Pool::plan_of(chosen()).name, origins[1]->name());
  update([](PoolPlan& plan) { plan.backends[0].state = BackendState::kDown; });
  update();
  int back = 0;
  for (int i = 0; i < 6; ++i) back += Pool::plan_of(chosen()).name == origins[0]->name();
  EXPECT_GE(back, 3);
}

TEST_F(TwoBackends, AnotherAddressUnderTheSameNameIsAnotherPlace) {
  const auto fixed = [this](size_t at) {
    return [this, at](PoolPlan& plan) {
      plan.backends.resize(1);
      plan.backends[0].name = "fixed", plan.backends[0].endpoint.port = origins[at]->port();
    };
  };
  start(fixed(0));
  Peer peer = warm();
  update(fixed(1));
  EXPECT_EQ(pool->idle(), 0u);
  EXPECT_TRUE(peer.ended());
}

// ------------------------------------------------------------------ TLS to backends

struct TlsPool : PoolTest {
  // A backend's end, with a certificate for shop.example and other.example.
  struct Server {
    std::unique_ptr<KernelStream> tcp;
    std::unique_ptr<tls::TlsStream> stream;
    tls::Handshake done{tls::Failure::kOther};
  };
  static Task<> shake(Arena&, Server& server, Instant deadline) {
    const tls::Handshake done = co_await server.stream->handshake(deadline);
    server.done = done;
  }
  void speak_tls(Server& server) {
    const Peer accepted = origins[0]->accept();
    FileDescriptor socket(::fcntl(accepted.fd(), F_DUPFD_CLOEXEC, 3));
    server.tcp = std::make_unique<KernelStream>(*loop, std::move(socket), Endpoint{});
    server.stream = std::make_unique<tls::TlsStream>(*server_context, *server.tcp);
    spawn(*loop, arena, shake(arena, server, loop->now() + 5s));
  }
  Result<Lease> dial_tls(const std::string& host, Server& server) {
    std::optional<Result<Lease>> done;
    spawn(*loop, arena, dial_into(arena, *pool, chosen(), host, loop->now(), done));
    speak_tls(server);
    EXPECT_TRUE(run_until(*loop, [&] { return done.has_value(); }));
    settle(*loop);
    return std::move(*done);
  }
  Change with_tls(const std::string& name = "") {
    return [this, name](PoolPlan& plan) {
      plan.tls = BackendTlsPlan{.server_name = name, .verify = true, .authorities = authority.own_certificate()};
    };
  }
  tls::Authority authority;
  std::vector<std::shared_ptr<const tls::Certificate>> certificates{
      authority.issued("shop", {.names = {"shop.example", "other.example"}})};
  std::unique_ptr<tls::ServerContext> server_context =
      tls::ServerContext::create(*crypto, certificates, tls::TicketKeys::create().value()).value();
};

int refuse_name(SSL*, int* alert, void*) {
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

TEST_F(TlsPool, AConnectionServesOnlyTheHostItWasVerifiedFor) {
  start(with_tls());
  Server server;
  Lease lease = dial_tls("shop.example", server).value();
  EXPECT_EQ(server.stream->server_name(), "shop.example");
  lease.keep();
  EXPECT_FALSE(pool->reuse(chosen(), "other.example"));
  EXPECT_TRUE(pool->reuse(chosen(), "shop.example"));
}

TEST_F(TlsPool, WithANameOfItsOwnAPoolServesAllHosts) {
  start(with_tls("shop.example"));
  Server server;
  Lease lease = dial_tls("anything.example", server).value();
  EXPECT_EQ(server.stream->server_name(), "shop.example");
  lease.keep();
  EXPECT_TRUE(pool->reuse(chosen(), "something.else"));
}

TEST_F(TlsPool, ACertificateForAnotherNameIsRefused) {
  start(with_tls());
  Server server;
  const auto refused = dial_tls("evil.example", server);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("evil.example"));
  EXPECT_THAT(refused.error().message, HasSubstr("hostname mismatch"));
}

TEST_F(TlsPool, ANameThatTheClientChoseIsNotHeldAgainstTheBackend) {
  start(with_tls());
  for (int i = 0; i < 5; i++) {
    Server server;
    EXPECT_EQ(dial_tls("evil.example", server).error().origin, Origin::kClient);
  }
  SSL_CTX_set_tlsext_servername_callback(server_context->default_context(), refuse_name);
  Server server;
  const auto refused = dial_tls("unknown.example", server);
  EXPECT_EQ(refused.error().origin, Origin::kClient);
  EXPECT_THAT(refused.error().message, HasSubstr("peer_alert"));
  EXPECT_EQ(cell(kConnectFailures), 0u);
  EXPECT_FALSE(chosen().suspicion.suspect(loop->now()));
}

// Whatever name is asked for, nothing comes of it but one more handshake an exchange.
TEST_F(TlsPool, ACertificateThatIsGoodForNobodyIsTheBackendsFault) {
  const std::shared_ptr<const tls::Certificate> bad[] = {
      tls::Authority().issued("shop", {.names = {"shop.example"}}),  // of a stranger
      authority.issued("old", {.names = {"shop.example"}, .days_from = -9, .days_to = -1})};
  uint64_t failures = 0;
  for (const auto& certificate : bad) {
    start(with_tls());
    const std::vector certificates{certificate};
    server_context = tls::ServerContext::create(*crypto, certificates, tls::TicketKeys::create().value()).value();
    Server server;
    EXPECT_EQ(dial_tls("shop.example", server).error().origin, Origin::kBackend);
    EXPECT_EQ(cell(kConnectFailures), ++failures);
    EXPECT_TRUE(chosen().suspicion.suspect(loop->now()));
  }
}

// As an ingress shows to whoever asks for a name that it does not have.
TEST_F(TlsPool, ACertificateForAnotherNameThatNobodyTrustsIsStillForAnotherName) {
  start(with_tls());
  const std::vector certificates{tls::Authority().issued("fake", {.names = {"ingress.local"}})};
  server_context = tls::ServerContext::create(*crypto, certificates, tls::TicketKeys::create().value()).value();
  for (const char* host : {"evil.example", ""}) {
    Server server;
    EXPECT_EQ(dial_tls(host, server).error().origin, Origin::kClient) << host;
  }
  EXPECT_EQ(cell(kConnectFailures), 0u);
}

TEST_F(TlsPool, ABadNameLeavesTheTrialToTheNext) {
  start(with_tls());
  Backend& backend = chosen();
  for (const bool by_exchanges : {false, true}) {
    backend.suspicion.connect_failed(loop->now());
    for (int i = 0; by_exchanges && i < 3; ++i) backend.suspicion.exchange_failed(loop->now());
    loop->advance(11s);
    ASSERT_FALSE(backend.suspicion.suspect(loop->now()));
    Server server;
    EXPECT_EQ(dial_tls("evil.example", server).error().origin, Origin::kClient);
    EXPECT_FALSE(backend.suspicion.suspect(loop->now())) << by_exchanges;
  }
}

TEST_F(TlsPool, ACertificateThatDoesNotCoverThePoolsOwnNameIs) {
  start(with_tls("evil.example"));
  Server server;
  EXPECT_EQ(dial_tls("shop.example", server).error().origin, Origin::kBackend);
  EXPECT_EQ(cell(kConnectFailures), 1u);
}

TEST_F(TlsPool, AFinalDotMakesNoOtherName) {
  start(with_tls());
  Server server;
  Lease lease = dial_tls("shop.example.", server).value();
  EXPECT_EQ(server.stream->server_name(), "shop.example");
  lease.keep();
  EXPECT_TRUE(pool->reuse(chosen(), "shop.example"));
}

TEST_F(TlsPool, WithoutAnyNameTheBackendsAddressIsVerified) {
  start(with_tls());
  for (const char* nameless : {"", "."}) {
    Server server;
    const auto refused = dial_tls(nameless, server);
    ASSERT_FALSE(refused) << "a certificate for names only";
    EXPECT_THAT(refused.error().message, HasSubstr("IP address mismatch"));
  }
}

TEST_F(TlsPool, ATicketThatComesLateIsKeptForItsOwnName) {
  start(with_tls());
  const auto take_ticket = [](const Lease& lease) {
    std::array<std::byte, 8> nothing;
    EXPECT_EQ(lease.stream().try_read(nothing).status, IoStatus::kWouldBlock);
  };
  Server first, second, third;
  const Lease shop = dial_tls("shop.example", first).value();
  const Lease other = dial_tls("other.example", second).value();
  take_ticket(shop);
  const Lease again = dial_tls("other.example", third).value();
  EXPECT_FALSE(third.stream->resumed()) << "its own ticket was not read yet";
  take_ticket(other);
  Server fourth;
  const Lease last = dial_tls("other.example", fourth).value();
  EXPECT_TRUE(fourth.stream->resumed());
}

TEST_F(TlsPool, ATicketFromBeforeAnUpdateIsNotUsedBehindIt) {
  const auto trusting_anybody = [](PoolPlan& plan) { plan.tls = BackendTlsPlan{.server_name = "", .verify = false}; };
  start(trusting_anybody);
  std::optional<Result<Lease>> done;
  spawn(*loop, arena, dial_into(arena, *pool, chosen(), "shop.example", loop->now(), done));
  update(with_tls());  // while it dials
  Server first, second;
  speak_tls(first);
  EXPECT_TRUE(run_until(*loop, [&] { return done.has_value(); }));
  settle(*loop);
  std::array<std::byte, 8> nothing;
  EXPECT_EQ((*done)->stream().try_read(nothing).status, IoStatus::kWouldBlock);
  (*done)->keep();
  EXPECT_EQ(pool->idle(), 0u);
  const Lease lease = dial_tls("shop.example", second).value();
  EXPECT_FALSE(second.stream->resumed());
}

TEST_F(TlsPool, ASessionIsResumedForItsOwnNameOnly) {
  start(with_tls());
  for (const bool resumed : {false, true}) {
    Server server;
    Lease lease = dial_tls("shop.example", server).value();
    EXPECT_EQ(server.stream->resumed(), resumed);
    std::array<std::byte, 8> nothing;
    EXPECT_EQ(lease.stream().try_read(nothing).status, IoStatus::kWouldBlock) << "takes the ticket in passing";
  }
  Server server;
  const Lease lease = dial_tls("other.example", server).value();
  EXPECT_FALSE(server.stream->resumed()) << "a resumption verifies nothing";
}

TEST_F(TlsPool, ASessionIsNotResumedAtAnotherAddress) {
  origins.push_back(std::make_unique<proxy::test::Origin>(*loop));
  const auto at = [this](uint16_t port) {
    return [this, port](PoolPlan& plan) {
      with_tls()(plan);
      plan.backends.resize(1);
      plan.backends[0].name = "fixed", plan.backends[0].endpoint.port = port;
    };
  };
  start(at(origins[0]->port()));
  Server first, second;
  const Lease lease = dial_tls("shop.example", first).value();
  std::array<std::byte, 8> nothing;
  EXPECT_EQ(lease.stream().try_read(nothing).status, IoStatus::kWouldBlock);
  update(at(origins[1]->port()));
  std::swap(origins[0], origins[1]);
  const Lease other = dial_tls("shop.example", second).value();
  EXPECT_FALSE(second.stream->resumed());
}

TEST_F(TlsPool, OtherWordsAboutTlsEndOldConnections) {
  start(with_tls("shop.example"));
  Server server;
  Lease lease = dial_tls("shop.example", server).value();
  update(with_tls("other.example"));
  lease.keep();
  EXPECT_EQ(pool->idle(), 0u);
  Server again;
  lease = dial_tls("shop.example", again).value();
  EXPECT_EQ(again.stream->server_name(), "other.example");
  update(with_tls("other.example"));
  lease.keep();
  EXPECT_EQ(pool->idle(), 1u) << "the same words, the same connections";
  update(with_tls("shop.example"));
  EXPECT_EQ(pool->idle(), 0u);
}

// A ticket that comes while it idles is taken in passing; its end is still seen behind it.
TEST_F(TlsPool, WhoIdlesIsWatchedBehindATicket) {
  start(with_tls());
  Server server;
  Lease lease = dial_tls("shop.example", server).value();
  lease.keep();
  settle(*loop);
  EXPECT_EQ(pool->idle(), 1u);
  server.stream->close(Close::kOrderly);
  settle(*loop);
  EXPECT_EQ(pool->idle(), 0u);
}

TEST_F(TlsPool, ABackendThatSaysNothingRunsOutOfTime) {
  start([this](PoolPlan& plan) { with_tls()(plan), plan.connect_timeout = 2s; });
  std::optional<Result<Lease>> done;
  spawn(*loop, arena, dial_into(arena, *pool, chosen(), "shop.example", loop->now(), done));
  const Peer silent = origins[0]->accept();
  settle(*loop);
  loop->advance(1990ms);
  EXPECT_FALSE(done);
  loop->advance(20ms);
  ASSERT_TRUE(done);
  EXPECT_THAT(done->error().message, HasSubstr("timeout"));
}

TEST_F(TlsPool, AuthoritiesThatCannotBeReadAreNotTheBackendsFault) {
  start([](PoolPlan& plan) {
    plan.tls = BackendTlsPlan{.server_name = "", .verify = true, .authorities = "/nowhere.pem"};
  });
  const auto refused = dial(chosen());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("/nowhere.pem"));
  EXPECT_EQ(cell(kConnectFailures), 0u);
}

}  // namespace
}  // namespace cardea::l7::upstream
