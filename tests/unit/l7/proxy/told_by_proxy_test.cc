// Requests that a proxy in front carries (trusted_proxies): whose they are for routes, backends and the log, and that
// nobody else is believed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kTold =
    "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n"
    "X-Forwarded-Port: 443\r\n";

Site::Change trusting(std::string network, std::string header = "") {
  return [network, header](image::PlanT& plan) {
    auto policies = std::make_unique<settings::PoliciesT>();
    policies->trusted_proxies = std::make_unique<settings::TrustedProxiesT>();
    policies->trusted_proxies->from = {network};
    policies->trusted_proxies->header = header;
    plan.services[0]->policies = std::move(policies);
  };
}

std::string seen(Site& site, Peer& client, std::string_view fields) {
  client.send(get("/", fields));
  Peer backend = site.origin().accept();
  std::string request = backend.message();
  backend.send(ok("x", "Connection: close\r\n"));
  client.message();
  return request;
}

TEST(ToldByProxy, ABelievedPeerSpeaksForItsClient) {
  Site site(trusting("127.0.0.0/8"));
  Peer client = site.client();
  EXPECT_THAT(seen(site, client, kTold),
              AllOf(HasSubstr("\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.7, 127.0.0.1\r\n"),
                    HasSubstr("\r\nX-Real-IP: 203.0.113.7\r\n"), HasSubstr("\r\nX-Forwarded-Proto: https\r\n"),
                    HasSubstr("\r\nX-Forwarded-Host: shop.example\r\n"), HasSubstr("\r\nX-Forwarded-Port: 443\r\n")));
  auto line = site.log_line();
  EXPECT_EQ(line["client"], "203.0.113.7:0");
  EXPECT_THAT(std::string(line["peer"]), HasSubstr("127.0.0.1:"));
  EXPECT_THAT(seen(site, client, ""), HasSubstr("\r\nX-Real-IP: 127.0.0.1\r\n")) << "the next request is another client's";
  EXPECT_FALSE(site.log_line().contains("peer"));
}

TEST(ToldByProxy, OthersAreDroppedNotAppendedTo) {
  Site site(trusting("10.0.0.0/8"));
  Peer client = site.client();
  EXPECT_THAT(seen(site, client, kTold),
              AllOf(HasSubstr("\r\nX-Forwarded-For: 127.0.0.1\r\n"), HasSubstr("\r\nX-Real-IP: 127.0.0.1\r\n"),
                    HasSubstr("\r\nX-Forwarded-Proto: http\r\n"), Not(HasSubstr("X-Forwarded-Port: 443\r\n")), Not(HasSubstr("6.6.6.6"))));
  EXPECT_FALSE(site.log_line().contains("peer"));
}

TEST(ToldByProxy, WhatOthersSayOfForwardingInFurtherHeadersIsDropped) {
  Site site(trusting("10.0.0.0/8"));
  Peer client = site.client();
  EXPECT_THAT(seen(site, client, "X-Forwarded-Prefix: /evil\r\nX_Forwarded_Uri: /evil\r\nX-Forwarded: kept from nobody\r\nX-Forwards: on\r\n"),
              AllOf(Not(HasSubstr("evil")), Not(HasSubstr("nobody")), HasSubstr("\r\nX-Forwards: on\r\n")));
  Site believing(trusting("127.0.0.0/8"));
  Peer proxy = believing.client();
  EXPECT_THAT(seen(believing, proxy, "X-Forwarded-Prefix: /shop\r\n"), HasSubstr("\r\nX-Forwarded-Prefix: /shop\r\n"));
}

TEST(ToldByProxy, TheHeaderThatProxiesTellByIsNobodyElses) {
  const std::string told = "CF-Connecting-IP: 6.6.6.6\r\nCF_Connecting_IP: 6.6.6.7\r\nCF-Ray: kept\r\n";
  Site site(trusting("10.0.0.0/8", "CF-Connecting-IP"));
  Peer client = site.client();
  EXPECT_THAT(seen(site, client, told), AllOf(Not(HasSubstr("6.6.6.")), HasSubstr("\r\nX-Real-IP: 127.0.0.1\r\n"),
                                              HasSubstr("\r\nCF-Ray: kept\r\n")));
  Site believing(trusting("127.0.0.0/8", "CF-Connecting-IP"));
  Peer proxy = believing.client();
  EXPECT_THAT(seen(believing, proxy, "CF-Connecting-IP: 203.0.113.7\r\n"),
              AllOf(HasSubstr("\r\nCF-Connecting-IP: 203.0.113.7\r\n"), HasSubstr("\r\nX-Real-IP: 203.0.113.7\r\n")));
}

// Of one that its client may have written nothing is left.
TEST(ToldByProxy, WhereItTellsByAnotherHeaderForwardedForIsWrittenAnew) {
  for (const char* by : {"CF-Connecting-IP", "X-Real-IP", "True-Client-IP"}) {
    Site site(trusting("127.0.0.0/8", by));
    Peer client = site.client();
    const std::string told = std::string(by) + ": 203.0.113.7\r\nX-Forwarded-For: 6.6.6.6\r\n";
    EXPECT_THAT(seen(site, client, told), AllOf(HasSubstr("\r\nX-Forwarded-For: 203.0.113.7, 127.0.0.1\r\n"),
                                                Not(HasSubstr("6.6.6.6")))) << by;
    EXPECT_THAT(seen(site, client, "X-Forwarded-For: 6.6.6.6\r\n"), HasSubstr("\r\nX-Forwarded-For: 127.0.0.1\r\n"));
  }
}

TEST(ToldByProxy, WithoutTheSettingWhatClientsSayInFurtherHeadersGoesOn) {
  Site site;
  Peer client = site.client();
  EXPECT_THAT(seen(site, client, "X-Forwarded-Prefix: /shop\r\nX-Forwarded-Ssl: on\r\nX-Original-URL: /a\r\nX-Forwarded-Proto: https\r\n"),
              AllOf(HasSubstr("\r\nX-Forwarded-Prefix: /shop\r\n"), HasSubstr("\r\nX-Forwarded-Ssl: on\r\n"),
                    HasSubstr("\r\nX-Original-URL: /a\r\n"), HasSubstr("\r\nX-Forwarded-Proto: http\r\n")));
}

TEST(ToldByProxy, WhereItTellsByForwardedItsClientIsNotHeardInOthers) {
  Site site(trusting("127.0.0.0/8", "Forwarded"));
  Peer client = site.client();
  const std::string told = "Forwarded: for=203.0.113.7;host=shop.example\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 666\r\n"
                           "X-Forwarded-For: 6.6.6.6\r\n";
  EXPECT_THAT(seen(site, client, told),
              AllOf(HasSubstr("\r\nX-Real-IP: 203.0.113.7\r\n"),
                    HasSubstr("\r\nX-Forwarded-For: 203.0.113.7, 127.0.0.1\r\n"),
                    HasSubstr("\r\nX-Forwarded-Host: shop.example\r\n"), Not(HasSubstr("X-Forwarded-Port: 666")), Not(HasSubstr("evil"))));
}

Site::Change forwarding(std::string_view from, std::string_view header) {
  return [=](image::PlanT& plan) {
    trusting(std::string(from).c_str(), std::string(header).c_str())(plan);
    plan.services[0]->policies->forwarded = settings::Forwarded::on;
    for (auto& route : plan.services[0]->routes) {
      route->policies = std::make_unique<settings::PoliciesT>();
      route->policies->forwarded = settings::Forwarded::on;
    }
  };
}

// A cache could not tell apart what a stranger wrote left of what is believed.
TEST(ToldByProxy, ForwardedIsWrittenAnewOfWhatIsBelieved) {
  const std::string told = "Forwarded: host=evil.example;for=6.6.6.6, for=203.0.113.7;host=shop.example\r\n";
  const struct {
    const char *from, *header, *seen;
  } rows[] = {{"127.0.0.0/8", "Forwarded", "for=203.0.113.7;host=shop.example;proto=http, for=127.0.0.1"},
              {"10.0.0.0/8", "Forwarded", "for=127.0.0.1;host=shop.example;proto=http"},
              {"127.0.0.0/8", "X-Forwarded-For", "for=127.0.0.1;host=shop.example;proto=http"}};
  for (const auto& row : rows) {
    Site site(forwarding(row.from, row.header));
    Peer client = site.client();
    EXPECT_THAT(seen(site, client, told), HasSubstr(std::string("\r\nForwarded: ") + row.seen + "\r\n")) << row.from;
  }
}

TEST(ToldByProxy, RoutesGoByWhoItIs) {
  Site site([](image::PlanT& plan) {
    trusting("127.0.0.0/8")(plan);
    auto conditions = std::make_unique<image::ConditionsT>();
    const auto address = IpAddress::parse("203.0.113.0");
    conditions->clients.emplace_back(image::Address(flatbuffers::span<const uint8_t, 16>(address->bytes.data(), 16)), 24);
    image::RespondT respond;
    respond.body = "near";
    auto near = route("/", respond);
    near->conditions = std::move(conditions);
    plan.services[0]->routes.insert(plan.services[0]->routes.begin(), std::move(near));
    image::RedirectT redirect;
    redirect.path = "/there";
    plan.services[0]->routes.push_back(route("/moved/", redirect));
  });
  Peer client = site.client();
  client.send(get("/", kTold));
  EXPECT_THAT(client.message(), HasSubstr("near"));
  client.send(get("/moved/", kTold));
  EXPECT_THAT(client.message(), HasSubstr("\r\nLocation: https://shop.example/there\r\n"));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
