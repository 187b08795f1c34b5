// WebSockets and tcp services: bytes both ways, halves that close, ends that are cut, and what the log says of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/l7/proxy/site.h"
#include "tests/unit/l7/proxy/tls_peer.h"
#include "tests/unit/l7/proxy/tunnel_texts.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(WebSocket, BecomesATunnelWithWhatBothSidesSentAhead) {
  Site site;
  Peer client = site.client();
  client.send(get("/chat?room=1", std::string(kWish) + "User-Agent: browser\r\n") + "early-up");
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.head(), HasSubstr("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_TRUE(backend.silent()) << "nothing of another protocol before it was agreed to";
  backend.send(std::string(kAccepted) + "early-down");
  EXPECT_THAT(client.head(), HasSubstr("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_EQ(client.take(10), "early-down");
  EXPECT_EQ(backend.take(8), "early-up");
  for (int i = 0; i < 20; ++i) {
    client.send(pattern(10'000));
    backend.send(pattern(20'000));
    EXPECT_EQ(backend.take(10'000), pattern(10'000));
    EXPECT_EQ(client.take(20'000), pattern(20'000));
  }
  settle(site.loop());
  EXPECT_EQ(site.buffers_lent(), 0u) << "idle it holds nothing";
  const size_t sent = backend.send_what_fits(std::string(20 << 20, 'd'));  // one buffer waits for the client
  settle(site.loop());
  client.send(pattern(20'000));
  EXPECT_EQ(backend.take(20'000), pattern(20'000));
  client.take(sent);
  client.close();
  EXPECT_EQ(backend.rest(), "");
  backend.close();
  const auto line = site.log_line();
  EXPECT_EQ(line["status"], 101);
  EXPECT_EQ(line["reason"], "ok");
  EXPECT_EQ(line["host"], "shop.example") << "as the client sent it, however long ago";
  EXPECT_EQ(line["path"], "/chat");
  EXPECT_EQ(line["query"], "room=1");
  EXPECT_EQ(line["method"], "GET");
  EXPECT_EQ(line["user_agent"], "browser");
  EXPECT_GE(line["bytes_in"], 200'008);
  EXPECT_GE(line["bytes_out"], 400'010);
}

// A client and a backend that agreed to it.
struct Chat {
  Chat() {
    client.send(get("/chat", kWish));
    backend.emplace(site.origin().accept());
    backend->head();
    backend->send(kAccepted);
    client.head();
  }
  Site site;
  Peer client = site.client();
  std::optional<Peer> backend;
};

TEST(WebSocket, ABackendMayDecline) {
  Site site;
  Peer client = site.client();
  client.send(get("/chat", kWish));
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("no", "", "403 Forbidden"));
  EXPECT_THAT(client.message(), HasSubstr("no"));
  EXPECT_TRUE(client.silent()) << "and HTTP goes on";
}

TEST(WebSocket, AHalfThatClosesLeavesTheOther) {
  Chat chat;
  auto& [site, client, far] = chat;
  Peer& backend = *far;
  backend.send("last words");
  backend.finish();
  EXPECT_EQ(client.rest(), "last words");
  client.send("answer");
  EXPECT_EQ(backend.take(6), "answer");
  client.finish();
  EXPECT_EQ(backend.rest(), "");
  EXPECT_EQ(site.log_line()["reason"], "ok");
}

TEST(WebSocket, EndsWhenNothingCameForItsTime) {
  Chat chat;
  auto& [site, client, far] = chat;
  Peer& backend = *far;
  for (int i = 0; i < 4; ++i) {
    site.advance(40s);
    i % 2 == 0 ? client.send("x") : backend.send("y");
    settle(site.loop());
  }
  EXPECT_EQ(client.take(2), "yy") << "either side keeps it open";
  site.advance(61s);
  client.rest();
  backend.until("xx");
  EXPECT_EQ(backend.rest(), "");
  EXPECT_EQ(site.log_line()["reason"], "idle_timeout");
}

TEST(TcpService, CarriesBytesAndHalfCloses) {
  Site site;
  Peer client = site.client("raw");
  Peer backend = site.origin().accept();
  backend.send("220 ready\r\n");
  EXPECT_EQ(client.until("\r\n"), "220 ready\r\n") << "the backend may speak first";
  client.send(pattern(300'000));
  client.finish();
  EXPECT_EQ(backend.rest(), pattern(300'000));
  backend.send(pattern(500'000));
  backend.close();
  EXPECT_EQ(client.rest(), pattern(500'000));
  EXPECT_FALSE(client.reset());
  const auto line = site.log_line();
  EXPECT_EQ(line["proto"], "tcp");
  EXPECT_EQ(line["reason"], "ok");
  EXPECT_FALSE(line.contains("detail")) << "nothing was cut off";
  EXPECT_EQ(line["bytes_in"], 300'000);
  EXPECT_EQ(line["bytes_out"], 500'011);
  EXPECT_EQ(site.value("cardea_l7_service_bytes_total", "service=\"raw\",direction=\"in\""), 300'000u);
  EXPECT_EQ(site.value("cardea_l7_service_bytes_total", "service=\"raw\",direction=\"out\""), 500'011u);
  EXPECT_EQ(site.value("cardea_l7_backend_requests_total"), 1u);
  EXPECT_EQ(site.value("cardea_l7_backend_connections"), 0u);
}

TEST(TcpService, ResetsGoThrough) {
  for (const bool by_client : {true, false}) {
    Site site;
    Peer client = site.client("raw");
    Peer backend = site.origin().accept();
    client.send("x");
    backend.take(1);
    Peer& other = by_client ? backend : client;
    (by_client ? client : backend).abort();
    other.rest();
    EXPECT_TRUE(other.reset());
    EXPECT_EQ(site.log_line()["reason"], by_client ? "client_closed" : "backend_reset");
  }
}

TEST(TcpService, TriesAnotherBackendAndSaysWhenThereIsNone) {
  Site site({}, 2);
  site.origin().refuse();
  Peer client = site.client("raw");
  Peer backend = site.origins[1]->accept();
  backend.send("served");
  EXPECT_EQ(client.take(6), "served");
  client.close(), backend.close();
  EXPECT_EQ(site.log_line()["attempts"], 2);
  EXPECT_EQ(site.value("cardea_l7_backend_retries_total"), 1u);
  site.origins[1]->refuse();
  Peer unlucky = site.client("raw");
  EXPECT_EQ(unlucky.rest(), "");
  EXPECT_TRUE(unlucky.reset());
  EXPECT_EQ(site.log_line()["reason"], "connect_failed");
}

TEST(TcpService, TriesAsManyAsItMayEachOnce) {
  for (const auto& [origins, attempts] : {std::pair{4u, 3u}, {2u, 2u}}) {
    Site site({}, origins);
    for (const auto& origin : site.origins) origin->refuse();
    Peer client = site.client("raw");
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(site.log_line()["attempts"], attempts);
    EXPECT_EQ(site.value("cardea_l7_backend_connect_failures_total"), attempts);
  }
}

// Both ends are done, and the kernel has what the client has not read yet.
TEST(TcpService, WhatIsStillToBeReadIsNotCutOff) {
  Site site;
  Peer client = site.client("raw");
  client.hold_little();
  Peer backend = site.origin().accept();
  client.finish();
  EXPECT_TRUE(backend.ended());
  backend.send(pattern(250'000));
  backend.close();
  for (int i = 0; i < 20; ++i) settle(site.loop());
  EXPECT_EQ(site.value("cardea_l7_connections"), 1u);
  EXPECT_TRUE(client.rest() == pattern(250'000));
  EXPECT_FALSE(client.reset());
  site.advance(250ms);  // it is looked at a few times a second
  EXPECT_EQ(site.log_line()["reason"], "ok");
}

// Of the text as much as is taken before anybody reads.
size_t fill(Site& site, Peer& sender, std::string_view text) {
  size_t sent = 0;
  for (int quiet = 0; quiet < 20;) {
    const size_t more = sender.send_what_fits(text.substr(sent));
    sent += more;
    quiet = more == 0 ? quiet + 1 : 0;
    settle(site.loop());
  }
  return sent;
}

TEST(TcpService, AReceiverThatDoesNotReadHoldsOneBufferAndTheSenderWaits) {
  Site site;
  Peer client = site.client("raw");
  client.hold_little();
  Peer backend = site.origin().accept();
  backend.hold_little();
  const std::string text = pattern(12 << 20);
  size_t sent = fill(site, backend, text);
  EXPECT_LT(sent, text.size()) << "the backend is made to wait";
  EXPECT_EQ(site.buffers_lent(), 16384u);
  std::string got;
  EXPECT_TRUE(run_until(site.loop(), [&] {
    sent += backend.send_what_fits(std::string_view(text).substr(sent));
    got += client.what_came();
    return got.size() >= text.size();
  }));
  EXPECT_TRUE(got == text);
}

// The tcp service "hidden" with TLS, and a client of it that would speak HTTP.
struct Hidden {
  Hidden() : site([this](image::PlanT& plan) { add_service(plan); }) {}
  void add_service(image::PlanT& plan) {
    authority.issue("mail", {.names = {"mail.example"}});
    auto certificate = std::make_unique<image::CertificateT>();
    certificate->name = certificate->cert = authority.path("mail.crt");
    certificate->key = authority.path("mail.key");
    auto hidden = l7::test::service("hidden", image::Mode::tcp, 1);
    hidden->tls = std::make_unique<image::TlsT>();
    hidden->tls->certificates.push_back(std::move(certificate));
    plan.services.push_back(std::move(hidden));
  }
  tls::Authority authority;
  Site site;
  std::unique_ptr<tls::CryptoLibrary> crypto = tls::CryptoLibrary::create().value();
  std::unique_ptr<tls::ClientContext> trusting =
      tls::ClientContext::create(*crypto, {.verify = true, .authorities = authority.own_certificate()}).value();
  TlsPeer client{site, *trusting, "mail.example", nullptr, "hidden"};
};

TEST(TcpService, PlainTextToItsTlsIsNotAnsweredByHttp) {
  Hidden hidden;
  Peer plain = hidden.site.client("hidden");
  plain.send(get("/"));
  EXPECT_THAT(plain.rest(), Not(HasSubstr("HTTP/1.1")));
  EXPECT_EQ(hidden.site.log_line()["reason"], "not_tls");
}

TEST(TcpService, OffersNoProtocolOfItsOwnInTls) {
  Hidden hidden;
  EXPECT_TRUE(hidden.client.done().ok()) << hidden.client.done().detail;
  EXPECT_EQ(hidden.client.stream().alpn(), "");
}

// Many clients end their TLS by the connection's end alone.
TEST(TcpService, AnEndThatTlsDoesNotAnnounceIsAHalfThatCloses) {
  Hidden hidden;
  Peer backend = hidden.site.origin().accept();
  hidden.client.send(pattern(100'000));
  hidden.client.finish_unannounced();
  EXPECT_EQ(backend.rest(), pattern(100'000));
  EXPECT_FALSE(backend.reset());
  backend.send("answer");
  backend.close();
  IoResult end;
  EXPECT_EQ(hidden.client.rest(end), "answer");
  EXPECT_EQ(end.error, 0);
  const auto line = hidden.site.log_line();
  EXPECT_EQ(line["reason"], "ok");
  EXPECT_EQ(line["detail"], "truncated");
}

// Both directions wait and go on in turn, thousands of times: what one coroutine's waiting takes must not stay behind.
TEST(Tunnel, GrowsByNothingHoweverMuchGoesThrough) {
  Site site;
  Peer client = site.client("raw");
  Peer backend = site.origin().accept();
  for (Peer* end : {&client, &backend}) end->hold_little();
  const std::string piece(64 << 10, 'p');
  const auto both_ways = [&](size_t bytes) {
    size_t up = 0, down = 0;
    ASSERT_TRUE(run_until(site.loop(), [&] {
      client.send_what_fits(piece), backend.send_what_fits(piece);
      site.loop().run_turn(0ns);
      up += backend.what_came().size(), down += client.what_came().size();
      return up >= bytes && down >= bytes;
    }));
  };
  both_ways(1 << 20);
  const size_t before = site.loop().chunks().lent();
  both_ways(16 << 20);
  EXPECT_EQ(site.loop().chunks().lent(), before);
}

TEST(Tunnel, WhoseReaderStopsIsIdle) {
  Site site;
  Peer client = site.client("raw");
  client.hold_little();
  Peer backend = site.origin().accept();
  fill(site, backend, std::string(64 << 20, 'x'));
  for (int i = 0; i < 300 && !backend.ended(); ++i) site.advance(1s);
  EXPECT_TRUE(backend.ended());
  EXPECT_EQ(site.log_line()["reason"], "idle_timeout");
  client.rest();
  EXPECT_TRUE(client.reset()) << "and what it did not take is not kept for it";
}

// What is written moves on in one direction; the silence of the other is no reason to end it.
TEST(Tunnel, IsNotIdleWhileASlowReaderReads) {
  Site site;
  Peer client = site.client("raw");
  client.hold_little();
  Peer backend = site.origin().accept();
  const size_t sent = backend.send_what_fits(std::string(20 << 20, 'd'));
  size_t got = 0;
  for (size_t steps = 0; got < sent;) {
    size_t more = 0;
    ASSERT_TRUE(run_until(site.loop(), [&] { return (more = client.what_came().size()) != 0 || client.reset(); }));
    ASSERT_FALSE(client.reset());
    got += more;
    if (got / (128 << 10) > steps) ++steps, site.advance(20s);
  }
}

// Its reset is read before the other direction waits for anything.
TEST(Tunnel, OfAClientThatIsGoneAlreadyEndsAtOnce) {
  Site site;
  Peer client = site.client("raw");
  client.abort();
  Peer backend = site.origin().accept();
  EXPECT_EQ(backend.rest(), "");
  EXPECT_EQ(site.log_line()["reason"], "client_closed");
}

// What runs through a tunnel has no end of its own: a service that is gone gives it a last while.
TEST(Tunnel, OfAServiceThatIsGoneEndsAfterALastWhile) {
  const auto without_raw = [](image::PlanT& plan) { plan.services.pop_back(); };
  enum { kOpen, kHalfClosed, kStuck, kDialling };
  for (const int state : {kOpen, kHalfClosed, kStuck, kDialling}) {
    SCOPED_TRACE(state);
    Site site;
    Peer client = site.client("raw");
    Peer backend = site.origin().accept();
    if (state != kDialling) settle(site.loop());
    if (state == kHalfClosed) {
      client.finish();
      EXPECT_TRUE(backend.ended());
    }
    size_t sent = 0;
    if (state == kStuck) sent = backend.send_what_fits(std::string(20 << 20, 'd'));
    site.adopt(without_raw);
    client.take(sent);
    backend.send("still here");
    EXPECT_EQ(client.take(10), "still here");
    site.advance(9s);
    EXPECT_TRUE(client.silent());
    if (state == kStuck) backend.send_what_fits(std::string(20 << 20, 'd')), settle(site.loop());
    site.advance(1100ms);
    client.rest();
    EXPECT_EQ(site.log_line()["reason"], "service_gone");
  }
}

}  // namespace
}  // namespace cardea::l7::proxy::test
