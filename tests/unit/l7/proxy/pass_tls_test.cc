// TLS that is passed through: which backend a ClientHello leads to, that what was looked at arrives untouched, and what
// those are told whom no route is for.
#include "l7/proxy/pass_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "l7/tls/client_hello.h"
#include "tests/unit/l7/proxy/site.h"
#include "tests/unit/l7/tls/hello_oracle.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using namespace tls::test;
using testing::StartsWith;

constexpr const char* kRefused = "cardea_l7_service_names_refused_total";

std::unique_ptr<image::RouteT> route_to(const std::string& name, uint32_t pool, const std::vector<std::string>& hosts,
                                        const std::vector<std::string>& alpn = {}) {
  auto made = route("/", pool);
  made->name = name, made->hosts = hosts;
  if (alpn.empty()) return made;
  made->conditions = std::make_unique<image::ConditionsT>();
  made->conditions->alpn = alpn;
  return made;
}

// "raw" by names; each pool has one origin, of the same number.
struct Passing {
  using Routes = std::function<void(image::ServiceT&)>;
  explicit Passing(const Routes& routes, size_t pools = 3)
      : site(
            [&, pools](image::PlanT& plan) {
              for (size_t i = 1; i < pools; ++i) {
                plan.pools.push_back(l7::test::pool("pool" + std::to_string(i), image::Balance::round_robin, 1));
                plan.pools[i]->backends.clear();
                plan.pools[i]->backends.push_back(std::move(plan.pools[0]->backends[i]));
              }
              plan.pools[0]->backends.resize(1);
              routes(*plan.services[1]);
            },
            pools) {}
  // Which backend a connection that begins so is carried to, untouched.
  size_t taken_to(const std::string& beginning) {
    Peer client = site.client("raw");
    client.send(beginning);
    const size_t which = site.called();
    Peer backend = site.origins[which]->accept();
    EXPECT_EQ(backend.take(beginning.size()), beginning);
    backend.send("answer");
    EXPECT_EQ(client.take(6), "answer");
    client.send("more");
    EXPECT_EQ(backend.take(4), "more");
    client.close(), backend.close();
    line = site.log_line();
    return which;
  }
  // What is said to one that begins so.
  std::string told(const std::string& beginning) {
    Peer client = site.client("raw");
    client.send(beginning);
    const std::string all = client.rest();
    client.close();
    line = site.log_line();
    EXPECT_TRUE(site.origin().nobody_called());
    EXPECT_EQ(site.buffers_lent(), 0u);
    return all;
  }
  Site site;
  nlohmann::json line;
};

void by_name(image::ServiceT& raw) {
  raw.routes.push_back(route_to("one", 1, {"a.example", "*.b.example"}));
  raw.routes.push_back(route_to("two", 2, {"c.b.example"}));
}
void by_name_or_else(image::ServiceT& raw) {
  by_name(raw);
  raw.routes.push_back(route_to("rest", 0, {}));
}

TEST(PassTls, NamesLeadToPools) {
  Passing passing(by_name_or_else);
  EXPECT_EQ(passing.taken_to(record(hello(named("a.example")))), 1u);
  EXPECT_EQ(passing.line["route"], "one");
  EXPECT_EQ(passing.line["host"], "a.example");
  EXPECT_EQ(passing.line["pool"], "pool1");
  EXPECT_EQ(passing.line["proto"], "tcp");
  EXPECT_EQ(passing.taken_to(record(hello(named("A.Example")))), 1u) << "in any case";
  EXPECT_EQ(passing.taken_to(record(hello(named("x.y.b.example")))), 1u);
  EXPECT_EQ(passing.taken_to(record(hello(named("c.b.example")))), 2u) << "an exact name before a wildcard";
  EXPECT_EQ(passing.taken_to(record(hello(named("b.example")))), 0u) << "no wildcard is for its own name";
  EXPECT_EQ(passing.taken_to(record(hello(named("else.example")))), 0u);
  EXPECT_EQ(passing.taken_to(record(hello(""))), 0u) << "no name";
  EXPECT_EQ(passing.line["route"], "rest");
  EXPECT_EQ(passing.taken_to("SSH-2.0-x\r\n"), 0u) << "no TLS";
  EXPECT_EQ(passing.site.value("cardea_l7_route_requests_total", "route=\"one\""), 3u);
  EXPECT_EQ(passing.site.value(kRefused), 0u);
}

TEST(PassTls, ProtocolsNarrowANamesRoutes) {
  Passing passing([](image::ServiceT& raw) {
    raw.routes.push_back(route_to("h1", 0, {"a.example"}));
    raw.routes.push_back(route_to("h2", 1, {"a.example"}, {"h2", "h2c"}));
    raw.routes.push_back(route_to("acme", 2, {}, {"acme-tls/1"}));
  });
  EXPECT_EQ(passing.taken_to(record(hello(named("a.example") + offering({"h2", "http/1.1"})))), 1u);
  EXPECT_EQ(passing.taken_to(record(hello(named("a.example") + offering({"http/1.1"})))), 0u);
  EXPECT_EQ(passing.taken_to(record(hello(named("a.example") + offering({"h22", "xh2"})))), 0u);
  EXPECT_EQ(passing.taken_to(record(hello(named("a.example")))), 0u);
  EXPECT_EQ(passing.taken_to(record(hello(named("any.example") + offering({"acme-tls/1"})))), 2u);
}

TEST(PassTls, WhomNoRouteIsForIsToldInTls) {
  Passing passing(by_name);
  EXPECT_EQ(passing.told(record(hello(named("else.example")))), tls::kUnrecognizedName);
  EXPECT_EQ(passing.line["reason"], "no_route");
  EXPECT_EQ(passing.line["host"], "else.example");
  EXPECT_EQ(passing.told(record(hello(""))), tls::kUnrecognizedName);
  EXPECT_EQ(passing.site.value(kRefused, "raw"), 2u);
  EXPECT_EQ(passing.told("GET / HTTP/1.1\r\n\r\n"), "") << "it would not understand";
  EXPECT_EQ(passing.line["reason"], "no_route");
  EXPECT_EQ(passing.line["detail"], "not_tls");
  EXPECT_EQ(passing.site.value(kRefused, "raw"), 3u);
}

TEST(PassTls, WhatCannotBeReadIsRefused) {
  Passing passing(by_name_or_else);
  EXPECT_EQ(passing.told(record(hello(named("a") + named("b")))), tls::kDecodeError);
  EXPECT_EQ(passing.line["reason"], "bad_client_hello");
  EXPECT_EQ(passing.told(std::string("\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9)), tls::kDecodeError);
  EXPECT_EQ(passing.told(record(std::string("\x01\x01\x00\x00", 4) + std::string(64, 'x'))), tls::kDecodeError);
  EXPECT_EQ(passing.line["detail"], "too_large");
  EXPECT_EQ(passing.site.value(kRefused, "raw"), 3u);
}

TEST(PassTls, AHelloMayComeInPieces) {
  Passing passing(by_name);
  const std::string all = records(hello(extension(51, std::string(1263, 'k')) + named("a.example")), 300);
  Peer client = passing.site.client("raw");
  for (size_t at = 0; at < all.size(); at += 61) {
    EXPECT_TRUE(passing.site.origins[1]->nobody_called());
    client.send(std::string_view(all).substr(at, 61));
    settle(passing.site.loop());
  }
  EXPECT_EQ(passing.site.origins[1]->accept().take(all.size()), all);
}

TEST(PassTls, ALongHelloHasRoom) {
  Passing passing(by_name);
  const std::string all = record(hello(extension(21, std::string(12'000, '\0')) + named("a.example")));
  EXPECT_EQ(passing.taken_to(all + "\x14\x03\x03\x00\x01\x01 behind"), 1u);
}

TEST(PassTls, AHelloIsNotWaitedForForever) {
  Passing passing(by_name_or_else);
  Peer silent = passing.site.client("raw"), slow = passing.site.client("raw");
  slow.send("\x16\x03\x01");
  settle(passing.site.loop());
  passing.site.advance(9s);
  EXPECT_TRUE(silent.silent());
  passing.site.advance(1100ms);
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(slow.rest(), "");
  EXPECT_EQ(passing.site.log_line()["reason"], "request_timeout");
  EXPECT_EQ(passing.site.buffers_lent(), 0u);
}

TEST(PassTls, ASilentClientHoldsNoBuffer) {
  Passing passing(by_name);
  Peer client = passing.site.client("raw");
  settle(passing.site.loop());
  EXPECT_EQ(passing.site.buffers_lent(), 0u);
  client.close();
  EXPECT_EQ(passing.site.log_line()["reason"], "client_closed");
}

TEST(PassTls, TheNameIsToldByTheProxyProtocol) {
  Passing passing(by_name);
  passing.site.update_pools([](image::PlanT& plan) {
    plan.pools.push_back(l7::test::pool("pool1", image::Balance::round_robin, 1));
    plan.pools[1]->backends.clear();
    plan.pools[1]->backends.push_back(std::move(plan.pools[0]->backends[1]));
    plan.pools[1]->proxy_header = image::ProxyVersion::v2;
    plan.pools.erase(plan.pools.begin());
  });
  Peer client = passing.site.client("raw");
  client.send(record(hello(named("a.example"))));
  Peer backend = passing.site.origins[1]->accept();
  std::string bytes = backend.take(16);
  bytes += backend.take(uint8_t(bytes[15]));
  ProxyHeader header;
  EXPECT_EQ(cardea::read_proxy_header(bytes, header).state, ProxyReading::State::kDone);
  EXPECT_EQ(header.server_name, "a.example");
  EXPECT_EQ(backend.take(record(hello(named("a.example"))).size()), record(hello(named("a.example"))));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
