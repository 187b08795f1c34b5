// What is hashed of a request: the same for what belongs together, and not for what does not.
#include "l7/policy/balance_key.h"

#include <gtest/gtest.h>

#include <string>

#include "l7/http/parse_head.h"

namespace cardea::l7::policy {
namespace {

constexpr HashKey kKey{7, 9};

PoolPlan pool(Balance balance, HashOn on = HashOn::kClient, const std::string& name = "") {
  PoolPlan made;
  made.balance = balance;
  made.hash = {on, name, http::header_id(name), 125};
  return made;
}

std::optional<uint64_t> key(const PoolPlan& pool, const char* client, const std::string& line = "GET /a",
                            const std::string& fields = "") {
  const std::string text = line + " HTTP/1.1\r\nHost: shop.example\r\n" + fields + "\r\n";
  http::HeadScan scan;
  http::RequestHead head;
  EXPECT_TRUE(http::parse_request_head(text, {}, scan, head).done());
  const Endpoint listener = Endpoint::parse("192.0.2.1:80").value();
  const auto from = client == nullptr ? std::nullopt : std::optional(Endpoint::parse(client).value());
  return balance_key(pool, kKey, {from ? &*from : nullptr, listener, &head});
}

TEST(BalanceKey, MaglevAsksForTheFlowAndSourceHashForTheAddress) {
  const PoolPlan maglev = pool(Balance::kMaglev), source = pool(Balance::kSourceHash);
  EXPECT_NE(key(maglev, "198.51.100.1:1000"), key(maglev, "198.51.100.1:1001"));
  EXPECT_EQ(key(source, "198.51.100.1:1000"), key(source, "198.51.100.1:1001"));
  EXPECT_NE(key(source, "198.51.100.1:1000"), key(source, "198.51.100.2:1000"));
  EXPECT_EQ(key(source, "[2001:db8::1]:1000"), key(source, "[2001:db8::ffff:2]:9")) << "one /64 is one client";
  EXPECT_NE(key(source, "[2001:db8::1]:1000"), key(source, "[2001:db8:0:1::1]:1000"));
  EXPECT_EQ(key(source, nullptr), std::nullopt);
}

TEST(BalanceKey, UriIsPathAndQueryOfWhoeverAsks) {
  const PoolPlan uri = pool(Balance::kHash, HashOn::kUri);
  EXPECT_EQ(key(uri, "198.51.100.1:1000", "GET /a?x=1"), key(uri, nullptr, "HEAD /a?x=1", "Cookie: a=1\r\n"));
  EXPECT_NE(key(uri, nullptr, "GET /a?x=1"), key(uri, nullptr, "GET /a?x=2"));
  EXPECT_NE(key(uri, nullptr, "GET /12345678"), key(uri, nullptr, "GET /1234567"));
}

TEST(BalanceKey, AHeaderOrCookieAndWithoutItTheClient) {
  for (const auto& named : {pool(Balance::kHash, HashOn::kHeader, "X-Tenant"), pool(Balance::kHash, HashOn::kHeader, "Referer"),
                            pool(Balance::kHash, HashOn::kCookie, "tenant")}) {
    const auto field = [&](const std::string& value) {
      return named.hash.on == HashOn::kCookie ? "Cookie: x=y; tenant=" + value + "\r\n"
             : named.hash.name == "Referer"   ? "referer: " + value + "\r\n"
                                              : "x-tenant: " + value + "\r\n";
    };
    const auto blue = key(named, "198.51.100.1:1000", "GET /a", field("blue"));
    EXPECT_EQ(blue, key(named, nullptr, "POST /b", field("blue") + "Content-Length: 0\r\n"));
    EXPECT_EQ(blue, text_hash(kKey, "blue"));
    EXPECT_NE(blue, key(named, nullptr, "GET /a", field("green")));
    EXPECT_EQ(key(named, "198.51.100.1:1"), key(pool(Balance::kSourceHash), "198.51.100.1:2")) << "nothing to hash";
    EXPECT_EQ(key(named, nullptr), std::nullopt);
  }
}

TEST(TextHash, IsSpreadEvenlyAndKnowsLengths) {
  std::vector<int> counts(16);
  for (int i = 0; i < 16'000; ++i) counts[text_hash(kKey, "key" + std::to_string(i)) >> 60]++;
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
  EXPECT_NE(text_hash(kKey, ""), text_hash(kKey, std::string_view("\0", 1)));
  EXPECT_EQ(text_hash(kKey, "12345678", "9"), text_hash(kKey, "1234", "56789"));
  EXPECT_NE(text_hash(kKey, "a"), text_hash({7, 10}, "a"));
}

}  // namespace
}  // namespace cardea::l7::policy
