// Heads as they go on, byte for byte, and the replies this proxy makes itself.
#include <gtest/gtest.h>

#include "l7/http/edit.h"
#include "l7/http/reply_text.h"
#include "tests/unit/l7/http/verdict.h"

namespace cardea::l7::http {
namespace {

std::string forwarded(std::string_view bytes, RequestEdit edit = {}) {
  RequestHead head;
  HeadScan scan;
  EXPECT_TRUE(parse_request_head(bytes, {}, scan, head).done());
  edit.options = *connection_options(head.headers);
  edit.body = *request_body(head);
  edit.client = "192.0.2.7";
  edit.scheme = "https";
  char buffer[4096];
  const auto written = write_request(buffer, head, edit);
  EXPECT_TRUE(written.has_value());
  return std::string(written.value_or(""));
}

const std::string kForwardedFor =
    "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\nX-Real-IP: 192.0.2.7\r\n";

TEST(WriteRequest, AddsWhatThisHopKnowsAndDropsWhatEndsHere) {
  EXPECT_EQ(
      forwarded("GET /x?y HTTP/1.1\r\naccept:*/*\r\nHost: a\r\nConnection: close, X-Own\r\nX-Own: 1\r\nTE: trailers\r\n"
                "X-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\nVia: 1.1 other\r\n\r\n"),
      "GET /x?y HTTP/1.1\r\nHost: a\r\naccept: */*\r\nVia: 1.1 other\r\n" + kForwardedFor + "Via: 1.1 cardea\r\n\r\n");
}

TEST(WriteRequest, AppendsToWhatProxiesBeforeWrote) {
  EXPECT_EQ(
      forwarded("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\n\r\n"),
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7\r\n" +
          kForwardedFor.substr(kForwardedFor.find("X-Forwarded-Proto")) + "Via: 1.1 cardea\r\n\r\n");
}

TEST(WriteRequest, TheTargetsHostIsTheHost) {
  const std::string out =
      forwarded("POST http://b:81/p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-continue\r\n\r\n",
                {.port = "443", .expect = true, .close = true});
  EXPECT_TRUE(out.starts_with("POST /p HTTP/1.1\r\nHost: b:81\r\nX-Forwarded-For: ")) << out;
  EXPECT_TRUE(
      out.ends_with("X-Forwarded-Host: b:81\r\nX-Forwarded-Port: 443\r\nX-Real-IP: 192.0.2.7\r\nVia: 1.1 cardea\r\n"
                    "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"))
      << out;
}

TEST(WriteRequest, SendsThePathThatWasMatchedAndAHostWhereNoneWas) {
  const std::string out =
      forwarded("GET /a/../b?q HTTP/1.0\r\nContent-Length: 3\r\n\r\n", {.path = "/b", .default_host = "10.0.0.1"});
  EXPECT_TRUE(out.starts_with("GET /b?q HTTP/1.1\r\nHost: 10.0.0.1\r\n")) << out;
  EXPECT_TRUE(out.ends_with("Via: 1.0 cardea\r\nContent-Length: 3\r\n\r\n")) << out;
  EXPECT_EQ(out.find("X-Forwarded-Host"), std::string::npos) << "nobody asked for one: " << out;
}

TEST(WriteRequest, ABackendSeesOneSpellingOfAHost) {
  const auto host = [](std::string_view written) {
    const std::string out = forwarded("GET / HTTP/1.1\r\nHost: " + std::string(written) + "\r\n\r\n");
    const size_t at = out.find("Host: ") + 6;
    const std::string seen = out.substr(at, out.find('\r', at) - at);
    EXPECT_NE(out.find("X-Forwarded-Host: " + seen + "\r\n"), out.npos) << out;
    return seen;
  };
  EXPECT_EQ(host("Shop.COM"), "shop.com");
  EXPECT_EQ(host("shop.com."), "shop.com");
  EXPECT_EQ(host("shop.com:443"), "shop.com");
  EXPECT_EQ(host("shop.com.:443"), "shop.com");
  EXPECT_EQ(host("shop.com:"), "shop.com");
  EXPECT_EQ(host("shop.com:80"), "shop.com:80");
  EXPECT_EQ(host("shop.com.:08443"), "shop.com:8443");
  EXPECT_EQ(host("[2001:DB8::1]"), "[2001:db8::1]");
  EXPECT_EQ(host("[2001:db8::1]:443"), "[2001:db8::1]");
  EXPECT_EQ(host("[2001:db8::1]:81"), "[2001:db8::1]:81");
  EXPECT_EQ(host(std::string(255, 'A') + ":65535"), std::string(255, 'a') + ":65535");
}

TEST(WriteRequest, WhatAClientSaysOfItselfIsNotSentOn) {
  EXPECT_EQ(forwarded("GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=6.6.6.6;proto=https\r\nforwarded: host=b\r\n"
                      "X-Forwarded-Port: 1\r\nX-Forwarded-Host: b\r\nAccept_Encoding: gzip\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: a\r\n" + kForwardedFor + "Via: 1.1 cardea\r\n\r\n");
}

std::string forwarded_line(std::string_view fields, RequestEdit edit, const std::string& host = "a") {
  const std::string out = forwarded("GET / HTTP/1.1\r\nHost: " + host + "\r\n" + std::string(fields) + "\r\n", edit);
  const size_t at = out.find("\r\nForwarded: ");
  EXPECT_EQ(out.find("\r\nForwarded: ", at + 1), out.npos) << out;
  return at == out.npos ? "" : out.substr(at + 13, out.find('\r', at + 2) - at - 13);
}

TEST(WriteRequest, TellsOfTheWayByForwardedWhereThatIsWanted) {
  const std::string_view claimed = "Forwarded: for=6.6.6.6;host=evil\r\nForwarded: for=7.7.7.7\r\n";
  EXPECT_EQ(forwarded_line(claimed, {}), "");
  EXPECT_EQ(forwarded_line(claimed, {.forwarded = true}), "for=192.0.2.7;host=a;proto=https");
  EXPECT_EQ(forwarded_line(claimed, {.peer = "10.0.0.1", .forwarded = true}), "for=192.0.2.7;host=a;proto=https, for=10.0.0.1");
  EXPECT_EQ(forwarded_line("", {.peer = "2001:db8::1", .forwarded = true}), "for=192.0.2.7;host=a;proto=https, for=\"[2001:db8::1]\"");
  EXPECT_EQ(forwarded_line("", {.forwarded = true}, "shop.example:81"), "for=192.0.2.7;host=\"shop.example:81\";proto=https");
  EXPECT_EQ(forwarded_line("", {.forwarded = true, .forwarded_host = "told.example"}), "for=192.0.2.7;host=told.example;proto=https");
  EXPECT_EQ(forwarded_line("", {.forwarded = true, .forwarded_host = "a\";for=6.6.6.6"}), "for=192.0.2.7;proto=https") << "no host of any";
}

TEST(WriteRequest, AnotherTargetThanTheClientsIsSentWithItsQuery) {
  const auto line = [](std::string_view target, RequestEdit edit) {
    const std::string out = forwarded("GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n", edit);
    return out.substr(0, out.find('\r'));
  };
  EXPECT_EQ(line("/a?b", {.path = "/x", .query = "y=1"}), "GET /x?y=1 HTTP/1.1");
  EXPECT_EQ(line("/a?b", {.path = "/x", .query = ""}), "GET /x HTTP/1.1");
  EXPECT_EQ(line("/a", {.path = "/x", .query = "y"}), "GET /x?y HTTP/1.1");
}

TEST(WriteRequest, CountsMaxForwardsDownWhereItIsTold) {
  const std::string bytes = "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 7\r\n\r\n";
  EXPECT_NE(forwarded(bytes, {.max_forwards = 6}).find("\r\nMax-Forwards: 6\r\n"), std::string::npos);
  EXPECT_EQ(forwarded(bytes, {.max_forwards = 6}).find("Max-Forwards: 7"), std::string::npos);
  EXPECT_NE(forwarded(bytes).find("Max-Forwards: 7"), std::string::npos);
}

TEST(WriteRequest, LengthsAreWrittenAsNumbers) {
  const std::string out = forwarded("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\n");
  EXPECT_NE(out.find("\r\nContent-Length: 5\r\n"), out.npos) << out;
}

TEST(WriteRequest, ForwardsAnUpgradeOnlyWhenTold) {
  const std::string bytes =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
  EXPECT_EQ(forwarded(bytes).find("Upgrade"), std::string::npos);
  EXPECT_TRUE(forwarded(bytes, {.websocket = true}).ends_with("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
}

std::string sent(std::string_view bytes, ResponseEdit edit = {}) {
  ResponseHead head;
  HeadScan scan;
  EXPECT_TRUE(parse_response_head(bytes, {}, scan, head).done());
  edit.options = *connection_options(head.headers);
  edit.body = framing_towards(*response_body(head, edit.method, edit.websocket), edit.client_version);
  char buffer[4096];
  const auto written = write_response(buffer, head, edit);
  EXPECT_TRUE(written.has_value());
  return std::string(written.value_or(""));
}

TEST(WriteResponse, FramesAnew) {
  EXPECT_EQ(sent("HTTP/1.0 200 Fine\r\nServer: s\r\nConnection: X-A\r\nX-A: 1\r\nKeep-Alive: 5\r\n\r\n"),
            "HTTP/1.1 200 Fine\r\nServer: s\r\nVia: 1.0 cardea\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(sent("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                 {.client_version = Version::kHttp10, .close = true, .date = "D"}),
            "HTTP/1.1 200 OK\r\nDate: D\r\nVia: 1.1 cardea\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(sent("HTTP/1.1 404\r\nContent-Length: 5\r\nDate: then\r\nAge: 1\r\n\r\n",
                 {.client_version = Version::kHttp10, .date = "D", .age = 7}),
            "HTTP/1.1 404 Not Found\r\nDate: then\r\nAge: 7\r\nVia: 1.1 cardea\r\nContent-Length: 5\r\nConnection: "
            "keep-alive\r\n\r\n");
}

TEST(WriteResponse, WhatIsCompressedSaysSoAndNothingOfTheOtherBytes) {
  const std::string said =
      sent("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: identity\r\nETag: \"a\"\r\nAccept-Ranges: "
           "bytes\r\nContent-Length: 9\r\nContent-MD5: x\r\nrepr-digest: y\r\nX-Own: 1\r\n\r\n",
           {.method = Method::kHead, .via = {}, .coding = "br", .weak_tag = true, .varies = true});
  EXPECT_EQ(said,
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Own: 1\r\nContent-Encoding: br\r\nETag: W/\"a\"\r\nVary: "
            "Accept-Encoding\r\n\r\n");
}

TEST(WriteResponse, AnAnswerThatMayBeCompressedForOthersSaysSo) {
  EXPECT_EQ(sent("HTTP/1.1 200 OK\r\nETag: \"a\"\r\nAccept-Ranges: bytes\r\nContent-Length: 9\r\n\r\n",
                 {.via = {}, .varies = true}),
            "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nAccept-Ranges: bytes\r\nVary: Accept-Encoding\r\nContent-Length: 9\r\n\r\n");
}

TEST(WriteResponse, LengthsWithoutBodies) {
  EXPECT_EQ(sent("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {.method = Method::kHead}),
            "HTTP/1.1 200 OK\r\nVia: 1.1 cardea\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(sent("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
            "HTTP/1.1 304 Not Modified\r\nVia: 1.1 cardea\r\n\r\n");
  EXPECT_EQ(sent("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
            "HTTP/1.1 204 No Content\r\nVia: 1.1 cardea\r\n\r\n");
}

TEST(WriteResponse, WhatABackendIsForgivenIsWrittenAnew) {
  EXPECT_EQ(sent("HTTP/1.1 200 OK\r\nServer : s\r\nX-A\t :1\r\nContent-Length \t: 005, 5\r\ncontent-length: 5\r\n"
                 "Content_Length: 9\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nServer: s\r\nX-A: 1\r\nVia: 1.1 cardea\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(sent("HTTP/1.1 200 OK\r\nContent-Length: 005, 5\r\n\r\n", {.method = Method::kHead}),
            "HTTP/1.1 200 OK\r\nVia: 1.1 cardea\r\nContent-Length: 5\r\n\r\n");
}

TEST(WriteResponse, UpgradeRequiredSaysToWhat) {
  const std::string bytes =
      "HTTP/1.1 426 Upgrade Required\r\nUpgrade: HTTP/3.0\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n";
  const std::string begin = "HTTP/1.1 426 Upgrade Required\r\nVia: 1.1 cardea\r\nContent-Length: 0\r\n";
  EXPECT_EQ(sent(bytes), begin + "Connection: Upgrade\r\nUpgrade: HTTP/3.0\r\n\r\n");
  EXPECT_EQ(sent(bytes, {.close = true}), begin + "Connection: Upgrade, close\r\nUpgrade: HTTP/3.0\r\n\r\n");
  EXPECT_EQ(sent(bytes, {.client_version = Version::kHttp10}),
            begin + "Connection: Upgrade, keep-alive\r\nUpgrade: HTTP/3.0\r\n\r\n");
  EXPECT_EQ(sent("HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nVia: 1.1 cardea\r\nContent-Length: 0\r\n\r\n");
}

TEST(WriteResponse, SwitchesOnlyToWhatWasAsked) {
  EXPECT_EQ(sent("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                 "websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
                 {.websocket = true}),
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nVia: 1.1 cardea\r\nConnection: "
            "Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST(WriteReply, SaysWhy) {
  char buffer[kReplyBytesMax];
  EXPECT_EQ(
      *write_reply(buffer, {.status = 503, .reason_word = "no_backend", .date = "D"}),
      "HTTP/1.1 503 Service Unavailable\r\nDate: D\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 32\r\n"
      "Cache-Control: no-store\r\nConnection: close\r\n\r\nService Unavailable: no_backend\n");
  const std::string_view head =
      *write_reply(buffer, {.status = 404, .reason_word = "no_route", .method = Method::kHead, .close = false});
  EXPECT_TRUE(head.ends_with("Content-Length: 20\r\nCache-Control: no-store\r\n\r\n")) << head;
}

TEST(WriteReply, FitsWithTheLongestWordAndFailsInLess) {
  char buffer[kReplyBytesMax];
  const std::string word(64, 'w');
  const std::string date(29, 'd');
  for (uint16_t status = 400; status < 600; ++status) {
    EXPECT_TRUE(write_reply(buffer, {.status = status, .reason_word = word, .date = date}).has_value());
  }
  EXPECT_FALSE(write_reply(std::span(buffer, 100), {.status = 404}).has_value());
}

}  // namespace
}  // namespace cardea::l7::http
