// HTTP/2 towards backends through the whole request path: what a call is to a backend that speaks it, whatever its client
// speaks, and what becomes of it.
#include "l7/http2/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/http2/backend.h"
#include "tests/unit/l7/http2/raw.h"

namespace cardea::l7::http2::test {
namespace {

using namespace std::chrono_literals;
using proxy::test::get;
using proxy::test::Peer;
using proxy::test::post;
using proxy::test::settle;
using proxy::test::Site;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

Site::Change with_http2(const Site::Change& more = {}) {
  return [more](image::PlanT& plan) {
    plan.services[0]->http2 = true;
    plan.pools[0]->http2 = image::PoolHttp2::prior_knowledge;
    if (more) more(plan);
  };
}

struct Http2Backend : testing::Test {
  explicit Http2Backend(const Site::Change& more = {}, size_t origins = 1) : site(with_http2(more), origins) {}
  Site site;
  Peer client = site.client();
};

TEST_F(Http2Backend, ARequestOfHttp1IsAskedByHttp2AndItsAnswerComesBack) {
  client.send(get("/a?b=c", "Cookie: a=1\r\nX-Own: Value\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n"));
  Backend backend(site);
  const int32_t call = backend.next();
  const Asked& asked = backend.whole(call);
  EXPECT_THAT((Fields{asked.fields.begin(), asked.fields.begin() + 4}),
              ElementsAre(Pair(":method", "GET"), Pair(":scheme", "http"), Pair(":authority", "shop.example"),
                          Pair(":path", "/a?b=c")));
  EXPECT_EQ(asked.value("x-own"), "Value");
  EXPECT_EQ(asked.value("cookie"), "a=1");
  EXPECT_EQ(asked.value("via"), "1.1 cardea");
  for (const char* name : {"host", "connection", "x-hop", "transfer-encoding"}) EXPECT_EQ(asked.value(name), "");
  backend.answer_with(call, "200", {{"x-answer", "Yes"}, {"content-length", "5"}}, "hello");
  const std::string answer = client.message();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nx-answer: Yes\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nVia: 2.0 cardea\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nhello"));
  EXPECT_EQ(site.log_line()["status"], 200);
  EXPECT_EQ(site.value("cardea_l7_backend_connects_total"), 1u);
}

TEST_F(Http2Backend, ABodyOfUnknownLengthIsChunkedForAClientOfHttp1) {
  client.send(get("/"));
  Backend backend(site);
  const int32_t call = backend.next();
  backend.answer(call, "200", {}, false);
  EXPECT_THAT(client.head(), HasSubstr("Transfer-Encoding: chunked\r\n"));
  backend.send_body(call, "hello", false);
  EXPECT_EQ(client.take(10), "5\r\nhello\r\n");
  backend.send_body(call, "", true);
  EXPECT_EQ(client.until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_TRUE(client.silent());
}

TEST_F(Http2Backend, AnAnswerWithoutABodyEndsWithItsHead) {
  client.send(get("/"));
  Backend backend(site);
  backend.answer(backend.next(), "404");
  EXPECT_THAT(client.message(), AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("Content-Length: 0\r\n")));
  client.send(get("/", "", "HEAD"));
  backend.answer(backend.next(), "200", {{"content-length", "17"}});
  EXPECT_THAT(client.head(), HasSubstr("Content-Length: 17\r\n"));
  client.send(get("/"));
  backend.answer(backend.next(), "204");
  EXPECT_THAT(client.head(), AllOf(StartsWith("HTTP/1.1 204 "), Not(HasSubstr("ength"))));
  EXPECT_TRUE(client.silent());
}

TEST_F(Http2Backend, BodiesGoBothWaysAtOnceAndTheAnswerMayComeFirst) {
  client.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") + "3\r\nabc\r\n");
  Backend backend(site);
  const int32_t call = backend.next();
  ASSERT_TRUE(backend.until([&] { return backend.asked(call).body == "abc"; }));
  EXPECT_FALSE(backend.asked(call).ended);
  backend.answer(call, "200", {}, false);
  backend.send_body(call, "one", false);
  client.head();
  EXPECT_EQ(client.take(8), "3\r\none\r\n");
  client.send("2\r\nde\r\n");
  ASSERT_TRUE(backend.until([&] { return backend.asked(call).body == "abcde"; }));
  client.send("0\r\n\r\n");
  EXPECT_TRUE(backend.whole(call).ended);
  backend.send_body(call, "two", true);
  EXPECT_EQ(client.until("0\r\n\r\n"), "3\r\ntwo\r\n0\r\n\r\n");
}

TEST_F(Http2Backend, ABodyOfStatedLengthKeepsIt) {
  client.send(post("/", "hello"));
  Backend backend(site);
  const int32_t call = backend.next();
  const Asked& asked = backend.whole(call);
  EXPECT_EQ(asked.value("content-length"), "5");
  EXPECT_EQ(asked.body, "hello");
  backend.answer_with(call, "200", {}, "ok");
  EXPECT_THAT(client.until("0\r\n\r\n"), HasSubstr("ok"));
}

TEST_F(Http2Backend, HeadsBeforeTheAnswerGoOn) {
  client.send(get("/", "Expect: 100-continue\r\nContent-Length: 2\r\n", "POST"));
  Backend backend(site);
  const int32_t call = backend.next();
  EXPECT_EQ(backend.asked(call).value("expect"), "100-continue");
  backend.inform(call, "100");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 100 "));
  client.send("ab");
  EXPECT_EQ(backend.whole(call).body, "ab");
  backend.inform(call, "103", {{"link", "</style.css>"}});
  EXPECT_THAT(client.head(), AllOf(StartsWith("HTTP/1.1 103 "), HasSubstr("link: </style.css>")));
  backend.answer(call, "200");
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(Http2Backend, ACallOfHttp2IsAskedByHttp2) {
  Client caller(site);
  const int32_t call = caller.ask("/x", {}, false, "POST");
  Backend backend(site);
  const int32_t asked = backend.next();
  EXPECT_EQ(backend.asked(asked).value("via"), "2.0 cardea");
  caller.send_body(call, "up", true);
  EXPECT_EQ(backend.whole(asked).body, "up");
  backend.answer_with(asked, "201", {}, "down");
  const Answer& answer = caller.answer(call);
  EXPECT_EQ(answer.status, "201");
  EXPECT_EQ(answer.body, "down");
  EXPECT_FALSE(answer.reset);
}

TEST_F(Http2Backend, AConnectionIsKeptAndCarriesTheNext) {
  client.send(get("/1"));
  Backend backend(site);
  backend.answer_with(backend.next(), "200", {}, "one");
  client.until("0\r\n\r\n");
  client.send(get("/2"));
  const int32_t second = backend.next();
  EXPECT_EQ(backend.asked(second).value(":path"), "/2");
  backend.answer_with(second, "200", {}, "two");
  client.until("0\r\n\r\n");
  EXPECT_EQ(site.value("cardea_l7_backend_connects_total"), 1u);
  EXPECT_EQ(site.value("cardea_l7_backend_reused_total"), 1u);
  site.advance(31s);
  EXPECT_TRUE(backend.closed());
  EXPECT_EQ(backend.goaway(), NGHTTP2_NO_ERROR);
}

// Its end came in the turn in which it is asked.
TEST_F(Http2Backend, AConnectionThatEndedUnheardGetsNothingThatCannotBeRepeated) {
  client.send(get("/1"));
  Backend backend(site);
  backend.answer(backend.next(), "204");
  client.head();
  site.log_line();
  client.send_what_fits(post("/", "once"));
  site.loop().post([&] { backend.peer().close(); });
  Backend fresh(site);
  const int32_t call = fresh.next();
  EXPECT_EQ(fresh.whole(call).body, "once");
  fresh.answer(call, "204");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 204 "));
  EXPECT_EQ(site.log_line()["attempts"], 1);
}

TEST_F(Http2Backend, WhatSpeaksNoHttp2IsNoBackend) {
  client.send(get("/"));
  Peer peer = site.origin().accept();
  peer.until("PRI * HTTP/2.0");
  peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 502 "));
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "connect_failed");
  EXPECT_THAT(std::string(line["detail"]), HasSubstr("does not speak HTTP/2"));
}

struct Several : Http2Backend {
  // What comes first in a row of requests, each of a connection of its own.
  std::vector<Peer> ask(size_t count) {
    std::vector<Peer> all;
    for (size_t i = 0; i < count; ++i) {
      all.push_back(site.client());
      all.back().send(get("/" + std::to_string(i)));
    }
    return all;
  }
};

TEST_F(Several, OneConnectionCarriesThemAllAndAnswersAreNobodyElses) {
  std::vector<Peer> clients = ask(20);
  Backend backend(site);
  std::vector<int32_t> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(backend.next());
  EXPECT_FALSE(site.origin().has_caller()) << "who came while it was made waited for it";
  for (auto call = calls.rbegin(); call != calls.rend(); ++call)
    backend.answer_with(*call, "200", {}, backend.asked(*call).value(":path"));
  for (int i = 0; i < 20; ++i) EXPECT_THAT(clients[size_t(i)].until("0\r\n\r\n"), HasSubstr("/" + std::to_string(i)));
  EXPECT_EQ(site.value("cardea_l7_backend_connects_total"), 1u);
}

TEST_F(Several, AnotherConnectionIsOpenedWhenStreamsRunOut) {
  std::vector<Peer> clients = ask(5);
  Backend first(site, site.origin(), {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}});
  Backend second(site, site.origin(), {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}});
  Backend third(site, site.origin(), {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}});
  const std::vector<Backend*> busy = {&first, &first, &second, &second, &third};
  std::vector<int32_t> calls;
  for (Backend* backend : busy) calls.push_back(backend->next());
  for (size_t i = 0; i < busy.size(); ++i) busy[i]->answer(calls[i], "204");
  for (Peer& peer : clients) EXPECT_THAT(peer.head(), StartsWith("HTTP/1.1 204 "));
  EXPECT_TRUE(third.nobody_asks());
}

// How many a connection takes is known from the first: who must wait for another one waits for no third.
TEST_F(Several, ConnectionsThatTakeFewAreMadeSideBySide) {
  std::vector<Peer> clients = ask(5);
  Backend first(site, site.origin(), {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1}});
  first.next();
  for (int i = 0; i < 4; ++i) site.origin().accept();
  EXPECT_FALSE(site.origin().has_caller());
}

TEST_F(Several, WhatABackendTakesMayChange) {
  client.send(get("/first"));
  Backend backend(site, site.origin(), {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1}});
  const int32_t held = backend.next();
  backend.set({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 3}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10}});
  settle(site.loop());
  std::vector<Peer> clients = ask(2);
  for (int i = 0; i < 2; ++i) backend.answer(backend.next(), "204");
  for (Peer& peer : clients) peer.head();
  backend.set({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0}});
  settle(site.loop());
  std::vector<Peer> later = ask(1);
  Backend other(site);
  other.answer(other.next(), "204");
  later[0].head();
  backend.answer(held, "204");
  client.head();
}

TEST_F(Several, AConnectionThatGoesAwayEndsBehindItsCallsAndWhatItDidNotSeeIsAskedAnew) {
  client.send(post("/seen", "x"));
  Backend backend(site);
  const int32_t seen = backend.next();
  Peer other = site.client();
  other.send(post("/unseen", "body"));
  EXPECT_EQ(backend.next(), seen + 2);
  backend.go_away(seen);
  Backend fresh(site);
  const int32_t again = fresh.next();
  EXPECT_EQ(fresh.asked(again).value(":path"), "/unseen");
  EXPECT_EQ(fresh.whole(again).body, "body");
  fresh.answer(again, "201");
  EXPECT_THAT(other.message(), StartsWith("HTTP/1.1 201 "));
  backend.answer(seen, "202");
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 202 "));
  EXPECT_TRUE(backend.closed());
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 0u);
}

TEST_F(Several, ARefusedCallIsAskedAnewOnAnotherConnection) {
  std::vector<Peer> clients = ask(2);
  Backend backend(site);
  const int32_t held = backend.next(), refused = backend.next();
  backend.reset(refused, NGHTTP2_REFUSED_STREAM);
  Backend other(site);
  const int32_t again = other.next();
  EXPECT_EQ(other.asked(again).value(":path"), backend.asked(refused).value(":path"));
  other.answer(again, "204");
  backend.answer(held, "204");
  for (Peer& peer : clients) EXPECT_THAT(peer.head(), StartsWith("HTTP/1.1 204 "));
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 0u);
  EXPECT_EQ(site.value("cardea_l7_backend_retries_total"), 1u);
}

TEST_F(Several, WhoIsRefusedEverywhereIsToldSo) {
  client.send(post("/", "x"));
  for (int i = 0; i < 3; ++i) {
    Backend backend(site);
    backend.reset(backend.next(), NGHTTP2_REFUSED_STREAM);
    settle(site.loop());
  }
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(site.log_line()["reason"], "backend_refused");
}

TEST_F(Several, AnyOtherResetIsItsBackendsFailureAndLeavesTheOthersAlone) {
  client.send(get("/held"));
  Backend backend(site);
  const int32_t held = backend.next();
  Peer other = site.client();
  other.send(post("/", "x"));
  backend.reset(backend.next(), NGHTTP2_INTERNAL_ERROR);
  EXPECT_THAT(other.message(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(site.log_line()["reason"], "backend_reset");
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 1u);
  backend.answer_with(held, "200", {}, "fine");
  EXPECT_THAT(client.until("0\r\n\r\n"), HasSubstr("fine"));
}

TEST_F(Several, AResponseThatIsBrokenOffIsNotWhole) {
  client.send(get("/"));
  Backend backend(site);
  const int32_t call = backend.next();
  backend.answer(call, "200", {}, false);
  backend.send_body(call, "half", false);
  client.until("half");
  backend.reset(call, NGHTTP2_INTERNAL_ERROR);
  EXPECT_THAT(client.rest(), Not(HasSubstr("0\r\n\r\n")));
  EXPECT_EQ(site.log_line()["reason"], "response_truncated");
}

TEST_F(Several, AClientThatGoesResetsItsCallAndNoMore) {
  client.send(get("/held"));
  Backend backend(site);
  const int32_t held = backend.next();
  Client caller(site);
  const int32_t call = caller.ask("/given-up");
  const int32_t given_up = backend.next();
  caller.reset(call);
  EXPECT_EQ(backend.over(given_up).reset, NGHTTP2_CANCEL);
  backend.answer(held, "204");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 204 "));
  EXPECT_FALSE(backend.closed());
}

TEST_F(Several, AConnectionThatDiesTakesItsCallsWithIt) {
  std::vector<Peer> clients = ask(2);
  Backend backend(site);
  backend.next(), backend.next();
  backend.peer().close();
  for (Peer& peer : clients) EXPECT_THAT(peer.message(), StartsWith("HTTP/1.1 502 "));
  client.send(get("/"));
  Backend fresh(site);
  fresh.answer(fresh.next(), "204");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 204 "));
}

TEST_F(Several, ABackendThatIsSilentGetsNoMoreCallsUntilItIsHeard) {
  client.send(post("/", "x"));
  Backend backend(site);
  const int32_t call = backend.next();
  backend.so_far(call);
  site.advance(31s);
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 504 "));
  Peer other = site.client();
  other.send(get("/"));
  Backend fresh(site);
  fresh.answer(fresh.next(), "204");
  other.head();
  EXPECT_EQ(backend.over(call).reset, NGHTTP2_CANCEL);
  EXPECT_EQ(backend.pings(), 1u);
  settle(site.loop());  // it has answered
  other.send(get("/"));
  backend.answer(backend.next(), "204");
  EXPECT_THAT(other.head(), StartsWith("HTTP/1.1 204 "));
}

// Whether HTTP/1 is spoken there is for clients to say, who could take healthy backends out by it.
TEST_F(Several, ABackendThatSpeaksNothingElseIsNotHeldToWhatAClientWants) {
  std::optional<Backend> calls;  // where those go that may share; it says that it takes no WebSockets
  const std::string wishes[] = {
      get("/", "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
      get("/", "Authorization: NTLM TlRMTVNTUAAB\r\n")};
  for (const std::string& wish : wishes) {
    Peer wishful = site.client();
    wishful.send(wish);
    if (!calls) calls.emplace(site);
    Peer backend = site.origin().accept();
    EXPECT_THAT(backend.head(), StartsWith("GET / HTTP/1.1\r\n"));
    backend.send(frame(kSettings, 0, 0) + frame(kGoaway, 0, 0, number(0, 4) + number(1, 4)));
    backend.close();
    EXPECT_THAT(wishful.head(), StartsWith("HTTP/1.1 502 "));
  }
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 0u);
}

struct Limited : Several {
  Limited() {
    site.adopt(with_http2([](image::PlanT& plan) { plan.pools[0]->backends[0]->connections_max = 2; }));
  }
};

TEST_F(Limited, ConnectionsMaxCountsCalls) {
  std::vector<Peer> clients = ask(3);
  Backend backend(site);
  const int32_t one = backend.next(), two = backend.next();
  EXPECT_THAT(clients[2].message(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(site.value("cardea_l7_backend_connections"), 2u);
  backend.answer(one, "204"), backend.answer(two, "204");
  clients[0].head(), clients[1].head();
  EXPECT_EQ(site.value("cardea_l7_backend_connections"), 0u);
}

TEST_F(Several, ABackendThatLeavesThePlanFinishesItsCalls) {
  client.send(get("/"));
  Backend backend(site);
  const int32_t call = backend.next();
  site.update_pools(with_http2([](image::PlanT& plan) { plan.pools[0]->backends[0]->state = image::BackendState::drain; }));
  settle(site.loop());
  backend.answer_with(call, "200", {}, "fine");
  EXPECT_THAT(client.until("0\r\n\r\n"), HasSubstr("fine"));
  EXPECT_TRUE(backend.closed());
}

}  // namespace
}  // namespace cardea::l7::http2::test
