// Backends that authenticate connections (NTLM, Negotiate): the connection that was authenticated is one client's until
// it ends, whoever else asks meanwhile, and no step of a handshake is said to a connection that knows nothing of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "l7/cache/cache.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kOffer = "WWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: Negotiate, NTLM\r\n";
constexpr const char* kFirst = "Authorization: NTLM TlRMTVNTUAAB\r\n";
constexpr const char* kLast = "Authorization: NTLM TlRMTVNTUAAD\r\n";
constexpr const char* kChallenge = "WWW-Authenticate: NTLM TlRMTVNTUAAC\r\n";

std::string unauthorized(const char* fields) {
  return ok("who?", fields, "401 Unauthorized");
}

// One exchange on a connection that is there.
void exchange(Peer& client, Peer& backend, const std::string& request, const std::string& answer) {
  client.send(request);
  EXPECT_THAT(backend.message(), StartsWith(request.substr(0, request.find('\r'))));
  backend.send(answer);
  EXPECT_EQ(client.message().substr(0, 12), answer.substr(0, 12));
}

uint64_t owned(Site& site) {
  return site.value("cardea_l7_backend_own_connections");
}

// The connection's first exchange, wherever it goes.
Peer begin(Site& site, Peer& client, const std::string& request, const std::string& answer) {
  client.send(request);
  Peer backend = site.origins[site.called()]->accept();
  backend.message();
  backend.send(answer);
  client.message();
  return backend;
}

void one_connection(image::PlanT& plan) {
  plan.pools[0]->backends[0]->connections_max = 1;
}

// A client whose handshake is done.
struct Authenticated {
  explicit Authenticated(size_t origins = 1, const Site::Change& change = {})
      : site(change, origins), client(site.client()), backend(begin(site, client, get("/"), unauthorized(kOffer))) {
    exchange(client, backend, get("/", kFirst), unauthorized(kChallenge));
    exchange(client, backend, get("/", kLast), ok("hello alice"));
    for (int i = 0; i < 3; ++i) site.log_line();
  }
  Site site;
  Peer client, backend;
};

TEST(OwnConnection, IsNotGivenToAnotherClient) {
  Authenticated alice;
  EXPECT_EQ(owned(alice.site), 1u);
  Peer mallory = alice.site.client();
  Peer other = begin(alice.site, mallory, get("/secret"), ok("who are you?"));
  EXPECT_TRUE(alice.backend.silent());
  exchange(alice.client, alice.backend, get("/mine"), ok("alice's"));
  exchange(mallory, other, get("/again"), ok("x"));
  EXPECT_EQ(alice.site.value("cardea_l7_backend_connections"), 0u) << "nothing is under way";
}

TEST(OwnConnection, StaysTheClientsWhereverTheTurnIs) {
  Authenticated alice(3);
  for (int i = 0; i < 6; ++i) exchange(alice.client, alice.backend, get("/mine"), ok("alice's"));
  exchange(alice.client, alice.backend, post("/mine", "body"), ok("alice's"));
  EXPECT_TRUE(alice.site.log_line()["reused"]);
  EXPECT_EQ(alice.site.value("cardea_l7_backend_reused_total"), 9u);
}

// A hundred clients that think are no reason to refuse the next one; nor is one of theirs to go beyond the limit.
TEST(OwnConnection, TakesAPlaceOfTheBackendOnlyWhileAnExchangeIsUnderWay) {
  Authenticated alice(1, one_connection);
  Peer other = alice.site.client();
  other.send(get("/slow"));
  Peer second = alice.site.origins[0]->accept();
  second.message();
  alice.client.send(get("/mine"));
  EXPECT_THAT(alice.client.message(), StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(alice.site.log_line()["reason"], "backends_busy");
  second.send(ok("x"));
  EXPECT_THAT(other.message(), EndsWith("x"));
  exchange(alice.client, alice.backend, get("/mine"), ok("alice's"));
}

// Kerberos says all in the first request, and the backend may say nothing about it.
TEST(OwnConnection, IsOneFromTheFirstCredentialsOn) {
  Site site;
  Peer client = site.client(), other = site.client();
  Peer backend = begin(site, client, get("/", "Authorization: Negotiate YIIabc=\r\n"), ok("hello"));
  EXPECT_EQ(owned(site), 1u);
  Peer second = begin(site, other, get("/"), ok("x"));
  EXPECT_TRUE(backend.silent());
}

TEST(OwnConnection, NothingThatCameOverItIsStored) {
  const char* all = "Cache-Control: max-age=60, public\r\nETag: \"v1\"\r\n";
  Site site;
  Peer client = site.client(), other = site.client();
  begin(site, client, get("/cached/a", "Authorization: Negotiate YIIabc=\r\n"), ok("alice's", all));
  EXPECT_EQ(site.plan->caches[0].cache->figures().objects, 0u);
  Peer second = begin(site, other, get("/cached/a"), ok("offered", (std::string(kOffer) + all).c_str()));
  EXPECT_EQ(site.plan->caches[0].cache->figures().objects, 0u) << "it may be from here on";
}

// Nor does it renew what is stored: the whole is asked for, for this client alone.
TEST(OwnConnection, AConfirmationThatCameOverItIsForOneClient) {
  Site site;
  Peer client = site.client(), alice = site.client();
  Peer backend = begin(site, client, get("/cached/a"),
                       ok("all's", "Cache-Control: max-age=0, public, s-maxage=1\r\nETag: \"v1\"\r\n"));
  ASSERT_EQ(site.plan->caches[0].cache->figures().objects, 1u);
  site.advance(2s);
  alice.send(get("/cached/a", "Authorization: Negotiate YIIabc=\r\n"));
  EXPECT_THAT(backend.message(), HasSubstr("If-None-Match"));
  backend.send("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nX-User: alice\r\n\r\n");
  EXPECT_THAT(backend.message(), Not(HasSubstr("If-None-Match")));
  backend.send(ok("alice's"));
  EXPECT_THAT(alice.message(), EndsWith("alice's"));
  EXPECT_TRUE(backend.silent());
}

TEST(OwnConnection, OfNoOneWhereOnlyRequestsAreAuthenticated) {
  Site site;
  Peer client = site.client(), other = site.client();
  Peer backend = begin(site, client, get("/"), unauthorized("WWW-Authenticate: Basic realm=\"NTLM\"\r\n"));
  exchange(client, backend, get("/", "Authorization: Basic Og==\r\n"), ok("x"));
  EXPECT_EQ(owned(site), 0u);
  exchange(other, backend, get("/"), ok("x"));
}

// Nobody else's; what waited in the pool without having been authenticated is as good as new.
TEST(OwnConnection, MayHaveBeenEverybodysBefore) {
  Site site;
  Peer first = site.client(), client = site.client(), third = site.client();
  Peer backend = begin(site, first, get("/"), ok("x"));
  exchange(client, backend, get("/", kFirst), unauthorized(kChallenge));
  begin(site, third, get("/"), ok("x"));
  exchange(client, backend, get("/", kLast), ok("hello"));
}

TEST(OwnConnection, EndsWithTheClients) {
  Authenticated alice;
  alice.client.close();
  EXPECT_TRUE(run_until(alice.site.loop(), [&] { return alice.backend.ended(); }));
  EXPECT_EQ(owned(alice.site), 0u);
  EXPECT_EQ(alice.site.value("cardea_l7_backend_connections"), 0u);
}

TEST(OwnConnection, EndsBehindAnAnswerThatEndsTheClients) {
  Authenticated alice;
  alice.client.send(get("/", "Connection: close\r\n"));
  alice.backend.message();
  alice.backend.send(ok("bye"));
  alice.client.rest();
  EXPECT_TRUE(alice.backend.ended());
}

// What the client says next may be the last step of a handshake: it says it to nobody, and begins anew.
TEST(OwnConnection, TakesTheIdleClientsWithIt) {
  Site site;
  Peer client = site.client();
  Peer backend = begin(site, client, get("/", kFirst), unauthorized(kChallenge));
  backend.close();
  EXPECT_TRUE(run_until(site.loop(), [&] { return client.ended(); }));
  EXPECT_FALSE(client.reset());
  EXPECT_EQ(owned(site), 0u);
}

TEST(OwnConnection, AStepOfAHandshakeIsNotTakenElsewhere) {
  Site site({}, 2);
  Peer client = site.client();
  Peer backend = begin(site, client, get("/", kFirst), unauthorized(kChallenge));
  site.log_line();
  client.send(get("/", kLast));
  backend.message();
  backend.abort();
  EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 502 "));
  const auto line = site.log_line();
  EXPECT_EQ(line["attempts"], 1);
  for (const auto& origin : site.origins) EXPECT_TRUE(origin->nobody_called());
}

// The backend's end and the client's next step come in one turn.
TEST(OwnConnection, AStepOfAHandshakeIsNotSaidToAFreshConnection) {
  Site site;
  Peer client = site.client();
  Peer backend = begin(site, client, get("/", kFirst), unauthorized(kChallenge));
  client.send(get("/", kLast));
  backend.close();
  const std::string answer = client.rest();
  EXPECT_THAT(answer, testing::AnyOf(testing::IsEmpty(), StartsWith("HTTP/1.1 502 ")));
  EXPECT_TRUE(site.origin().nobody_called());
}

TEST(OwnConnection, AStepThatIsSaidToNobodyGivesItsPlaceBack) {
  Authenticated alice(1, one_connection);
  alice.client.send_what_fits(get("/", kLast));
  alice.site.loop().post([&] { alice.backend.close(); });
  EXPECT_THAT(alice.client.rest(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(alice.site.plan->pools[0]->backends[0].host->busy.now(), 0u);
}

// Whatever a backend does to it that the loop has not heard of yet: what cannot be repeated is not said to it.
TEST(OwnConnection, OneThatEndedUnheardGetsNothing) {
  for (const bool speaks : {false, true}) {
    Authenticated alice;
    alice.client.send_what_fits(post("/", "once"));
    alice.site.loop().post([&] { speaks ? (void)alice.backend.send_what_fits(ok("unasked")) : alice.backend.close(); });
    Peer fresh = alice.site.origin().accept();
    EXPECT_THAT(fresh.message(), HasSubstr("once"));
    fresh.send(unauthorized(kOffer));
    EXPECT_THAT(alice.client.rest(),
                testing::AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("\r\nConnection: close\r\n")))
        << "its authentication is gone with it";
  }
}

// It carries no credentials: a fresh connection will ask for them.
TEST(OwnConnection, ARequestWithoutCredentialsIsTriedElsewhere) {
  Authenticated alice;
  alice.client.send(get("/"));
  alice.backend.message();
  alice.backend.abort();
  Peer fresh = alice.site.origin().accept();
  fresh.message();
  fresh.send(unauthorized(kOffer));
  EXPECT_THAT(alice.client.message(), StartsWith("HTTP/1.1 401 "));
}

TEST(OwnConnection, OfABackendThatLeftIsNotUsedAgain) {
  for (const bool drained : {false, true}) {
    Authenticated alice(2);
    const size_t kept =
        alice.site.value("cardea_l7_backend_own_connections", alice.site.origins[0]->name()) == 1 ? 1 : 0;
    const auto without_it = [&](image::PlanT& plan) {
      auto& backends = plan.pools[0]->backends;
      if (drained) backends[1 - kept]->state = image::BackendState::drain;
      if (!drained) backends.erase(backends.begin() + (1 - kept));
    };
    drained ? alice.site.update_pools(without_it) : alice.site.adopt(without_it);
    alice.client.send(get("/"));
    Peer fresh = alice.site.origins[kept]->accept();
    fresh.message();
    fresh.send(unauthorized(kOffer));
    EXPECT_THAT(alice.client.message(), StartsWith("HTTP/1.1 401 "));
    EXPECT_TRUE(alice.backend.ended());
  }
}

// A reload took its backend: the step that follows is said to nobody.
TEST(OwnConnection, AStepOfAHandshakeIsNotSaidToABackendThatCameInstead) {
  Site site({}, 2);
  Peer client = site.client();
  Peer backend = begin(site, client, get("/", kFirst), unauthorized(kChallenge));
  const size_t kept = site.value("cardea_l7_backend_own_connections", site.origins[0]->name()) == 1 ? 1 : 0;
  site.adopt(
      [kept](image::PlanT& plan) { plan.pools[0]->backends.erase(plan.pools[0]->backends.begin() + (1 - kept)); });
  client.send(get("/", kLast));
  EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(site.origins[kept]->nobody_called());
}

// The client is still sending what nobody reads; the backend is not kept for that.
TEST(OwnConnection, EndsWhereItsClientIsOnlyHeardOut) {
  Authenticated alice(1, [](image::PlanT& plan) { plan.services[0]->routes[0]->hosts = {"shop.example"}; });
  alice.client.send("POST / HTTP/1.1\r\nHost: other.example\r\nContent-Length: 3000\r\n\r\n");
  EXPECT_THAT(alice.client.head(), StartsWith("HTTP/1.1 404 "));
  EXPECT_TRUE(alice.backend.ended());
  EXPECT_EQ(alice.site.value("cardea_l7_connections"), 1u);
}

// Credentials are in no request that follows, so nothing tells a cache that the answers are one user's.
TEST(OwnConnection, WhatComesOverItIsNotStored) {
  Authenticated alice;
  for (int i = 0; i < 2; ++i) {
    exchange(alice.client, alice.backend, get("/cached/mine"), ok("alice's", "Cache-Control: max-age=60\r\n"));
  }
  Peer other = alice.site.client();
  begin(alice.site, other, get("/cached/mine"), ok("who are you?"));
}

TEST(OwnConnection, OneClientOwnsFour) {
  Site site([](image::PlanT& plan) {
    for (int i = 1; i <= 5; ++i) {
      auto more = std::make_unique<image::PoolT>(*plan.pools[0]);
      more->name = "p" + std::to_string(i);
      plan.services[0]->routes.push_back(route("/" + std::to_string(i) + "/", uint32_t(plan.pools.size())));
      plan.pools.push_back(std::move(more));
    }
  });
  Peer client = site.client();
  std::vector<Peer> backends;
  for (int i = 1; i <= 5; ++i) {
    backends.push_back(begin(site, client, get("/" + std::to_string(i) + "/", kFirst), unauthorized(kChallenge)));
    EXPECT_EQ(owned(site), size_t(std::min(i, 4)));
  }
  EXPECT_EQ(site.value("cardea_l7_own_connections_replaced_total"), 1u);
  EXPECT_TRUE(backends[0].ended());
  exchange(client, backends[1], get("/2/", kLast), ok("x"));
  exchange(client, backends[4], get("/5/", kLast), ok("x"));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
