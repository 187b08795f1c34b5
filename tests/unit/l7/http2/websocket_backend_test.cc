// WebSockets to backends that take them by HTTP/2 (RFC 8441), from clients of HTTP/1 and HTTP/2, and to such as do not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "l7/http2/websocket_key.h"
#include "tests/unit/l7/http2/backend.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::http2::test {
namespace {

using proxy::test::get;
using proxy::test::Peer;
using proxy::test::Site;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kWish =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const Fields kCall{{":method", "CONNECT"},
                   {":protocol", "websocket"},
                   {"sec-websocket-version", "13"},
                   {"sec-websocket-protocol", "chat"}};
const Backend::Settings kTakesThem = {{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}};

struct WebsocketBackend : testing::Test {
  WebsocketBackend()
      : site([](image::PlanT& plan) {
          plan.services[0]->http2 = true;
          plan.pools[0]->http2 = image::PoolHttp2::prior_knowledge;
        }) {}

  // Of the proxy, over HTTP/2.
  void expect_asked(Backend& backend, int32_t stream) {
    const Asked& asked = backend.asked(stream);
    EXPECT_EQ(asked.value(":method"), "CONNECT");
    EXPECT_EQ(asked.value(":protocol"), "websocket");
    EXPECT_EQ(asked.value(":scheme"), "http");
    EXPECT_EQ(asked.value(":path"), "/chat");
    EXPECT_EQ(asked.value(":authority"), "shop.example");
    EXPECT_EQ(asked.value("sec-websocket-protocol"), "chat");
    for (const char* hop : {"sec-websocket-key", "upgrade", "connection", "te"}) EXPECT_EQ(asked.value(hop), "") << hop;
    EXPECT_FALSE(asked.ended);
  }
  Site site;
};

TEST_F(WebsocketBackend, IsOpenedForAClientOfHttp1) {
  Peer client = site.client();
  client.send(get("/chat", kWish + "TE: trailers\r\n"));
  Backend backend(site, site.origin(), kTakesThem);
  const int32_t call = backend.next();
  expect_asked(backend, call);
  backend.answer(call, "200", {{"sec-websocket-protocol", "chat"}}, false);
  const std::string head = client.head();
  EXPECT_THAT(head, AllOf(StartsWith("HTTP/1.1 101 Switching Protocols\r\n"), HasSubstr("\r\nConnection: Upgrade\r\n"),
                          HasSubstr("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
                          HasSubstr("sec-websocket-protocol: chat\r\n"), Not(HasSubstr("Transfer-Encoding"))));
  client.send("ping");
  ASSERT_TRUE(backend.until([&] { return backend.asked(call).body == "ping"; }));
  backend.send_body(call, "pong", false);
  EXPECT_EQ(client.take(4), "pong");
  client.finish();
  EXPECT_TRUE(backend.whole(call).ended);
  backend.send_body(call, "last", true);
  EXPECT_EQ(client.rest(), "last");
  EXPECT_FALSE(client.reset());
  const auto line = site.log_line();
  EXPECT_EQ(line["status"], 101);
  EXPECT_EQ(line["reason"], "ok");
}

TEST_F(WebsocketBackend, IsOpenedForAClientOfHttp2) {
  Client caller(site);
  const int32_t call = caller.ask("/chat", kCall, false);
  Backend backend(site, site.origin(), kTakesThem);
  const int32_t asked = backend.next();
  expect_asked(backend, asked);
  backend.answer(asked, "200", {}, false);
  backend.send_body(asked, "first", false);
  ASSERT_TRUE(caller.until([&] { return caller.so_far(call).body == "first"; }));
  EXPECT_EQ(caller.so_far(call).status, "200");
  EXPECT_EQ(caller.so_far(call).value("sec-websocket-accept"), "");
  caller.send_body(call, "bye", true);
  EXPECT_EQ(backend.whole(asked).body, "bye");
  backend.send_body(asked, "last", true);
  EXPECT_EQ(caller.answer(call).body, "firstlast");
  EXPECT_TRUE(caller.answer(call).ended && !caller.answer(call).reset);
}

// Beside other requests, on one connection.
TEST_F(WebsocketBackend, SharesTheConnectionAndEndsAlone) {
  Peer one = site.client(), two = site.client(), other = site.client();
  one.send(get("/chat", kWish));
  two.send(get("/chat", kWish));
  Backend backend(site, site.origin(), kTakesThem);
  const int32_t first = backend.next(), second = backend.next();
  for (const int32_t call : {first, second}) backend.answer(call, "200", {}, false);
  one.head(), two.head();
  other.send(get("/"));
  backend.answer(backend.next(), "204");
  EXPECT_THAT(other.head(), StartsWith("HTTP/1.1 204 "));
  one.abort();
  EXPECT_EQ(backend.over(first).reset, NGHTTP2_CANCEL);
  two.send("still");
  EXPECT_TRUE(backend.until([&] { return backend.asked(second).body == "still"; }));
  backend.reset(second, NGHTTP2_INTERNAL_ERROR);
  two.rest();
  EXPECT_TRUE(two.reset()) << "an end that was none is no end";
  EXPECT_TRUE(site.origin().nobody_called());
}

// As Go's net/http does: behind its end it wants no more, and says so.
TEST_F(WebsocketBackend, ThatEndsItInOrderIsNotBlamedForWhatStillComes) {
  Peer client = site.client();
  client.send(get("/chat", kWish));
  Backend backend(site, site.origin(), kTakesThem);
  const int32_t call = backend.next();
  backend.answer(call, "200", {}, false);
  backend.send_body(call, "bye", true);
  backend.reset(call, NGHTTP2_NO_ERROR);
  client.head();
  EXPECT_EQ(client.take(3), "bye");
  client.send("bye");
  client.finish();
  EXPECT_EQ(client.rest(), "");
  EXPECT_FALSE(client.reset());
  EXPECT_EQ(site.log_line()["reason"], "ok");
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 0u);
  EXPECT_EQ(site.value("cardea_l7_backend_connections"), 0u);
}

// However little of it the backend takes at a time.
TEST_F(WebsocketBackend, GetsTheLastBytes) {
  Peer client = site.client();
  client.send(get("/chat", kWish));
  Backend::Settings narrow = kTakesThem;
  narrow.push_back({NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 100});
  Backend backend(site, site.origin(), narrow);
  const int32_t call = backend.next();
  backend.answer(call, "200", {}, false);
  backend.send_body(call, "bye", true);
  client.head();
  EXPECT_EQ(client.take(3), "bye");
  client.send(std::string(5000, 'x'));
  client.finish();
  EXPECT_EQ(backend.whole(call).body.size(), 5000u);
  EXPECT_TRUE(backend.asked(call).ended);
  EXPECT_FALSE(backend.asked(call).reset);
}

TEST_F(WebsocketBackend, ThatDeclinesIsHeard) {
  Peer client = site.client();
  client.send(get("/chat", kWish));
  Backend backend(site, site.origin(), kTakesThem);
  const int32_t call = backend.next();
  backend.answer_with(call, "403", {{"content-length", "2"}}, "no");
  EXPECT_THAT(client.message(), AllOf(StartsWith("HTTP/1.1 403 "), testing::EndsWith("\r\n\r\nno")));
  client.send(get("/"));
  backend.answer(backend.next(), "204");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 204 "));
}

// It is asked once; the connection that it said so on serves others.
TEST_F(WebsocketBackend, ThatDoesNotTakeThemIsAskedByHttp1) {
  Peer client = site.client();
  client.send(get("/chat", kWish));
  Backend backend(site);
  for (int i = 0; i < 2; ++i) {
    Peer alone = site.origin().accept();
    EXPECT_THAT(alone.head(), StartsWith("GET /chat HTTP/1.1\r\n"));
    alone.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello");
    EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 101 "));
    EXPECT_EQ(client.take(5), "hello");
    client = site.client();
    client.send(get("/chat", kWish));
  }
  Peer other = site.client();
  other.send(get("/"));
  backend.answer(backend.next(), "204");
  EXPECT_THAT(other.head(), StartsWith("HTTP/1.1 204 "));
}

// One backend's places are counted once, whichever way it is asked in the end.
TEST_F(WebsocketBackend, TakesOnePlaceOfIt) {
  Peer client = site.client();
  client.send(get("/chat", kWish));
  Backend backend(site);
  Peer alone = site.origin().accept();
  alone.head();
  EXPECT_EQ(site.value("cardea_l7_backend_connections"), 1u);
  client.abort();
  proxy::test::settle(site.loop());
  EXPECT_EQ(site.value("cardea_l7_backend_connections"), 0u);
}

}  // namespace
}  // namespace cardea::l7::http2::test
