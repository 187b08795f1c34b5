// What ends at this hop, what stays open, who may upgrade, and who waits for 100 Continue.
#include <gtest/gtest.h>

#include "tests/unit/l7/http/verdict.h"

namespace cardea::l7::http {
namespace {

struct Request {
  std::string bytes;
  RequestHead head;
  ConnectionOptions options;

  explicit Request(std::string text) : bytes(std::move(text)) {
    HeadScan scan;
    EXPECT_TRUE(parse_request_head(bytes, {}, scan, head).done()) << bytes;
    if (auto read = connection_options(head.headers)) options = *read;
  }
};
Request get(const std::string& headers, const std::string& version = "1.1") {
  return Request("GET / HTTP/" + version + "\r\nHost: a\r\n" + headers + "\r\n");
}

struct Response {
  std::string bytes;
  ResponseHead head;
  ConnectionOptions options;
  BodyFraming body;

  explicit Response(std::string text, bool upgrade_asked = false) : bytes(std::move(text)) {
    HeadScan scan;
    EXPECT_TRUE(parse_response_head(bytes, {}, scan, head).done()) << bytes;
    if (auto read = connection_options(head.headers)) options = *read;
    if (auto read = response_body(head, Method::kGet, upgrade_asked)) body = *read;
  }
  bool keeps_alive() const { return backend_keeps_alive(head, options, body); }
};

TEST(KeepAlive, FollowsVersionAndOptions) {
  const auto keeps = [](const Request& request) { return keeps_alive(request.head.version, request.options); };
  EXPECT_TRUE(keeps(get("")));
  EXPECT_FALSE(keeps(get("Connection: close\r\n")));
  EXPECT_FALSE(keeps(get("Connection: keep-alive\r\nConnection: x, CLOSE\r\n")));
  EXPECT_FALSE(keeps(get("", "1.0")));
  EXPECT_TRUE(keeps(get("Connection: Keep-Alive\r\n", "1.0")));
}

TEST(KeepAlive, ABackendMustLeaveNoDoubt) {
  EXPECT_TRUE(Response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").keeps_alive());
  EXPECT_TRUE(Response("HTTP/1.1 204 No\r\n\r\n").keeps_alive());
  EXPECT_FALSE(Response("HTTP/1.1 200 OK\r\n\r\n").keeps_alive());
  EXPECT_FALSE(Response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n").keeps_alive());
  EXPECT_FALSE(Response("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n").keeps_alive());
  EXPECT_FALSE(Response("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n").keeps_alive());
  EXPECT_FALSE(Response("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", true).keeps_alive());
}

TEST(HopByHop, ConnectionStripsOnlyWhatIsNobodyElses) {
  const Request request = get(
      "Connection: X-Own, Cookie, Host, Authorization, X-Forwarded-For, Content-Length, close\r\nx-own: 1\r\nX-Other: "
      "1\r\n"
      "Cookie: a\r\nAuthorization: b\r\nX-Forwarded-For: c\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\n"
      "Proxy-Authorization: y\r\nHTTP2-Settings: z\r\nUpgrade: h2c\r\nAccept_Encoding: forged\r\n");
  std::string kept;
  for (const Header& header : request.head.headers) {
    if (!is_hop_by_hop(header, request.options)) kept += std::string(header.name()) + " ";
  }
  EXPECT_EQ(kept, "Host X-Other Cookie Authorization X-Forwarded-For ");
}

TEST(HopByHop, TooManyNamesAreRefused) {
  std::string list = "Connection: close";
  for (int i = 0; i < 16; ++i) list += ", x" + std::to_string(i);
  EXPECT_TRUE(connection_options(get(list + "\r\n").head.headers).has_value());
  EXPECT_EQ(connection_options(get(list + ", y\r\n").head.headers).error(), Fault::kConnectionOptions);
}

TEST(Expect, IsHeardOnlyBeforeABody) {
  const auto of = [](const std::string& headers, BodyFraming body, const std::string& version = "1.1") {
    return expectation(get(headers, version).head, body);
  };
  const BodyFraming five{BodyKind::kLength, 5};
  EXPECT_EQ(of("Expect: 100-Continue\r\n", five), Expectation::kContinue);
  EXPECT_EQ(of("Expect: 100-continue\r\n", {BodyKind::kChunked}), Expectation::kContinue);
  EXPECT_EQ(of("Expect: 100-continue\r\n", {}), Expectation::kNone);
  EXPECT_EQ(of("Expect: 100-continue\r\n", five, "1.0"), Expectation::kNone);
  EXPECT_EQ(of("", five), Expectation::kNone);
  EXPECT_EQ(of("Expect: a-party\r\n", five).error(), Fault::kExpectation);
  EXPECT_EQ(of("Expect: 100-continue\r\nExpect: 100-continue\r\n", five).error(), Fault::kExpectation);
}

TEST(Websocket, OnlyACompleteWishCounts) {
  const std::string rest = "Sec-WebSocket-Key: dGhl\r\nSec-WebSocket-Version: 13\r\n";
  const auto wants = [](const Request& request, BodyFraming body = {}) {
    return wants_websocket(request.head, request.options, body);
  };
  EXPECT_TRUE(wants(get("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n" + rest)));
  EXPECT_FALSE(wants(get("Connection: Upgrade\r\nUpgrade: WebSocket\r\n" + rest), {BodyKind::kLength, 5}));
  EXPECT_FALSE(wants(get("Upgrade: websocket\r\n" + rest)));
  EXPECT_FALSE(wants(get("Connection: Upgrade\r\nUpgrade: h2c\r\n" + rest)));
  EXPECT_FALSE(wants(get("Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n" + rest)));
  EXPECT_FALSE(wants(get("Connection: Upgrade\r\nUpgrade: websocket\r\n")));
  EXPECT_FALSE(wants(get("Connection: Upgrade\r\nUpgrade: websocket\r\n" + rest, "1.0")));
}

TEST(Websocket, OnlyItsOwnAnswerAccepts) {
  const auto accepts = [](const Response& response) { return accepts_websocket(response.head, response.options); };
  EXPECT_TRUE(accepts(Response("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", true)));
  EXPECT_FALSE(accepts(Response("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", true)));
  EXPECT_FALSE(accepts(Response("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", true)));
  EXPECT_FALSE(accepts(Response("HTTP/1.1 200 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", true)));
}

}  // namespace
}  // namespace cardea::l7::http
