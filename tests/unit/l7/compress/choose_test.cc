// Two heads and the operator's word, and what becomes of the answer: a row each.
#include "l7/compress/choose.h"

#include <gtest/gtest.h>

#include <string>

#include "l7/http/parse_head.h"

namespace cardea::l7::compress::test {
namespace {

Settings settings() {
  return {.offers = {{Coding::kBrotli, 4}, {Coding::kZstd, 3}, {Coding::kGzip, 5}},
          .types = {"text/html", "text/event-stream", "font/*", "*+json"}};
}

struct Heads {
  Heads(std::string asked, std::string answered) : request_text(std::move(asked)), response_text(std::move(answered)) {
    http::HeadScan scan, response_scan;
    EXPECT_TRUE(http::parse_request_head(request_text, {}, scan, request).done()) << request_text;
    EXPECT_TRUE(http::parse_response_head(response_text, {}, response_scan, response).done()) << response_text;
  }
  std::string request_text, response_text;
  http::RequestHead request;
  http::ResponseHead response;
};

std::string get(std::string_view fields, std::string_view version = "1.1") {
  return "GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string answer(std::string_view fields, std::string_view status = "200 OK") {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) + "\r\n";
}

const std::string kHtml = "Content-Type: text/html; charset=utf-8\r\n";
const std::string kAll = "Accept-Encoding: gzip, deflate, br, zstd\r\n";

Choice of(const std::string& request, const std::string& response, std::optional<uint64_t> length = 5000) {
  const Heads heads(request, response);
  return choose(settings(), heads.request, heads.response, length);
}

// "br", or why not; behind it what is said of it.
std::string shown(const Choice& choice) {
  std::string text(choice.offer ? name(choice.offer->coding) : word(choice.why));
  EXPECT_EQ(choice.why == Why::kCompressed, choice.offer.has_value());
  return text + (choice.varies ? " varies" : "") + (choice.weak_tag ? " weak" : "");
}

TEST(ChooseCoding, WhatTheClientWantsMost) {
  struct Row {
    std::string accept;
    const char* chosen;
  };
  for (const auto& [accept, chosen] : std::initializer_list<Row>{
           {kAll, "br varies"},
           {"Accept-Encoding: gzip\r\n", "gzip varies"},
           {"Accept-Encoding: X-GZIP\r\n", "gzip varies"},
           {"Accept-Encoding: gzip;q=1, br;q=0.9\r\n", "gzip varies"},
           {"Accept-Encoding: gzip;q=0.5, zstd;q=0.5\r\n", "zstd varies"},
           {"Accept-Encoding: gzip;q=0\r\n", "unwanted varies"},
           {"Accept-Encoding: *\r\n", "br varies"},
           {"Accept-Encoding: *, br;q=0\r\n", "zstd varies"},
           {"Accept-Encoding: br;q=0.000, *;q=0.001\r\n", "zstd varies"},
           {"Accept-Encoding: *;q=0\r\n", "unwanted varies"},
           {"Accept-Encoding: deflate\r\n", "unwanted varies"},
           {"Accept-Encoding: identity\r\n", "unwanted varies"},
           {"Accept-Encoding: identity, gzip;q=0.5\r\n", "unwanted varies"},
           {"Accept-Encoding: identity;q=0.5, gzip;q=0.5\r\n", "gzip varies"},
           {"Accept-Encoding: identity;q=0\r\n", "unwanted varies"},
           {"Accept-Encoding: \r\n", "unwanted varies"},
           {"Accept-Encoding: gzip;q=2, br;quality=1\r\n", "unwanted varies"},
           {"Accept-Encoding: deflate\r\nAccept-Encoding: gzip\r\n", "gzip varies"},
           {"", "unwanted varies"},
           {"Accept-Encoding: gzip\r\nCache-Control: no-transform\r\n", "no_transform varies"}})
    EXPECT_EQ(shown(of(get(accept), answer(kHtml))), chosen) << accept;
  EXPECT_EQ(shown(of(get(kAll, "1.0"), answer(kHtml))), "old_client varies");
}

TEST(ChooseCoding, WhatTheAnswerIs) {
  struct Row {
    std::string fields;
    const char* chosen;
  };
  const std::string& html = kHtml;
  for (const auto& [fields, chosen] : std::initializer_list<Row>{
           {html, "br varies"},
           {"", "type"},
           {"Content-Type: image/png\r\n", "type"},
           {"Content-Type: text/plain\r\n", "type"},
           {"Content-Type: TEXT/HTML\r\n", "br varies"},
           {"Content-Type: text/htmlx\r\n", "type"},
           {"Content-Type: application/problem+json\r\n", "br varies"},
           {"Content-Type: application/json\r\n", "type"},
           {"Content-Type: font/ttf\r\n", "br varies"},
           {"Content-Type: font/\r\n", "type"},
           {"Content-Type: application/grpc+json\r\n", "type"},
           {html + html, "type"},
           {html + "Content-Encoding: gzip\r\n", "coded"},
           {html + "Content-Encoding: identity\r\n", "br varies"},
           {html + "Content-Encoding: identity\r\nContent-Encoding: x-own\r\n", "coded"},
           {html + "Cache-Control: public, no-transform\r\n", "no_transform"},
           {html + "Cache-Control: private\r\n", "private"},
           {html + "Cache-Control: no-store\r\n", "private"},
           {html + "Cache-Control: no-cache, max-age=3\r\n", "br varies"},
           {html + "Set-Cookie: a=1\r\n", "private"},
           {html + "Vary: Origin, accept-encoding\r\n", "br"},
           {html + "Vary: Origin\r\n", "br varies"},
           {html + "Vary: *\r\n", "br"},
           {html + "ETag: \"a\"\r\n", "br varies weak"},
           {html + "ETag: W/\"a\"\r\n", "br varies"},
           {html + "ETag: a\r\n", "entity_tag"},
           {html + "ETag: \"a\"\r\nETag: \"b\"\r\n", "entity_tag"}})
    EXPECT_EQ(shown(of(get(kAll), answer(fields))), chosen) << fields;
}

TEST(ChooseCoding, WhetherItHasABodyThatIsWorthIt) {
  struct Row {
    const char* status;
    std::optional<uint64_t> length;
    const char* chosen;
  };
  for (const auto& [status, length, chosen] : std::initializer_list<Row>{{"200 OK", 1024, "br varies"},
                                                                       {"200 OK", 1023, "small"},
                                                                       {"200 OK", {}, "br varies"},
                                                                       {"404 Not Found", 5000, "br varies"},
                                                                       {"500 Oops", {}, "br varies"},
                                                                       {"204 No Content", {}, "status"},
                                                                       {"205 Reset Content", 0, "status"},
                                                                       {"206 Partial Content", 5000, "status varies"},
                                                                       {"304 Not Modified", {}, "status varies"}})
    EXPECT_EQ(shown(of(get(kAll), answer(kHtml, status), length)), chosen) << status;
  Settings any = settings();
  any.size_min = 0;
  const Heads heads(get(kAll), answer(kHtml));
  EXPECT_EQ(shown(choose(any, heads.request, heads.response, 1)), "br varies");
  EXPECT_EQ(shown(choose(any, heads.request, heads.response, 0)), "small") << "nothing is no gzip file";
}

TEST(ChooseCoding, A304SpeaksOfWhatTheClientHas) {
  const std::string same = "304 Not Modified";
  const auto asked = [](std::string_view tags) {
    std::string fields = kAll;
    return get(fields.append("If-None-Match: ").append(tags).append("\r\n"));
  };
  EXPECT_EQ(shown(of(asked("W/\"a\""), answer("ETag: \"a\"\r\n", same))), "status varies weak");
  EXPECT_EQ(shown(of(asked("\"b\", W/\"a\""), answer("ETag: \"a\"\r\n", same))), "status varies weak");
  EXPECT_EQ(shown(of(asked("\"a\""), answer("ETag: \"a\"\r\n", same))), "status varies");
  EXPECT_EQ(shown(of(asked("W/\"a\""), answer("ETag: W/\"a\"\r\n", same))), "status varies");
  EXPECT_EQ(shown(of(asked("*"), answer("ETag: \"a\"\r\n", same))), "status varies");
  EXPECT_EQ(shown(of(asked("W/\"a\""), answer("ETag: \"a\"\r\nContent-Type: image/png\r\n", same))), "status");
  EXPECT_EQ(shown(of(asked("W/\"a\""), answer("ETag: \"a\"\r\nVary: Accept-Encoding\r\n", same))), "status weak");
}

TEST(ChooseCoding, WhatIsOneClientsOwnOnlyWhereTheOperatorSaysSo) {
  Settings all = settings();
  all.private_too = true;
  const Heads heads(get(kAll), answer(kHtml + "Set-Cookie: a=1\r\nCache-Control: private, no-store\r\n"));
  EXPECT_EQ(shown(choose(all, heads.request, heads.response, 5000)), "br varies");
}

TEST(ChooseCoding, NothingIsOfferedThatTheSiteDoesNotHave) {
  Settings gzip = settings();
  gzip.offers = {{Coding::kGzip, 9}};
  const Heads heads(get("Accept-Encoding: br, gzip;q=0.1\r\n"), answer(kHtml));
  const Choice choice = choose(gzip, heads.request, heads.response, {});
  EXPECT_EQ(choice.offer->coding, Coding::kGzip);
  EXPECT_EQ(choice.offer->level, 9);
}

}  // namespace
}  // namespace cardea::l7::compress::test
