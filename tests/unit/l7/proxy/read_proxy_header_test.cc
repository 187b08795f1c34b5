// The PROXY protocol from load balancers in front: who they name is the client everywhere, and from nobody else is such a
// word believed.
#include "l7/proxy/read_proxy_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"
#include "tests/unit/l7/proxy/tls_peer.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kLine = "PROXY TCP4 192.0.2.7 203.0.113.10 51000 8443\r\n";
const std::string kLocal = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s;
constexpr const char* kRefused = "cardea_l7_service_proxy_headers_refused_total";

std::string binary(const std::string& facts = "") {
  std::array<char, kProxyHeaderMax> room;
  const ProxyHeader header{.source = Endpoint::parse("[2001:db8::7]:51000").value(),
                           .destination = Endpoint::parse("[2001:db8::10]:8443").value()};
  std::string bytes(write_proxy_header(room, ProxyVersion::kV2, header));
  bytes.resize(16 + 36);  // without its checksum
  bytes += facts;
  bytes[14] = char((bytes.size() - 16) >> 8), bytes[15] = char(bytes.size() - 16);
  return bytes;
}

// Connections from these networks begin with a header.
Site::Change from(const std::string& address, uint8_t length, const Site::Change& also = {}) {
  return [=](image::PlanT& plan) {
    for (auto& service : plan.services) service->proxy_from = {{l7::test::address(address), length}};
    if (also) also(plan);
  };
}
const Site::Change kTrusting = from("127.0.0.0", 8);

// What the backend is asked.
std::string asked(Site& site, Peer& client, const std::string& bytes) {
  client.send(bytes);
  Peer backend = site.origin().accept();
  const std::string head = backend.head();
  backend.send(ok("x"));
  client.message();
  return head;
}

TEST(ReadProxyHeader, WhoItNamesIsTheClient) {
  Site site(kTrusting);
  Peer four = site.client(), six = site.client();
  const std::string head = asked(site, four, kLine + get("/1"));
  EXPECT_THAT(head, HasSubstr("\r\nX-Forwarded-For: 192.0.2.7\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nX-Forwarded-Port: 8443\r\n"));
  auto line = site.log_line();
  EXPECT_EQ(line["client"], "192.0.2.7:51000");
  EXPECT_EQ(line["listener"], "203.0.113.10:8443");
  EXPECT_THAT(asked(site, six, binary() + get("/2")), HasSubstr("\r\nX-Forwarded-For: 2001:db8::7\r\n"));
  EXPECT_EQ(site.log_line()["client"], "[2001:db8::7]:51000");
  EXPECT_EQ(site.value(kRefused), 0u);
}

TEST(ReadProxyHeader, MayComeByteByByteAndHoldsForAllRequests) {
  Site site(kTrusting);
  Peer client = site.client();
  for (const char c : std::string(kLine)) {
    client.send({&c, 1});
    settle(site.loop());
  }
  EXPECT_EQ(site.buffers_lent(), 0u) << "nothing is left to be kept";
  EXPECT_THAT(asked(site, client, get("/1")), HasSubstr("X-Forwarded-For: 192.0.2.7\r\n"));
  client.send(get("/2") + get("/3"));
  EXPECT_EQ(site.log_line()["client"], "192.0.2.7:51000");
  Peer other = site.client();
  other.send(get("/"));
  EXPECT_EQ(other.rest(), "") << "each connection has a header of its own";
}

TEST(ReadProxyHeader, ATcpServicesBackendSeesWhatComesBehind) {
  Site site(kTrusting);
  Peer client = site.client("raw");
  client.send(kLine + "hello"s);
  Peer backend = site.origin().accept();
  EXPECT_EQ(backend.take(5), "hello");
  backend.send("220 ready");
  EXPECT_EQ(client.take(9), "220 ready");
  client.close(), backend.close();
  EXPECT_EQ(site.log_line()["client"], "192.0.2.7:51000");
}

TEST(ReadProxyHeader, IsToldOnWithItsNameAndProtocol) {
  const std::string facts = "\x02\0\x09"s + "a.example" + "\x01\0\x02h2"s + "\xea\0\x03sec"s;
  Site site(from("127.0.0.0", 8, [](image::PlanT& plan) { plan.pools[0]->proxy_header = image::ProxyVersion::v2; }));
  Peer client = site.client("raw");
  client.send(binary(facts));
  Peer backend = site.origin().accept();
  std::string bytes = backend.take(16);
  bytes += backend.take(uint8_t(bytes[15]));
  ProxyHeader header;
  EXPECT_EQ(cardea::read_proxy_header(bytes, header).state, ProxyReading::State::kDone);
  EXPECT_EQ(header.source.text(), "[2001:db8::7]:51000");
  EXPECT_EQ(header.destination.text(), "[2001:db8::10]:8443");
  EXPECT_EQ(header.server_name, "a.example");
  EXPECT_EQ(header.alpn, "h2");
}

TEST(ReadProxyHeader, OneThatSpeaksForNobodyLeavesTheConnectionItsAddresses) {
  for (const std::string& header : {kLocal, "PROXY UNKNOWN\r\n"s}) {
    Site site(kTrusting);
    Peer client = site.client();
    EXPECT_THAT(asked(site, client, header + get("/")), HasSubstr("X-Forwarded-For: 127.0.0.1\r\n"));
  }
}

TEST(ReadProxyHeader, WhatIsNoneIsResetCountedAndLogged) {
  const std::string version3 = "\r\n\r\n\0\r\nQUIT\n\x31"s, cut = binary("\x02\0\x7fname"s);
  for (const auto& [bytes, word] : {std::pair{get("/"), "no_proxy_header"}, {"PROXY TCP4 x\r\n"s, "bad_proxy_line"},
                                    {version3, "unknown_proxy_version"}, {cut, "bad_proxy_fact"},
                                    {"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"s, "proxy_header_too_long"}}) {
    Site site(kTrusting);
    Peer client = site.client();
    client.send(bytes);
    EXPECT_EQ(client.rest(), "");
    EXPECT_TRUE(client.reset());
    const auto line = site.log_line();
    EXPECT_EQ(line["reason"], "bad_proxy_header");
    EXPECT_EQ(line["detail"], word);
    EXPECT_EQ(line["proto"], "proxy");
    EXPECT_EQ(site.value(kRefused, "service=\"shop\""), 1u);
    EXPECT_TRUE(site.origin().nobody_called());
    EXPECT_EQ(site.buffers_lent(), 0u);
  }
}

TEST(ReadProxyHeader, IsNotWaitedForForever) {
  Site site(kTrusting);
  Peer silent = site.client(), slow = site.client();
  settle(site.loop());
  EXPECT_EQ(site.buffers_lent(), 0u) << "whoever is silent holds none";
  slow.send("PROXY TCP4 ");
  settle(site.loop());
  site.advance(9s);
  EXPECT_TRUE(silent.silent());
  site.advance(1100ms);
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(slow.rest(), "");
  EXPECT_EQ(site.log_line()["detail"], "timeout");
  EXPECT_EQ(site.log_line()["detail"], "timeout");
  EXPECT_EQ(site.value(kRefused), 2u);
}

TEST(ReadProxyHeader, OneThatBreaksOffIsLoggedAndOneThatNeverBeganIsNot) {
  Site site(kTrusting);
  site.client().close();
  Peer client = site.client();
  client.send("PROXY ");
  client.close();
  EXPECT_EQ(site.log_line()["detail"], "closed");
  EXPECT_EQ(site.value(kRefused), 1u);
}

TEST(ReadProxyHeader, LongFactsHaveRoom) {
  Site site(kTrusting);
  Peer client = site.client();
  const std::string facts = "\xea\x2e\xe0"s + std::string(12'000, 't');
  EXPECT_THAT(asked(site, client, binary(facts) + get("/")), HasSubstr("X-Forwarded-For: 2001:db8::7\r\n"));
}

// Somebody else's word is a malformed request; a tcp service carries it on as it does everything.
TEST(ReadProxyHeader, NobodyElseIsBelieved) {
  Site site(from("192.0.2.0", 24));
  Peer client = site.client();
  client.send(kLine + get("/"));
  EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(site.log_line()["client"].get<std::string>().substr(0, 10), "127.0.0.1:");
  Peer raw = site.client("raw");
  raw.send(kLine);
  EXPECT_EQ(site.origin().accept().take(std::string(kLine).size()), kLine);
  Peer plain = site.client();
  EXPECT_THAT(asked(site, plain, get("/")), HasSubstr("X-Forwarded-For: 127.0.0.1\r\n"));
}

TEST(ReadProxyHeader, ConnectionsOfOneAddressAreThoseOfTheNamedOne) {
  Site site(from("127.0.0.0", 8, [](image::PlanT& plan) { plan.services[0]->source_connections_max = 1; }));
  Peer first = site.client();
  asked(site, first, kLine + get("/"));
  Peer second = site.client();
  second.send(kLine);
  EXPECT_EQ(second.rest(), "");
  EXPECT_TRUE(second.reset());
  EXPECT_EQ(site.value("cardea_l7_service_source_connections_refused_total", "shop"), 1u);
  Peer other = site.client(), unnamed = site.client(), same = site.client();
  other.send(binary()), unnamed.send(kLocal), same.send(kLocal);
  EXPECT_TRUE(other.silent() && unnamed.silent() && same.silent());
  first.close();
  settle(site.loop());
  Peer next = site.client();
  next.send(kLine);
  EXPECT_TRUE(next.silent()) << "the place is free again";
}

TEST(ReadProxyHeader, RoutesForCertainClientsAskForTheNamedOne) {
  Site site(from("127.0.0.0", 8, [](image::PlanT& plan) {
    auto conditions = std::make_unique<image::ConditionsT>();
    conditions->clients = {{l7::test::address("192.0.2.0"), 24}};
    auto only = route("/", image::RespondT{.status = 403});
    only->conditions = std::move(conditions);
    plan.services[0]->routes.push_back(std::move(only));
  }));
  Peer client = site.client();
  client.send(kLine + get("/"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 403 "));
}

// The service "secure".
struct Secure {
  Secure() : site(from("127.0.0.0", 8, [this](image::PlanT& plan) { add_service(plan); })) {}
  void add_service(image::PlanT& plan) {
    authority.issue("shop", {.names = {"shop.example"}});
    auto certificate = std::make_unique<image::CertificateT>();
    certificate->name = certificate->cert = authority.path("shop.crt");
    certificate->key = authority.path("shop.key");
    auto secure = l7::test::service("secure", image::Mode::http, 1);
    secure->routes.push_back(route("/", 0));
    secure->tls = std::make_unique<image::TlsT>();
    secure->tls->certificates.push_back(std::move(certificate));
    secure->proxy_from = {{l7::test::address("127.0.0.0"), 8}};
    plan.services.push_back(std::move(secure));
  }
  tls::Authority authority;
  Site site;
  std::unique_ptr<tls::CryptoLibrary> crypto = tls::CryptoLibrary::create().value();
  std::unique_ptr<tls::ClientContext> trusting =
      tls::ClientContext::create(*crypto, {.verify = true, .authorities = authority.own_certificate()}).value();
};

// With the ClientHello in the same segment, cut up anywhere, or behind.
TEST(ReadProxyHeader, StandsBeforeTls) {
  Secure secure;
  TlsPeer client(secure.site, *secure.trusting, "shop.example", nullptr, "secure", kLine);
  ASSERT_TRUE(client.done().ok()) << client.done().detail;
  client.send(get("/"));
  Peer backend = secure.site.origin().accept();
  EXPECT_THAT(backend.head(), HasSubstr("X-Forwarded-For: 192.0.2.7\r\n"));
  backend.send(ok("hello"));
  EXPECT_THAT(client.message(), HasSubstr("hello"));
  EXPECT_EQ(secure.site.log_line()["client"], "192.0.2.7:51000");
}

TEST(ReadProxyHeader, TlsWithoutItIsRefused) {
  Secure secure;
  TlsPeer client(secure.site, *secure.trusting, "shop.example", nullptr, "secure");
  EXPECT_FALSE(client.done().ok());
  EXPECT_EQ(secure.site.log_line()["detail"], "no_proxy_header");
}

}  // namespace
}  // namespace cardea::l7::proxy::test
