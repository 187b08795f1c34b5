// What policies cost a request beside what it costs anyway, in nanoseconds: a rate limit among a hundred thousand keys, an
// address among a million networks and among the countries of half a million, another site's origin, whose request it is behind two proxies, a remembered password,
// and a response's head written with five changes and without. One JSON object a line; medians over several rounds. What
// nginx takes for the same is a part of `tools/bench l7`'s figures, not of these.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "l7/http/edit.h"
#include "l7/http/parse_head.h"
#include "l7/policy/cors.h"
#include "l7/policy/header_rules.h"
#include "l7/policy/network_set.h"
#include "l7/policy/range_map.h"
#include "l7/policy/rate_table.h"
#include "l7/policy/trusted_proxies.h"
#include "l7/policy/users.h"

namespace cardea::l7::policy {
namespace {

constexpr int kRounds = 15, kAsks = 100'000;

template <typename Each>
double time_each(Each&& each) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kAsks; ++i) each(i);
    rounds.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / kAsks);
  }
  std::ranges::nth_element(rounds, rounds.begin() + kRounds / 2);
  return rounds[kRounds / 2];
}

void print(const char* name, double value) {
  std::printf("{\"name\": \"policy.%s\", \"value\": %.1f, \"unit\": \"ns\"}\n", name, value);
}

double rate_limit() {
  RateTable table(200'000);
  const Rate rate = Rate::of(1000, std::chrono::seconds(1), 0);
  Random random(1);
  std::vector<uint64_t> keys(100'000);
  for (uint64_t& key : keys) key = random.next();
  auto now = std::chrono::nanoseconds(std::chrono::seconds(1000));
  return time_each([&](int i) { table.take(keys[size_t(i)], rate, now += std::chrono::microseconds(1)); });
}

double networks() {
  Random random(2);
  std::vector<Prefix> all;
  for (int i = 0; i < 1'000'000; ++i)
    all.push_back({IpAddress::v4(uint32_t(random.next()) & 0xffffff00u), uint8_t(22 + random.below(3))});
  const NetworkSet set(all);
  uint64_t found = 0;
  const double took = time_each([&](int) { found += set.has(IpAddress::v4(uint32_t(random.next()))); });
  CHECK(found != 0);
  return took;
}

double countries() {
  Random random(4);
  RangeMap<uint32_t, uint32_t> map;
  for (uint32_t i = 0; i < 500'000; ++i)
    map.put(i * 8589, i * 8589 + 256 * uint32_t(1 + random.below(32)), uint32_t(1 + random.below(240)));
  map.close();
  uint64_t sum = 0;
  const double took = time_each([&](int) { sum += map.at(uint32_t(random.next())); });
  CHECK(sum != 0);
  return took;
}

double origins() {
  settings::CorsT from;
  for (int i = 0; i < 16; ++i) from.origins.push_back("https://*.site" + std::to_string(i) + ".example");
  const Cors cors = *Cors::read(from);
  uint64_t allowed = 0;
  const double took = time_each([&](int) { allowed += cors.allows("https://app.site15.example"); });
  CHECK(allowed != 0);
  return took;
}

double proxies() {
  settings::TrustedProxiesT from;
  from.from = {"10.0.0.0/8", "2001:db8::/32"};
  const TrustedProxies trusted = *TrustedProxies::read(from);
  const std::string text =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.7, 203.0.113.9, 10.1.2.3\r\nX-Forwarded-Proto: https\r\n\r\n";
  http::RequestHead head;
  http::HeadScan scan;
  CHECK(http::parse_request_head(text, {}, scan, head).done());
  return time_each([&](int) { CHECK(trusted.told(head.headers).client.has_value()); });
}

double password() {
  Verdicts verdicts;
  const Credentials ann{"ann", "a password of some length"};
  const std::string hash(60, 'h');
  verdicts.keep(ann, hash, true);
  return time_each([&](int) { CHECK(verdicts.find(ann, hash).value_or(false)); });
}

// The head of a response, with these changes.
double write_head(const http::HeaderChanges& changes) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 5120\r\nETag: \"abc\"\r\n"
      "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: max-age=60\r\nX-Powered-By: some\r\n\r\n";
  http::ResponseHead head;
  http::HeadScan scan;
  CHECK(http::parse_response_head(text, {}, scan, head).done());
  char room[4096];
  const http::ResponseEdit edit{.body = {http::BodyKind::kLength, 5120}, .options = {}, .changes = changes};
  return time_each([&](int) { CHECK(http::write_response(room, head, edit).has_value()); });
}

double changed_head() {
  http::NameSet dropped;
  for (const char* name : {"Server", "X-Powered-By", "Strict-Transport-Security"}) dropped.add(name);
  const std::string_view lines[] = {"Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n",
                                    "X-Content-Type-Options: nosniff\r\n"};
  return write_head({&dropped, lines, lines[0].size() + lines[1].size()});
}

}  // namespace
}  // namespace cardea::l7::policy

int main() {
  using namespace cardea::l7;
  policy::print("rate_limit", policy::rate_limit());
  policy::print("access.million", policy::networks());
  policy::print("geo.half_a_million", policy::countries());
  policy::print("cors.origin", policy::origins());
  policy::print("trusted_proxies", policy::proxies());
  policy::print("password.known", policy::password());
  policy::print("headers.none", policy::write_head({}));
  policy::print("headers.five", policy::changed_head());
}
