// The rule that keeps one client from choosing what others get, over many seeds: where an answer to one request is served
// for another, their backend would have seen the same of both, in the request line, in what this proxy says of the host,
// and in every header that the answer varies by.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>

#include "l7/http/byte_set.h"
#include "l7/http/edit.h"
#include "l7/http/vary.h"
#include "tests/unit/l7/cache/exchange.h"

namespace cardea::l7::cache {
namespace {

using http::HeaderId;
using Random = std::mt19937_64;

template <typename Choices>
const auto& one_of(Random& random, const Choices& choices) {
  return choices[random() % std::size(choices)];
}

constexpr const char* kHosts[] = {"shop.com", "SHOP.com",      "shop.com.",     "shop.com:443",
                                  "shop.com.:0443", "shop.com:", "shop.com:8443", "other.com"};
constexpr const char* kFields[] = {"X-A: 1\r\n",
                                   "x-a: 1\r\n",
                                   "X-A: 2\r\n",
                                   "X_A: 1\r\n",
                                   "X_A: 2\r\n",
                                   "XB: 1\r\n",
                                   "X-B: 1\r\n",
                                   "Cookie: a\r\n",
                                   "Cookie: b\r\n",
                                   "Accept: a\r\n",
                                   "Accept: b\r\n",
                                   "Accept_Encoding: z\r\n",
                                   "Keep-Alive: 5\r\n",
                                   "TE: x\r\n",
                                   "Connection: X-A\r\n",
                                   "Connection: x-b, X-A\r\n",
                                   "Connection: Cookie\r\n",
                                   "If-None-Match: \"q\"\r\n",
                                   "X-Forwarded-Port: 1\r\n",
                                   "X-Forwarded-Host: evil\r\n",
                                   "X-Forwarded-Proto: gopher\r\n",
                                   "X-Real-IP: 6.6.6.6\r\n",
                                   "Forwarded: for=6.6.6.6\r\n",
                                   "Via: 1.0 x\r\n"};
constexpr const char* kVaries[] = {"", "X-A", "X-A, X-B", "Cookie", "Accept", "Accept-Encoding", "Host", "Via",
                                   "X-Forwarded-Port", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded",
                                   "If-None-Match", "Keep-Alive", "TE", "Connection", "Accept_Encoding"};

struct Request {
  std::string text, written;
  http::RequestHead head, seen;  // as it came, as its backend sees it
  http::ConnectionOptions options;
  cache::Request asked;

  explicit Request(Random& random) : text("GET ") {
    static constexpr const char* kTargets[] = {"/a", "/a?x"};
    text.append(one_of(random, kTargets)).append(random() % 2 != 0 ? " HTTP/1.1" : " HTTP/1.0");
    text.append("\r\nHost: ").append(one_of(random, kHosts)).append("\r\n");
    for (size_t fields = random() % 4; fields != 0; --fields) text.append(one_of(random, kFields));
    text.append("\r\n");
    read(text, head);
    options = *http::connection_options(head.headers);
    const bool secure = random() % 4 != 0, own_port = random() % 4 != 0;
    const uint16_t port = own_port ? 443 : 8443;
    asked = {&head, &options, secure ? "https" : "http", port, head.path, "web", test::kNow};
    write(random() % 2 != 0 ? "192.0.2.7" : "192.0.2.8", std::to_string(port));
  }
  Request(const Request&) = delete;

 private:
  static void read(std::string_view bytes, http::RequestHead& into) {
    http::HeadScan scan;
    ASSERT_TRUE(http::parse_request_head(bytes, {}, scan, into).done()) << bytes;
  }
  void write(std::string_view client, const std::string& port) {
    char buffer[2048];
    const auto done = http::write_request(
        buffer, head, {.options = options, .client = client, .scheme = asked.scheme, .port = port});
    written = *done;
    read(written, seen);
  }
};

std::string values(const http::RequestHead& head, std::string_view name) {
  std::string out;
  for (const http::Header& header : head.headers) {
    if (!http::same_letters(header.name(), name)) continue;
    out.append(":");
    if (!http::equal_without_case(header.name(), name))
      std::ranges::transform(header.name(), std::back_inserter(out), http::lower);
    out.append("=").append(header.value());
  }
  return out;
}

void expect_alike(const Request& a, const Request& b, const http::Headers& answer) {
  const std::string both = a.text + a.written + "---\n" + b.text + b.written;
  EXPECT_EQ(a.seen.target, b.seen.target) << both;
  for (const char* name : {"Host", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port"}) {
    EXPECT_EQ(values(a.seen, name), values(b.seen, name)) << both;
  }
  http::for_each_varying(answer, [&](std::string_view name) {
    EXPECT_EQ(values(a.seen, name), values(b.seen, name)) << "varies by " << name << "\n" << both;
  });
}

TEST(Cache, WhatOneClientGetsOfAnotherTheirBackendSawAlike) {
  size_t hits = 0;
  for (uint64_t seed = 0; seed < 40'000 && !::testing::Test::HasFailure(); ++seed) {
    Random random(seed);
    const Request first(random), second(random);
    const std::string vary = one_of(random, kVaries);
    const test::Answer answer(
        "200 OK", "Cache-Control: max-age=60, public\r\n" + (vary.empty() ? "" : "Vary: " + vary + "\r\n"));
    Cache cache(test::kRoomy);
    const auto writer = cache.begin(first.asked, *answer, test::length(0));
    if (!writer) continue;
    writer->finish();
    if (cache.find(second.asked).result != Result::kHit) continue;
    ++hits;
    expect_alike(first, second, (*answer).headers);
  }
  EXPECT_GT(hits, 1000u);
}

}  // namespace
}  // namespace cardea::l7::cache
