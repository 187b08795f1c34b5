// What is decided from a head alone: framing, connection, route, or why it may not pass.
#include "l7/policy/admit.h"

#include <gtest/gtest.h>

#include <string>

#include "l7/http/parse_head.h"

namespace cardea::l7::policy {
namespace {

ServicePlan service() {
  ServicePlan plan;
  plan.name = "shop";
  const route::RouteRow rows[] = {{"api", {"shop.example"}, "/api/"}, {"pages", {"shop.example", "*.wild.example"}, "/"}};
  plan.table = route::Table::build(rows).value();
  plan.routes.resize(2);
  plan.body_bytes_max = 100;
  return plan;
}

// The decision as words: "route 0 length 4 keep", or the refusal's.
std::string decide(const std::string& line, const std::string& fields = "", const std::string& host = "shop.example") {
  static const ServicePlan plan = service();
  const std::string text = line + "\r\nHost: " + host + "\r\n" + fields + "\r\n";
  http::HeadScan scan;
  http::RequestHead head;
  const http::HeadProgress parsed = http::parse_request_head(text, {}, scan, head);
  if (!parsed.done()) return "no head: " + std::string(http::word(parsed.fault));
  std::string scratch(route::scratch_size(head.path), '\0');
  const auto admitted = admit(plan, head, IpAddress{}, scratch);
  if (!admitted) {
    switch (admitted.error().why) {
      case Refusal::Why::kFault: return std::string(http::word(admitted.error().fault));
      case Refusal::Why::kBodyTooLarge: return "body too large";
      case Refusal::Why::kNoRoute: return "no route";
      case Refusal::Why::kMaxForwards: return "ends here";
    }
  }
  std::string words = "route " + std::to_string(admitted->match.route);
  if (admitted->body.kind == http::BodyKind::kLength) words += " length " + std::to_string(admitted->body.length);
  if (admitted->body.kind == http::BodyKind::kChunked) words += " chunked";
  if (admitted->keep_alive) words += " keep";
  if (admitted->expects_continue) words += " expects";
  if (admitted->max_forwards) words += " forwards " + std::to_string(*admitted->max_forwards);
  if (admitted->websocket) words += " websocket";
  return words;
}

TEST(Admit, MaxForwardsCountsForTwoMethods) {
  EXPECT_EQ(decide("OPTIONS / HTTP/1.1", "Max-Forwards: 0\r\n"), "ends here");
  EXPECT_EQ(decide("TRACE / HTTP/1.1", "Max-Forwards: 0\r\n"), "ends here");
  EXPECT_EQ(decide("OPTIONS / HTTP/1.1", "Max-Forwards: 1\r\n"), "route 1 keep forwards 0");
  EXPECT_EQ(decide("TRACE / HTTP/1.1", "Max-Forwards: 10\r\n"), "route 1 keep forwards 9");
  EXPECT_EQ(decide("OPTIONS / HTTP/1.1", "Max-Forwards: -1\r\n"), "route 1 keep");
  EXPECT_EQ(decide("OPTIONS / HTTP/1.1", "Max-Forwards: 99999999999999999999\r\n"), "route 1 keep forwards 2147483647");
  EXPECT_EQ(decide("OPTIONS / HTTP/1.1", "Max-Forwards: 7\r\nMax-Forwards: 3\r\n"), "route 1 keep forwards 2");
  EXPECT_EQ(decide("OPTIONS / HTTP/1.1", "Max-Forwards: x\r\nMax-Forwards: 0\r\n"), "ends here");
  EXPECT_EQ(decide("OPTIONS / HTTP/1.1"), "route 1 keep");
  EXPECT_EQ(decide("GET / HTTP/1.1", "Max-Forwards: 0\r\n"), "route 1 keep");
}

TEST(Admit, WhatIsToBeSecureIsNotServedInPlainText) {
  EXPECT_EQ(decide("GET https://shop.example/ HTTP/1.1"), "misdirected");
  EXPECT_EQ(decide("GET HTTPS://shop.example/ HTTP/1.1"), "misdirected");
  EXPECT_EQ(decide("GET http://shop.example/ HTTP/1.1"), "route 1 keep");
  EXPECT_EQ(http::request_status(http::Fault::kMisdirected), 421);
}

TEST(Admit, RoutesByHostAndPath) {
  EXPECT_EQ(decide("GET / HTTP/1.1"), "route 1 keep");
  EXPECT_EQ(decide("GET /api/x HTTP/1.1"), "route 0 keep");
  EXPECT_EQ(decide("GET /x/../api/y HTTP/1.1"), "route 0 keep");
  EXPECT_EQ(decide("GET /api HTTP/1.1"), "route 1 keep");
  EXPECT_EQ(decide("GET / HTTP/1.1", "", "SHOP.example:8080"), "route 1 keep");
  EXPECT_EQ(decide("GET /api/ HTTP/1.1", "", "a.wild.example"), "route 1 keep");
  EXPECT_EQ(decide("GET / HTTP/1.1", "", "other"), "no route");
  EXPECT_EQ(decide("GET http://a.wild.example/api/ HTTP/1.1", "", "shop.example"), "route 1 keep");
}

TEST(Admit, AmbiguousPathsAreRefusedBeforeTheyChooseARoute) {
  EXPECT_EQ(decide("GET /x/..%2fapi/y HTTP/1.1"), "path_ambiguous");
  EXPECT_EQ(decide("GET /../x HTTP/1.1"), "path_above_root");
  EXPECT_EQ(decide("GET /%zz HTTP/1.1"), "path_encoding");
  EXPECT_EQ(decide("GET /%00 HTTP/1.1"), "path_control");
}

TEST(Admit, BodiesAndTheirLimit) {
  EXPECT_EQ(decide("POST / HTTP/1.1", "Content-Length: 100\r\n"), "route 1 length 100 keep");
  EXPECT_EQ(decide("POST / HTTP/1.1", "Content-Length: 101\r\n"), "body too large");
  EXPECT_EQ(decide("POST / HTTP/1.1", "Content-Length: 101\r\n", "other"), "body too large");
  EXPECT_EQ(decide("POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n"), "route 1 chunked keep");
  EXPECT_EQ(decide("POST / HTTP/1.1", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), "length_and_encoding");
  EXPECT_EQ(decide("CONNECT a:1 HTTP/1.1"), "connect_unsupported");
}

TEST(Admit, WhatItSaysAboutItsConnection) {
  EXPECT_EQ(decide("GET / HTTP/1.1", "Connection: close\r\n"), "route 1");
  EXPECT_EQ(decide("GET / HTTP/1.0"), "route 1");
  EXPECT_EQ(decide("GET / HTTP/1.0", "Connection: keep-alive\r\n"), "route 1 keep");
  EXPECT_EQ(decide("GET / HTTP/1.1", "Connection: (\r\n"), "connection_options");
  EXPECT_EQ(decide("POST / HTTP/1.1", "Content-Length: 4\r\nExpect: 100-continue\r\n"), "route 1 length 4 keep expects");
  EXPECT_EQ(decide("POST / HTTP/1.1", "Expect: 100-continue\r\n"), "route 1 keep") << "nothing to wait for";
  EXPECT_EQ(decide("GET / HTTP/1.1", "Expect: more\r\n"), "expectation");
  const std::string wish = "Connection: Upgrade\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n";
  EXPECT_EQ(decide("GET / HTTP/1.1", wish + "Upgrade: websocket\r\n"), "route 1 keep websocket");
  EXPECT_EQ(decide("GET / HTTP/1.1", wish + "Upgrade: h2c\r\n"), "route 1 keep");
  EXPECT_EQ(decide("POST / HTTP/1.1", wish + "Upgrade: websocket\r\n"), "route 1 keep");
}

}  // namespace
}  // namespace cardea::l7::policy
