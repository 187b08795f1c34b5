// A connection from its handshake to its end, over reloads: TLS with what goes wrong in it, plans that change under
// exchanges and idle connections, the process' own end.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <ranges>

#include "l7/runtime/spawn.h"
#include "l7/tls/crypto_memory.h"
#include "tests/unit/l7/proxy/site.h"
#include "tests/unit/l7/proxy/tls_peer.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::unique_ptr<image::CertificateT> certificate(const tls::Authority& authority, const std::string& name) {
  auto made = std::make_unique<image::CertificateT>();
  made->name = made->cert = authority.path(name + ".crt");
  made->key = authority.path(name + ".key");
  return made;
}

// The service "secure" beside the others, for shop.example and blog.example.
struct Secure {
  explicit Secure(const Site::Change& more = {})
      : authority(issued()), site([this, more](image::PlanT& plan) {
          add_service(plan);
          if (more) more(plan);
        }) {}
  static std::unique_ptr<tls::Authority> issued() {
    auto made = std::make_unique<tls::Authority>();
    made->issue("shop", {.names = {"shop.example"}});
    made->issue("blog", {.names = {"blog.example"}});
    return made;
  }
  void add_service(image::PlanT& plan) const {
    auto secure = l7::test::service("secure", image::Mode::http, 1);
    secure->routes.push_back(route("/", 0));
    secure->tls = std::make_unique<image::TlsT>();
    for (const char* name : {"shop", "blog"}) secure->tls->certificates.push_back(certificate(*authority, name));
    plan.services.push_back(std::move(secure));
  }
  Site::Change as_it_is() const {
    return [this](image::PlanT& plan) { add_service(plan); };
  }
  void serve(TlsPeer& client, const std::string& word) {
    client.send(get("/"));
    if (!backend) backend.emplace(site.origin().accept());
    EXPECT_THAT(backend->message(), HasSubstr("\r\nX-Forwarded-Proto: https\r\n"));
    backend->send(ok(word));
    EXPECT_THAT(client.message(), HasSubstr("\r\n\r\n" + word));
  }

  std::unique_ptr<tls::Authority> authority;
  Site site;
  std::unique_ptr<tls::CryptoLibrary> crypto = tls::CryptoLibrary::create().value();
  std::unique_ptr<tls::ClientContext> trusting =
      tls::ClientContext::create(*crypto, {.verify = true, .authorities = authority->own_certificate()}).value();
  std::optional<Peer> backend;
};

TEST(SecureSession, ServesEachHostWithItsCertificate) {
  Secure secure;
  for (const char* host : {"shop.example", "blog.example"}) {
    TlsPeer client(secure.site, *secure.trusting, host);
    ASSERT_TRUE(client.done().ok()) << host << client.done().detail;
    EXPECT_EQ(client.stream().alpn(), "http/1.1");
    secure.serve(client, host);
    secure.serve(client, "again");
  }
  EXPECT_EQ(secure.site.value("cardea_l7_service_tls_handshakes_total", "secure"), 2u);
  EXPECT_EQ(secure.site.log_line()["tls"], "TLSv1.3");
}

TEST(SecureSession, AResumptionSurvivesReloads) {
  Secure secure;
  tls::SessionSlot session;
  for (int reload = 0; reload < 3; ++reload) {
    TlsPeer client(secure.site, *secure.trusting, "shop.example", &session);
    ASSERT_TRUE(client.done().ok()) << client.done().detail;
    EXPECT_EQ(client.stream().resumed(), reload > 0);
    secure.serve(client, "x");
    secure.site.adopt(secure.as_it_is());
  }
  EXPECT_EQ(secure.site.value("cardea_l7_service_tls_resumed_total", "secure"), 2u);
}

// A reload that adds one, beside those that stay.
TEST(SecureSession, ABackendConnectionThatWasAuthenticatedIsNotGivenToAnotherTlsClient) {
  Secure secure;
  Site& site = secure.site;
  TlsPeer alice(site, *secure.trusting, "shop.example"), mallory(site, *secure.trusting, "shop.example");
  alice.send(get("/", "Authorization: NTLM x\r\n"));
  Peer authenticated = site.origin().accept();
  authenticated.message();
  authenticated.send(ok("hello alice"));
  alice.message();
  mallory.send(get("/"));
  Peer other = site.origin().accept();
  other.message();
  other.send(ok("who are you?"));
  EXPECT_THAT(mallory.message(), HasSubstr("who"));
  alice.send(get("/mine"));
  EXPECT_THAT(authenticated.message(), HasSubstr("/mine"));
}

// As in the process: before anything of OpenSSL is used.
[[maybe_unused]] const bool kCryptoMemory = (tls::keep_crypto_memory(), true);

// Of 16 KB that were promised nothing comes, or the record's head itself is not whole.
constexpr std::string_view kPromise("\x17\x03\x03\x40\x00", 5), kHalfHead = kPromise.substr(0, 3);

TEST(SecureSession, WhatOpenSslHoldsOfARecordIsCounted) {
  Secure secure;
  Site& site = secure.site;
  for (const std::string_view half : {kPromise, kHalfHead}) {
    {
      TlsPeer client(site, *secure.trusting, "shop.example");
      ASSERT_EQ(site.shard->buffers().used(), 0u);
      client.send_below(half);
      EXPECT_GT(site.shard->buffers().used(), 16384u);
      EXPECT_EQ(site.buffers_lent(), 0u);
    }
    EXPECT_TRUE(run_until(site.loop(), [&] { return site.value("cardea_l7_connections") == 0; }));
    EXPECT_EQ(site.shard->buffers().used(), 0u);
  }
}

TEST(SecureSession, TheOldestRecordThatIsNotWholeGivesWay) {
  constexpr size_t kBound = 256 * 1024, kOne = 17 * 1024, kMost = kBound / 4 * 3 / kOne;
  Secure secure([](image::PlanT& plan) { plan.settings->buffer_bytes_max = kBound; });
  Site& site = secure.site;
  std::vector<std::unique_ptr<TlsPeer>> holders;
  for (size_t i = 0; i < kMost + 3; ++i) {
    holders.push_back(std::make_unique<TlsPeer>(site, *secure.trusting, "shop.example"));
    holders.back()->send_below(kPromise);
    EXPECT_LE(site.shard->buffers().used(), kBound / 4 * 3 + kOne);
  }
  EXPECT_TRUE(run_until(site.loop(), [&] { return site.value("cardea_l7_connections") == kMost; }));
  EXPECT_EQ(site.value("cardea_l7_heads_ended_total"), 3u);
  IoResult end;
  holders.front()->rest(end);
  EXPECT_EQ(end.status, IoStatus::kEnd);
  Peer plain = site.client();
  plain.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("served"));
  EXPECT_THAT(plain.message(), HasSubstr("served"));
}

TEST(SecureSession, ASecondCertificateIsServedFromTheReloadOn) {
  Secure secure;
  secure.authority->issue("mail", {.names = {"mail.example"}});
  {
    TlsPeer early(secure.site, *secure.trusting, "mail.example");
    EXPECT_FALSE(early.done().ok()) << "nobody has a certificate for it yet";
  }
  const auto with_mail = [&](image::PlanT& plan) {
    secure.add_service(plan);
    plan.services.back()->tls->certificates.push_back(certificate(*secure.authority, "mail"));
  };
  secure.site.adopt(with_mail);
  for (const char* host : {"mail.example", "blog.example", "shop.example"}) {
    TlsPeer client(secure.site, *secure.trusting, host);
    EXPECT_TRUE(client.done().ok()) << host << client.done().detail;
  }
  secure.site.adopt(secure.as_it_is());
  TlsPeer late(secure.site, *secure.trusting, "mail.example");
  EXPECT_FALSE(late.done().ok()) << "nor when it is gone again";
}

TEST(SecureSession, ANewCertificateIsShownToNewConnectionsAndBreaksNoOldOne) {
  Secure secure;
  TlsPeer old(secure.site, *secure.trusting, "shop.example");
  secure.serve(old, "before");
  secure.authority->issue("shop", {.names = {"shop.example", "new.example"}});
  secure.site.adopt(secure.as_it_is());
  TlsPeer fresh(secure.site, *secure.trusting, "new.example");
  EXPECT_TRUE(fresh.done().ok()) << fresh.done().detail;
  secure.serve(old, "after");
  secure.serve(fresh, "too");
}

TEST(SecureSession, SessionsEndWithTheKeysThatMadeThem) {
  Secure secure;
  tls::SessionSlot session;
  for (const bool resumed : {false, true, false}) {
    if (session.get() && !resumed) secure.site.shard->set_ticket_keys(tls::TicketKeys::create().value());
    TlsPeer client(secure.site, *secure.trusting, "shop.example", &session);
    ASSERT_TRUE(client.done().ok()) << client.done().detail;
    EXPECT_EQ(client.stream().resumed(), resumed);
    secure.serve(client, "x");
  }
}

TEST(SecureSession, ANewLowestVersionHoldsFromTheReloadOn) {
  Secure secure;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  SSL* ssl = SSL_new(context);
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl);
  SSL_do_handshake(ssl);
  std::string old_hello(4096, '\0');
  old_hello.resize(size_t(BIO_read(SSL_get_wbio(ssl), old_hello.data(), int(old_hello.size()))));
  SSL_free(ssl);
  SSL_CTX_free(context);
  constexpr std::string_view kHandshake("\x16", 1), kAlert("\x15", 1);
  Peer before = secure.site.client("secure");
  before.send(old_hello);
  EXPECT_EQ(before.take(1), kHandshake);
  secure.site.adopt([&](image::PlanT& plan) {
    secure.add_service(plan);
    plan.services.back()->tls->version_min = TLS1_3_VERSION;
  });
  Peer after = secure.site.client("secure");
  after.send(old_hello);
  EXPECT_EQ(after.take(1), kAlert);
  EXPECT_EQ(secure.site.log_line()["reason"], "version");
}

TEST(SecureSession, PlainHttpIsToldSo) {
  Secure secure;
  Peer client = secure.site.client("secure");
  client.send(get("/"));
  const std::string response = client.rest();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(response.ends_with("\r\n\r\nBad Request: not_tls\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nContent-Length: 22\r\n"));
  EXPECT_FALSE(client.reset());
  const auto line = secure.site.log_line();
  EXPECT_EQ(line["reason"], "not_tls");
  EXPECT_EQ(line["proto"], "tls");
  EXPECT_EQ(secure.site.value("cardea_l7_service_tls_failures_total", "secure"), 1u);
  EXPECT_EQ(secure.site.value("cardea_l7_service_requests_total", "secure"), 0u);
}

// What OpenSSL's client begins with.
std::string hello() {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = SSL_new(context);
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl);
  SSL_do_handshake(ssl);
  std::string text(4096, '\0');
  text.resize(size_t(BIO_read(SSL_get_wbio(ssl), text.data(), int(text.size()))));
  SSL_free(ssl);
  SSL_CTX_free(context);
  return text;
}

TEST(SecureSession, TextInsideAHandshakeIsAnsweredByAnAlertOnly) {
  Secure secure;
  Peer client = secure.site.client("secure");
  client.send(hello());
  EXPECT_EQ(client.take(3), std::string("\x16\x03\x03", 3)) << "the server's hello";
  client.send(get("/"));
  const std::string answer = client.rest();
  EXPECT_THAT(answer, Not(HasSubstr("HTTP/1.1")));
  ASSERT_GT(answer.size(), 24u);
  EXPECT_EQ(answer.substr(answer.size() - 24, 5), std::string("\x17\x03\x03\x00\x13", 5)) << "an alert, encrypted";
  EXPECT_FALSE(client.reset());
}

TEST(SecureSession, AClientThatFloodsIsCutOffAndOthersAreServed) {
  Secure secure;
  TlsPeer loud(secure.site, *secure.trusting, "shop.example"), other(secure.site, *secure.trusting, "shop.example");
  ASSERT_TRUE(loud.done().ok());
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(SSL_key_update(loud.stream().ssl(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    if (SSL_do_handshake(loud.stream().ssl()) != 1) break;  // the socket takes no more
  }
  secure.serve(other, "calm");
  IoResult end;
  EXPECT_EQ(loud.rest(end), "");
  EXPECT_EQ(secure.site.value("cardea_l7_tls_floods_total"), 1u);
  EXPECT_EQ(secure.site.value("cardea_l7_service_connections", "secure"), 1u);
}

// What a backend answers, and how it ends.
struct Says {
  enum End { kGoesOn, kSaysSo, kIsCut };
  std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
  End then = kGoesOn;
};

// A pool that speaks TLS for the request's host, and its one backend with a certificate for shop.example.
struct SecureBackend {
  SecureBackend()
      : site([this](image::PlanT& plan) {
          plan.pools[0]->tls = std::make_unique<image::BackendTlsT>();
          plan.pools[0]->tls->verify = true;
          plan.pools[0]->tls->authorities = authority.own_certificate();
        }) {}
  ~SecureBackend() { site.loop().end_tasks(); }

  static Task<> answer(Arena&, tls::TlsStream& stream, KernelStream& below, Says says) {
    std::array<std::byte, 4096> request;
    const tls::Handshake done = co_await stream.handshake(kNever);
    if (!done.ok()) co_return;
    const IoResult read = co_await stream.read(request, kNever);
    if (!read.ok()) co_return;
    co_await stream.write_all(says.text, kNever);
    if (says.then == Says::kSaysSo) stream.close(Close::kOrderly);
    if (says.then == Says::kIsCut) below.close(Close::kOrderly);
  }
  std::string ask(const std::string& host, const Says& says = {}) {
    Peer client = site.client();
    client.send("GET / HTTP/1.1\r\nHost: " + host + (says.then == Says::kGoesOn ? "" : "\r\nConnection: close") +
                "\r\n\r\n");
    Peer accepted = site.origin().accept();
    KernelStream tcp(site.loop(), FileDescriptor(::fcntl(accepted.fd(), F_DUPFD_CLOEXEC, 3)), Endpoint{});
    accepted.close();
    tls::TlsStream stream(*context, tcp);
    spawn(site.loop(), arena, answer(arena, stream, tcp, says));
    std::string got = says.then == Says::kGoesOn ? client.message() : client.rest();
    stream.cancel();
    settle(site.loop());
    return got;
  }

  tls::Authority authority;
  std::vector<std::shared_ptr<const tls::Certificate>> certificates{
      authority.issued("shop", {.names = {"shop.example"}})};
  std::unique_ptr<tls::CryptoLibrary> crypto = tls::CryptoLibrary::create().value();
  std::unique_ptr<tls::ServerContext> context =
      tls::ServerContext::create(*crypto, certificates, tls::TicketKeys::create().value()).value();
  ChunkPool chunks;
  Arena arena{chunks};
  Site site;
};

TEST(SecureBackends, ANameWithoutACertificateIsTheRequestsFailure) {
  SecureBackend backend;
  for (int i = 0; i < 4; ++i) {
    EXPECT_THAT(backend.ask("evil.example"),
                HasSubstr("\r\nProxy-Status: cardea; error=tls_certificate_error; details=\"name_refused\"\r\n"));
    const auto line = backend.site.log_line();
    EXPECT_EQ(line["reason"], "name_refused");
    EXPECT_THAT(line["detail"].get<std::string>(), HasSubstr("hostname mismatch"));
  }
  EXPECT_EQ(backend.site.value("cardea_l7_backend_connect_failures_total"), 0u);
  EXPECT_THAT(backend.ask("shop.example"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(backend.ask("shop.example."), StartsWith("HTTP/1.1 200 OK\r\n"));
}

// Where only the connection's end ends a body, TLS tells whether that was all of it.
TEST(SecureBackends, ABodyThatEndsWithACutConnectionIsTruncated) {
  constexpr std::string_view kOpen = "HTTP/1.1 200 OK\r\n\r\nsome of it";
  SecureBackend backend;
  EXPECT_THAT(backend.ask("shop.example", {kOpen, Says::kSaysSo}), HasSubstr("some of it\r\n0\r\n\r\n"));
  EXPECT_EQ(backend.site.log_line()["reason"], "ok");
  EXPECT_THAT(backend.ask("shop.example", {kOpen, Says::kIsCut}),
              testing::AllOf(HasSubstr("some of it"), Not(HasSubstr("0\r\n\r\n"))));
  EXPECT_EQ(backend.site.log_line()["reason"], "response_truncated");
  EXPECT_EQ(backend.site.value("cardea_l7_backend_failures_total"), 1u);
}

TEST(SecureSession, GarbageAndSilenceEndTheConnection) {
  Secure secure;
  Peer garbage = secure.site.client("secure");
  garbage.send(std::string(100, '\0'));
  garbage.rest();
  EXPECT_EQ(secure.site.log_line()["reason"], "not_tls");
  Peer silent = secure.site.client("secure");
  silent.send("\x16\x03\x01");
  settle(secure.site.loop());
  secure.site.advance(10100ms);
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(secure.site.log_line()["reason"], "timeout");
  EXPECT_EQ(secure.site.value("cardea_l7_service_connections", "secure"), 0u);
}

TEST(SecureSession, TheEndIsACloseNotify) {
  Secure secure;
  TlsPeer client(secure.site, *secure.trusting, "shop.example");
  client.send(get("/", "Connection: close\r\n"));
  Peer backend = secure.site.origin().accept();
  backend.message();
  backend.send(ok("last"));
  IoResult end;
  EXPECT_THAT(client.rest(end), HasSubstr("\r\n\r\nlast"));
  EXPECT_EQ(end.status, IoStatus::kEnd);
  EXPECT_EQ(end.error, 0);
}

// A body that only the connection's end could end must not pass for whole when it is not: no close_notify then.
TEST(SecureSession, ATruncatedBodyHasNoCloseNotify) {
  Secure secure;
  TlsPeer client(secure.site, *secure.trusting, "shop.example");
  client.send("GET / HTTP/1.0\r\nHost: shop.example\r\n\r\n");
  Peer backend = secure.site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  client.until("abc");
  backend.close();
  IoResult end;
  client.rest(end);
  EXPECT_NE(end.error, 0) << "name: " << name(end.status);
}

TEST(SecureSession, AClientThatIsCutEndsItsExchange) {
  Secure secure;
  TlsPeer client(secure.site, *secure.trusting, "shop.example");
  client.send(get("/"));
  Peer backend = secure.site.origin().accept();
  backend.message();
  client.cut();
  EXPECT_TRUE(backend.ended());
  EXPECT_EQ(secure.site.log_line()["reason"], "client_closed");
}

TEST(SecureSession, AClientThatClosedOnlyItsHalfIsAnswered) {
  Secure secure;
  TlsPeer client(secure.site, *secure.trusting, "shop.example");
  client.send(get("/"));
  EXPECT_TRUE(client.stream().shutdown_write().ok());
  Peer backend = secure.site.origin().accept();
  backend.message();
  settle(secure.site.loop());
  backend.send(ok("answered"));
  IoResult end;
  EXPECT_THAT(client.rest(end), HasSubstr("\r\n\r\nanswered"));
  EXPECT_EQ(end.error, 0);
}

TEST(SecureSession, PipelinedRequestsInOneRecordAreAllServed) {
  Secure secure;
  TlsPeer client(secure.site, *secure.trusting, "shop.example");
  std::string all;
  for (int i = 0; i < 30; ++i) all += get("/" + std::to_string(i), "X: " + std::string(400, 'x') + "\r\n");
  client.send(all);
  Peer backend = secure.site.origin().accept();
  for (int i = 0; i < 30; ++i) {
    EXPECT_THAT(backend.message(), StartsWith("GET /" + std::to_string(i) + " "));
    backend.send(ok(std::to_string(i)));
    EXPECT_THAT(client.message(), HasSubstr("\r\n\r\n" + std::to_string(i)));
  }
}

// ------------------------------------------------------------------ plans that change

TEST(Reload, AnExchangeUnderWayEndsUnderItsOwnPlan) {
  Site site({}, 2);
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  site.adopt([](image::PlanT& plan) {
    plan.pools[0]->backends.erase(plan.pools[0]->backends.begin());
    plan.services[0]->routes[0]->name = "renamed";
  });
  backend.send(ok("old"));
  EXPECT_THAT(client.message(), HasSubstr("\r\n\r\nold"));
  const auto line = site.log_line();
  EXPECT_EQ(line["route"], "/");
  EXPECT_EQ(line["gen"], 1);
  EXPECT_TRUE(backend.ended()) << "it is in no plan any more";
  client.send(get("/"));
  Peer next = site.origins[1]->accept();
  next.message();
  next.send(ok("new"));
  EXPECT_THAT(client.message(), HasSubstr("\r\n\r\nnew"));
  EXPECT_EQ(site.log_line()["route"], "renamed");
}

TEST(Reload, IdleConnectionsOnBothSidesStay) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  for (int i = 0; i < 20; ++i) {
    backend.message();
    backend.send(ok("x"));
    client.message();
    site.adopt({});
    client.send(get("/"));
  }
  backend.message();
  EXPECT_TRUE(site.origin().nobody_called());
}

TEST(Reload, AServiceThatIsGoneClosesWhatIsIdleAndFinishesWhatIsNot) {
  Site site;
  Peer idle = site.client(), busy = site.client(), half = site.client();
  busy.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  half.send("GET / HTTP/1.1\r\n");
  settle(site.loop());
  site.adopt([](image::PlanT& plan) { plan.services.erase(plan.services.begin()); });
  EXPECT_EQ(idle.rest(), "");
  EXPECT_FALSE(idle.reset());
  backend.send(ok("finished"));
  EXPECT_THAT(busy.rest(), testing::AllOf(HasSubstr("\r\nConnection: close\r\n"), HasSubstr("finished")));
  half.send("Host: shop.example\r\n\r\n");
  backend.message();
  backend.send(ok("too"));
  EXPECT_THAT(half.rest(), HasSubstr("too"));
  settle(site.loop());
  EXPECT_EQ(site.value("cardea_l7_connections"), 0u);
}

TEST(Reload, PoolsChangeUnderAnExchange) {
  Site site({}, 2);
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  site.update_pools([](image::PlanT& plan) { plan.pools[0]->backends[0]->state = image::BackendState::down; });
  backend.send(ok("still"));
  EXPECT_THAT(client.message(), HasSubstr("still"));
  for (int i = 0; i < 3; ++i) {
    client.send(get("/"));
    Peer other = site.origins[1]->accept();
    other.message();
    other.send(ok("other", "Connection: close\r\n"));
    EXPECT_THAT(client.message(), HasSubstr("other"));
  }
}

// Under the same name and at the same place: who is connected ends as with a service that is gone.
TEST(Reload, AServiceThatBecomesAnotherKindBeginsAnew) {
  Site site;
  Peer idle = site.client();
  settle(site.loop());
  site.adopt([](image::PlanT& plan) {
    plan.services[0]->mode = image::Mode::tcp;
    plan.services[0]->routes.clear();
  });
  EXPECT_EQ(idle.rest(), "");
  Peer client = site.client();
  client.send("no HTTP");
  EXPECT_EQ(site.origin().accept().take(7), "no HTTP");
  tls::Authority authority;
  authority.issue("shop", {.names = {"shop.example"}});
  site.adopt({});
  Peer plain = site.client();
  settle(site.loop());
  site.adopt([&](image::PlanT& plan) {
    plan.services[0]->tls = std::make_unique<image::TlsT>();
    plan.services[0]->tls->certificates.push_back(certificate(authority, "shop"));
  });
  EXPECT_EQ(plain.rest(), "");
  Peer late = site.client();
  late.send(get("/"));
  EXPECT_THAT(late.rest(), HasSubstr("not_tls"));
}

TEST(Reload, SmallerBuffersAndOtherLimitsHoldFromTheNextRequestOn) {
  Site site([](image::PlanT& plan) { plan.services[0]->header_bytes_max = 64 << 10; });
  Peer client = site.client();
  const std::string large = get("/", "X: " + std::string(40'000, 'x') + "\r\n");
  client.send(large);
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), HasSubstr(std::string(40'000, 'x')));
  site.adopt([](image::PlanT& plan) { plan.services[0]->header_bytes_max = 8 << 10; });
  backend.send(ok("x"));
  client.message();
  settle(site.loop());
  EXPECT_EQ(site.buffers_lent(), 0u);
  client.send(large);
  EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 431 "));
}

TEST(Drain, TakesWhatWaitsFinishesWhatRunsAndClosesTheRest) {
  Site site;
  Peer idle = site.client(), busy = site.client();
  busy.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  settle(site.loop());
  Peer queued = site.client();  // connected, not accepted yet
  queued.send(get("/queued"));
  site.shard->drain();
  EXPECT_EQ(idle.rest(), "");
  Peer second = site.origin().accept();
  EXPECT_THAT(second.message(), StartsWith("GET /queued "));
  second.send(ok("served"));
  EXPECT_THAT(queued.rest(), HasSubstr("served"));
  backend.send(ok("finished"));
  EXPECT_THAT(busy.rest(), HasSubstr("finished"));
  settle(site.loop());
  EXPECT_EQ(site.shard->connections(), 0u);
}

// Another process listens with the same socket: who waits to be accepted is for that one, and nobody is let fall.
TEST(PassOn, LeavesWhatIsQueuedToTheOtherProcessAndHearsItsOwnOut) {
  Site site;
  Peer idle = site.client(), busy = site.client();
  busy.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  settle(site.loop());
  auto sockets = site.shard->listening_sockets();
  ASSERT_EQ(sockets.size(), 2u);
  site.shard->pass_on({std::views::keys(sockets).begin(), std::views::keys(sockets).end()});
  EXPECT_EQ(site.shard->leaving_listeners(), 0u);
  Peer queued = site.client();
  queued.send(get("/queued"));
  settle(site.loop());
  EXPECT_EQ(site.value("cardea_l7_connections"), 2u) << "not let in here";
  backend.send(ok("finished"));
  EXPECT_THAT(busy.rest(), testing::AllOf(HasSubstr("\r\nConnection: close\r\n"), HasSubstr("finished")));
  EXPECT_TRUE(idle.silent()) << "still open";
  idle.send(get("/last"));
  EXPECT_THAT(backend.message(), StartsWith("GET /last "));
  backend.send(ok("served"));
  EXPECT_THAT(idle.rest(), testing::AllOf(HasSubstr("\r\nConnection: close\r\n"), HasSubstr("served")));
  EXPECT_FALSE(idle.reset());
  settle(site.loop());
  EXPECT_EQ(site.shard->connections(), 0u);
}

TEST(PassOn, WhatTheOtherProcessHasNotTakenLeavesAsItWould) {
  Site site;
  site.shard->pass_on({});
  EXPECT_EQ(site.shard->leaving_listeners(), 2u);
}

TEST(PassOn, ATunnelGoesOn) {
  Site site;
  Peer client = site.client("raw");
  Peer backend = site.origin().accept();
  settle(site.loop());
  auto sockets = site.shard->listening_sockets();
  site.shard->pass_on({std::views::keys(sockets).begin(), std::views::keys(sockets).end()});
  site.advance(11s);
  client.send("bytes");
  EXPECT_EQ(backend.take(5), "bytes");
}

// An idle connection and a request that cross.
TEST(Drain, ARequestThatCameBeforeItIsAnswered) {
  Site site;
  Peer client = site.client();
  client.send(get("/first"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x"));
  client.message();
  settle(site.loop());
  client.send_what_fits(get("/second"));
  site.shard->drain();
  EXPECT_THAT(backend.message(), StartsWith("GET /second "));
  backend.send(ok("served"));
  EXPECT_THAT(client.rest(), testing::AllOf(HasSubstr("\r\nConnection: close\r\n"), HasSubstr("served")));
}

// Whatever state its connections are in, a shard that ends takes them with it.
TEST(ShardEnd, LeavesNothingBehindInTheMiddleOfThings) {
  std::vector<Peer> peers;
  auto site = std::make_unique<Site>();
  Loop& loop = site->loop();
  const auto client = [&](const char* service, const std::string& text) {
    peers.push_back(site->client(service));
    peers.back().send(text);
    settle(loop);
  };
  client("shop", "");
  client("shop", "GET / HT");
  client("shop", get("/waits"));
  client("shop", get("/", "Content-Length: 100\r\n", "POST") + "some");
  client("raw", "bytes");
  client("shop", get("/cached/a"));
  while (!site->origin().nobody_called()) peers.push_back(site->origin().accept());
  peers.back().send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100\r\n\r\nhalf");
  settle(loop);
  EXPECT_EQ(site->shard->connections(), 6u);
  EXPECT_GT(site->buffers_lent(), 0u);
  site.reset();
}

}  // namespace
}  // namespace cardea::l7::proxy::test
