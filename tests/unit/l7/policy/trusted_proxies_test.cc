// Who the client is, by what proxies in front say that are believed, and by what everybody else writes.
#include "l7/policy/trusted_proxies.h"

#include <gtest/gtest.h>

#include "l7/http/parse_head.h"

namespace cardea::l7::policy {
namespace {

TrustedProxies trusting(std::string header = "") {
  settings::TrustedProxiesT from;
  from.from = {"10.0.0.0/8", "2001:db8:1::/48"};
  from.header = std::move(header);
  return *TrustedProxies::read(from);
}

struct Told {
  std::string client, scheme, host;
  bool operator==(const Told&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Told& told) {
  return out << told.client << "|" << told.scheme << "|" << told.host;
}

Told told(const TrustedProxies& by, std::string_view fields) {
  http::RequestHead head;
  http::HeadScan scan;
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
  EXPECT_TRUE(http::parse_request_head(text, {}, scan, head).done()) << fields;
  const ToldByProxy heard = by.told(head.headers);
  return {heard.client ? heard.client->text() : "", std::string(heard.scheme), std::string(heard.host)};
}

TEST(TrustedProxies, TheListIsWalkedFromItsRight) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"X-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7"},
      {"X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\n", "203.0.113.7"},
      {"X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.1.1\r\n", "203.0.113.7"},
      {"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 10.1.1.1,10.2.2.2\r\n", "203.0.113.7"},
      {"X-Forwarded-For: 10.3.3.3, 10.1.1.1\r\n", "10.3.3.3"},
      {"X-Forwarded-For: 6.6.6.6, unknown, 10.1.1.1\r\n", "10.1.1.1"},
      {"X-Forwarded-For: 6.6.6.6, 10.1.1.1.1\r\n", ""},
      {"X-Forwarded-For: 6.6.6.6:80, 203.0.113.7:4711\r\n", "203.0.113.7"},
      {"X-Forwarded-For: [2001:db8::7]:4711, 2001:db8:1::9\r\n", "2001:db8::7"},
      {"X-Forwarded-For: [2001:db8::7\r\n", ""},
      {"X-Forwarded-For: , ,203.0.113.7, ,\r\n", "203.0.113.7"},
      {"X-Real-IP: 203.0.113.7\r\n", ""}};
  for (const auto& [fields, client] : cases) EXPECT_EQ(told(trusting(), fields).client, client) << fields;
}

TEST(TrustedProxies, WhoWritesThousandsOfHopsIsNotHeardFurther) {
  std::string fields = "X-Forwarded-For: 203.0.113.7";
  for (int i = 0; i < 500; ++i) fields += ", 10.0.0.1";
  EXPECT_EQ(told(trusting(), fields + "\r\n").client, "10.0.0.1");
}

TEST(TrustedProxies, AnotherHeaderMayHoldTheAddress) {
  EXPECT_EQ(told(trusting("CF-Connecting-IP"), "X-Forwarded-For: 6.6.6.6\r\ncf-connecting-ip: 203.0.113.7\r\n").client,
            "203.0.113.7");
}

TEST(TrustedProxies, ForwardedIsReadAsItsRfcHasIt) {
  const std::pair<const char*, Told> cases[] = {
      {"Forwarded: for=6.6.6.6, for=203.0.113.7;proto=https;by=10.0.0.1\r\n", {"203.0.113.7", "https", ""}},
      {"Forwarded: For=\"[2001:db8::7]:4711\" ; Proto=HTTP\r\n", {"2001:db8::7", "http", ""}},
      {"Forwarded: for=203.0.113.7, for=_hidden\r\n", {"", "", ""}},
      {"Forwarded: proto=https\r\nX-Forwarded-For: 6.6.6.6\r\n", {"", "https", ""}},
      {"Forwarded: host=\"a;for=6.6.6.6;b\";for=203.0.113.7\r\n", {"203.0.113.7", "", "a;for=6.6.6.6;b"}},
      {"Forwarded: host=\"a\\\";for=6.6.6.6;\";for=203.0.113.7\r\n", {"203.0.113.7", "", ""}},
      {"Forwarded: host=\"a, for=6.6.6.6\" ; for=203.0.113.7\r\n", {"203.0.113.7", "", "a, for=6.6.6.6"}}};
  for (const auto& [fields, expected] : cases) EXPECT_EQ(told(trusting("Forwarded"), fields), expected) << fields;
}

TEST(TrustedProxies, WhoTellsByForwardedIsNotHeardInOtherHeaders) {
  const std::string others = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\n";
  const TrustedProxies by = trusting("Forwarded");
  EXPECT_EQ(told(by, others + "Forwarded: for=203.0.113.7\r\n"), (Told{"203.0.113.7", "", ""}));
  EXPECT_EQ(told(by, others + "Forwarded: for=203.0.113.7;host=shop.example;proto=http\r\n"),
            (Told{"203.0.113.7", "http", "shop.example"}));
  EXPECT_EQ(told(by, others), (Told{"", "", ""}));
}

TEST(TrustedProxies, SchemeAndHostAreThoseOfTheNearest) {
  EXPECT_EQ(told(trusting(), "X-Forwarded-Proto: http, HTTPS\r\nX-Forwarded-Host: evil, shop.example\r\n"),
            (Told{"", "https", "shop.example"}));
  EXPECT_EQ(told(trusting(), "X-Forwarded-Proto: gopher\r\n").scheme, "");
}

TEST(TrustedProxies, OthersAreNone) {
  EXPECT_TRUE(trusting().trusts(*IpAddress::parse("10.9.9.9")));
  EXPECT_FALSE(trusting().trusts(*IpAddress::parse("11.0.0.1")));
  EXPECT_FALSE(TrustedProxies().trusts(*IpAddress::parse("10.9.9.9")));
  settings::TrustedProxiesT wrong;
  wrong.from = {"10.0.0.0"};
  EXPECT_FALSE(TrustedProxies::read(wrong));
}

}  // namespace
}  // namespace cardea::l7::policy
