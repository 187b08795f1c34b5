// The PROXY protocol towards backends: what a connection begins with, and that none which began with one client's address
// carries another's requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/proxy_header.h"
#include "tests/unit/l7/proxy/cached.h"
#include "tests/unit/l7/proxy/site.h"
#include "tests/unit/l7/proxy/tls_peer.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

Site::Change sends(image::ProxyVersion version) {
  return [version](image::PlanT& plan) { plan.pools[0]->proxy_header = version; };
}

std::string line(const Peer& client, const Endpoint& service) {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(client.fd(), reinterpret_cast<sockaddr*>(&own), &size);
  return "PROXY TCP4 127.0.0.1 127.0.0.1 " + std::to_string(ntohs(own.sin_port)) + " " + std::to_string(service.port) +
         "\r\n";
}

// Takes a header of version 2 off what came.
ProxyHeader header_of(Peer& backend, std::string& bytes) {
  bytes = backend.take(16);
  bytes += backend.take(size_t{uint8_t(bytes[14])} << 8 | uint8_t(bytes[15]));
  ProxyHeader header;
  EXPECT_EQ(read_proxy_header(bytes, header).state, ProxyReading::State::kDone);
  return header;
}

TEST(Announce, ATcpConnectionBeginsWithItsClientsAddress) {
  Site site(sends(image::ProxyVersion::v1));
  Peer client = site.client("raw");
  Peer backend = site.origin().accept();
  const std::string said = line(client, site.at("raw"));
  EXPECT_EQ(backend.take(said.size()), said) << "before the client says a word";
  client.send("hello");
  EXPECT_EQ(backend.take(5), "hello");
  backend.send("220 ready");
  EXPECT_EQ(client.take(9), "220 ready");
}

TEST(Announce, EveryAttemptBeginsWithIt) {
  Site site(sends(image::ProxyVersion::v1), 2);
  site.origin().refuse();
  Peer client = site.client("raw");
  const std::string said = line(client, site.at("raw"));
  EXPECT_EQ(site.origins[1]->accept().take(said.size()), said);
}

TEST(Announce, AConnectionServesTheRequestsOfItsClientAlone) {
  Site site(sends(image::ProxyVersion::v1));
  Peer alice = site.client(), bob = site.client();
  alice.send(get("/1"));
  Peer of_alice = site.origin().accept();
  EXPECT_THAT(of_alice.head(), StartsWith(line(alice, site.at("shop")) + "GET /1 "));
  of_alice.send(ok("1"));
  EXPECT_THAT(alice.message(), EndsWith("1"));
  bob.send(get("/2"));
  Peer of_bob = site.origin().accept();
  EXPECT_THAT(of_bob.head(), StartsWith(line(bob, site.at("shop")) + "GET /2 "));
  of_bob.send(ok("2"));
  EXPECT_THAT(bob.message(), EndsWith("2"));
  alice.send(get("/3"));
  EXPECT_THAT(of_alice.head(), StartsWith("GET /3 ")) << "the same connection, and no second header";
  of_alice.send(ok("3"));
  EXPECT_THAT(alice.message(), EndsWith("3"));
  EXPECT_EQ(site.value("cardea_l7_backend_own_connections"), 2u);
  EXPECT_EQ(site.value("cardea_l7_backend_connects_total"), 2u);
  alice.close();
  EXPECT_EQ(of_alice.rest(), "") << "it ends with its client";
  EXPECT_TRUE(of_bob.silent());
}

// It proves nothing that could not be said again: its end is no end of the client's connection.
TEST(Announce, ABackendMayEndAConnectionThatIdles) {
  Site site(sends(image::ProxyVersion::v1));
  Peer client = site.client();
  client.send(get("/1"));
  {
    Peer backend = site.origin().accept();
    backend.head();
    backend.send(ok("1"));
    client.message();
  }
  EXPECT_TRUE(client.silent());
  client.send("POST /2 HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1\r\n\r\nx");
  Peer again = site.origin().accept();
  EXPECT_THAT(again.head(), StartsWith(line(client, site.at("shop")) + "POST /2 "));
  again.take(1);
  again.send(ok("2"));
  EXPECT_THAT(client.message(), EndsWith("2"));
}

TEST(Announce, BackendsAreChosenForEachRequest) {
  Site site(sends(image::ProxyVersion::v1), 2);
  Peer client = site.client();
  std::vector<Peer> backends;
  for (int i = 0; i < 2; ++i) {
    client.send(get("/"));
    backends.push_back(site.origins[site.called()]->accept());
    backends.back().head();
    backends.back().send(ok("x"));
    client.message();
  }
  for (int i = 0; i < 4; ++i) {  // in turn, over the connections that are there
    client.send(get("/"));
    EXPECT_THAT(backends[size_t(i % 2)].head(), StartsWith("GET / "));
    backends[size_t(i % 2)].send(ok("x"));
    client.message();
  }
}

TEST(Announce, AReloadLeavesNoConnectionThatBeganOtherwise) {
  Site site;
  Peer client = site.client();
  client.send(get("/1"));
  Peer before = site.origin().accept();
  before.head();
  before.send(ok("1"));
  client.message();
  site.adopt(sends(image::ProxyVersion::v1));
  EXPECT_TRUE(before.ended()) << "it idled for everybody";
  client.send(get("/2"));
  Peer after = site.origin().accept();
  EXPECT_THAT(after.head(), StartsWith("PROXY TCP4 "));
  after.send(ok("2"));
  client.message();
  site.adopt(sends(image::ProxyVersion::v2));
  client.send(get("/3"));
  Peer last = site.origin().accept();
  std::string bytes;
  header_of(last, bytes);
  EXPECT_THAT(last.head(), StartsWith("GET /3 "));
  last.send(ok("3"));
  client.message();
  site.adopt({});
  client.send(get("/4"));
  EXPECT_THAT(site.origin().accept().head(), StartsWith("GET /4 "));
}

TEST(Announce, WhatCameOverItIsCachedForAll) {
  Cached cached(ok("stored", kMinute), sends(image::ProxyVersion::v2));
  EXPECT_THAT(cached.ask(), EndsWith("stored"));
  Peer other = cached.site.client();
  other.send(get("/cached/a"));
  EXPECT_THAT(other.message(), EndsWith("stored"));
  EXPECT_TRUE(cached.site.origin().nobody_called());
}

// A backend that authenticates connections has its own rule, which stands above this one.
TEST(Announce, AnAuthenticatedConnectionEndsItsClientsWithIt) {
  Site site(sends(image::ProxyVersion::v1));
  Peer client = site.client();
  client.send(get("/", "Authorization: NTLM TlRMTVNTUAAB\r\n"));
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("who?", "WWW-Authenticate: NTLM TlRMTVNTUAAC\r\n", "401 Unauthorized"));
  client.message();
  backend.close();
  EXPECT_EQ(client.rest(), "");
}

// The service "secure", by which the same pool is reached.
struct Secure {
  explicit Secure(image::Mode mode, const std::vector<std::string>& alpn = {"http/1.1"})
      : site([&](image::PlanT& plan) { add_service(plan, mode); }),
        trusting(tls::ClientContext::create(
                     *crypto, {.verify = true, .authorities = authority.own_certificate(), .alpn = alpn})
                     .value()),
        client(site, *trusting, "shop.example") {}
  void add_service(image::PlanT& plan, image::Mode mode) {
    authority.issue("shop", {.names = {"shop.example"}});
    auto certificate = std::make_unique<image::CertificateT>();
    certificate->name = certificate->cert = authority.path("shop.crt");
    certificate->key = authority.path("shop.key");
    auto secure = l7::test::service("secure", mode, 1);
    if (mode == image::Mode::http) secure->routes.push_back(route("/", 0));
    secure->tls = std::make_unique<image::TlsT>();
    secure->tls->certificates.push_back(std::move(certificate));
    plan.services.push_back(std::move(secure));
    plan.pools[0]->proxy_header = image::ProxyVersion::v2;
  }
  tls::Authority authority;
  Site site;
  std::unique_ptr<tls::CryptoLibrary> crypto = tls::CryptoLibrary::create().value();
  std::unique_ptr<tls::ClientContext> trusting;
  TlsPeer client;
};

TEST(Announce, Version2TellsWhatTheClientsTlsAgreedOn) {
  Secure secure(image::Mode::http);
  secure.client.send(get("/"));
  Peer backend = secure.site.origin().accept();
  std::string bytes;
  const ProxyHeader header = header_of(backend, bytes);
  EXPECT_EQ(header.server_name, "shop.example");
  EXPECT_EQ(header.alpn, "http/1.1");
  EXPECT_EQ(header.destination, secure.site.at("secure"));
  EXPECT_THAT(bytes, HasSubstr("TLSv1.3"));
  EXPECT_THAT(bytes, HasSubstr("TLS_"));
  EXPECT_THAT(backend.head(), StartsWith("GET / "));
}

TEST(Announce, ATcpServiceWithTlsTellsTheName) {
  Secure secure(image::Mode::tcp);
  Peer backend = secure.site.origin().accept();
  std::string bytes;
  EXPECT_EQ(header_of(backend, bytes).server_name, "shop.example");
  secure.client.send("hello");
  EXPECT_EQ(backend.take(5), "hello");
}

}  // namespace
}  // namespace cardea::l7::proxy::test
