// Tunnels between two that speak TLS, each with us: WebSockets and a tcp service, and ends that TLS does not announce.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "l7/tls/context.h"
#include "tests/unit/l7/proxy/site.h"
#include "tests/unit/l7/proxy/tls_peer.h"
#include "tests/unit/l7/proxy/tunnel_texts.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7::proxy::test {
namespace {

using testing::HasSubstr;

// The services "wss" (http) and "hidden" (tcp) with TLS, before a pool that speaks it too.
struct TlsTunnel : testing::TestWithParam<const char*> {
  void add_service(image::PlanT& plan, const char* name, image::Mode mode, uint16_t number) const {
    auto certificate = std::make_unique<image::CertificateT>();
    certificate->name = certificate->cert = authority.path("shop.crt");
    certificate->key = authority.path("shop.key");
    auto service = l7::test::service(name, mode, number);
    if (mode == image::Mode::http) service->routes.push_back(route("/", 0));
    service->tls = std::make_unique<image::TlsT>();
    service->tls->certificates.push_back(std::move(certificate));
    plan.services.push_back(std::move(service));
  }
  void change(image::PlanT& plan) const {
    add_service(plan, "wss", image::Mode::http, 1);
    add_service(plan, "hidden", image::Mode::tcp, 2);
    plan.pools[0]->tls = std::make_unique<image::BackendTlsT>();
    plan.pools[0]->tls->verify = true;
    plan.pools[0]->tls->server_name = "shop.example";
    plan.pools[0]->tls->authorities = authority.own_certificate();
  }
  bool is_chat() const { return GetParam() == std::string_view("wss"); }

  void SetUp() override {
    client.emplace(site, *trusting, "shop.example", nullptr, GetParam());
    if (is_chat()) client->send(get("/chat", kWish));
    backend.emplace(site, *context, site.origin().accept());
    if (!is_chat()) return;
    EXPECT_THAT(backend->until("\r\n\r\n"), HasSubstr("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
    backend->send(kAccepted);
    EXPECT_THAT(client->until("\r\n\r\n"), HasSubstr("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
  }
  void expect_end(const char* detail) {
    const auto line = site.log_line();
    EXPECT_EQ(line["reason"], "ok");
    EXPECT_EQ(line.value("detail", ""), detail);
    EXPECT_EQ(line["tls"], "TLSv1.3");
    if (is_chat()) EXPECT_EQ(line["status"], 101);
  }

  tls::Authority authority;
  std::vector<std::shared_ptr<const tls::Certificate>> certificates{authority.issued("shop", {.names = {"shop.example"}})};
  std::unique_ptr<tls::CryptoLibrary> crypto = tls::CryptoLibrary::create().value();
  std::unique_ptr<tls::ServerContext> context =
      tls::ServerContext::create(*crypto, certificates, tls::TicketKeys::create().value()).value();
  std::unique_ptr<tls::ClientContext> trusting =
      tls::ClientContext::create(*crypto, {.verify = true, .authorities = authority.own_certificate()}).value();
  Site site{[this](image::PlanT& plan) { change(plan); }};
  std::optional<TlsPeer> client, backend;
};

TEST_P(TlsTunnel, CarriesBothWaysAndAnnouncesEnds) {
  for (int i = 0; i < 20; ++i) {
    client->send(pattern(40'000));
    backend->send(pattern(60'000));
    EXPECT_TRUE(backend->take(40'000) == pattern(40'000));
    EXPECT_TRUE(client->take(60'000) == pattern(60'000));
  }
  settle(site.loop());
  EXPECT_EQ(site.buffers_lent(), 0u) << "idle it holds nothing";
  EXPECT_TRUE(client->stream().shutdown_write().ok());
  IoResult end;
  EXPECT_EQ(backend->rest(end), "");
  EXPECT_EQ(end.error, 0);
  backend->send("last words");
  EXPECT_TRUE(backend->stream().shutdown_write().ok());
  EXPECT_EQ(client->rest(end), "last words");
  EXPECT_EQ(end.error, 0);
  expect_end("");
}

// Nothing of what came before is lost, the other half goes on, and the log knows.
TEST_P(TlsTunnel, AnEndOfABackendThatTlsDoesNotAnnounceIsAHalfThatCloses) {
  backend->send(pattern(100'000));
  backend->finish_unannounced();
  IoResult end;
  EXPECT_TRUE(client->rest(end) == pattern(100'000));
  EXPECT_EQ(end.status, IoStatus::kEnd);
  client->send("answer");
  EXPECT_EQ(backend->take(6), "answer");
  EXPECT_TRUE(client->stream().shutdown_write().ok());
  EXPECT_EQ(backend->rest(end), "");
  EXPECT_EQ(end.error, 0) << "which is announced";
  expect_end("truncated");
}

TEST_P(TlsTunnel, AnEndOfAClientThatTlsDoesNotAnnounceIsAHalfThatCloses) {
  client->send(pattern(100'000));
  client->finish_unannounced();
  IoResult end;
  EXPECT_TRUE(backend->rest(end) == pattern(100'000));
  EXPECT_EQ(end.status, IoStatus::kEnd);
  backend->send("answer");
  EXPECT_TRUE(backend->stream().shutdown_write().ok());
  EXPECT_EQ(client->rest(end), "answer");
  expect_end("truncated");
}

INSTANTIATE_TEST_SUITE_P(Kinds, TlsTunnel, testing::Values("wss", "hidden"), [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace cardea::l7::proxy::test
