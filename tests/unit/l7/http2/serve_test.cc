// HTTP/2 of a client through the whole request path: what a call is to its backend, and what becomes of it.
#include "l7/http2/serve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "tests/unit/l7/http2/client.h"
#include "tests/unit/l7/http2/raw.h"

namespace cardea::l7::http2::test {
namespace {

using namespace std::chrono_literals;
using proxy::test::get;
using proxy::test::ok;
using proxy::test::Peer;
using proxy::test::settle;
using proxy::test::Site;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

Site::Change with_http2(const Site::Change& more = {}) {
  return [more](image::PlanT& plan) {
    plan.services[0]->http2 = true;
    if (more) more(plan);
  };
}

struct Http2 : testing::Test {
  Site site{with_http2()};
  Client client{site};
};

TEST_F(Http2, ARequestIsSentOnAsHttp1AndItsAnswerComesBack) {
  const int32_t call = client.ask("/a?b=c", {{"cookie", "a=1"}, {"cookie", "b=2"}, {"x-own", "Value"}});
  Peer backend = site.origin().accept();
  const std::string head = backend.head();
  EXPECT_THAT(head, StartsWith("GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\ncookie: a=1; b=2\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nx-own: Value\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nVia: 2.0 cardea\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Transfer-Encoding")));
  backend.send(ok("hello", "X-Answer: Yes\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"));
  const Answer& answer = client.answer(call);
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.value("x-answer"), "Yes");
  EXPECT_EQ(answer.value("content-length"), "5");
  for (const char* name : {"connection", "x-hop", "keep-alive", "transfer-encoding"}) EXPECT_EQ(answer.value(name), "");
  EXPECT_FALSE(answer.reset);
  const auto line = site.log_line();
  EXPECT_EQ(line["proto"], "HTTP/2.0");
  EXPECT_EQ(line["path"], "/a");
  EXPECT_EQ(line["status"], 200);
}

TEST_F(Http2, CallsOfOneConnectionGoOnSideBySide) {
  const int32_t slow = client.ask("/slow");
  Peer first = site.origin().accept();
  first.head();
  const int32_t fast = client.ask("/fast");
  Peer second = site.origin().accept();
  EXPECT_THAT(second.head(), StartsWith("GET /fast "));
  second.send(ok("fast"));
  EXPECT_EQ(client.answer(fast).body, "fast");
  EXPECT_EQ(client.so_far(slow).status, "");
  first.send(ok("slow"));
  EXPECT_EQ(client.answer(slow).body, "slow");
  EXPECT_EQ(site.value("cardea_l7_service_connections_total", "shop"), 1u);
}

// A client opens the next stream as soon as one has ended, before we have done with that.
TEST_F(Http2, AsManyCallsAsAreAllowedAgainAndAgain) {
  std::vector<int32_t> calls;
  std::vector<Peer> backends;
  for (int i = 0; i < 100; ++i) calls.push_back(client.ask("/"));
  for (int i = 0; i < 100; ++i) backends.push_back(site.origin().accept());
  for (int round = 0; round < 3; ++round) {
    for (Peer& backend : backends) backend.head(), backend.send(ok("fine"));
    for (int32_t& call : calls) {
      ASSERT_EQ(client.answer(call).body, "fine");
      if (round < 2) call = client.ask("/");
    }
  }
}

// Who says nothing of priorities gets what there is of each, in turns.
TEST_F(Http2, ALargeAnswerHoldsUpNoSmallOne) {
  client.give_window(client.ask("/large"), 10'000'000);
  Peer backend = site.origin().accept();
  backend.head();
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
  const std::string piece(100'000, 'x');
  backend.send_what_fits(piece);
  const int32_t small = client.ask("/small");
  Peer other = site.origin().accept();
  other.head();
  other.send(ok("small"));
  ASSERT_TRUE(client.until([&] {
    backend.send_what_fits(piece);  // never short of more
    return client.so_far(small).ended;
  }));
  EXPECT_EQ(client.so_far(small).body, "small");
}

TEST_F(Http2, ABackendsConnectionIsUsedAgain) {
  const int32_t first = client.ask("/1");
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("one"));
  client.answer(first);
  const int32_t second = client.ask("/2");
  EXPECT_THAT(backend.head(), StartsWith("GET /2 "));
  backend.send(ok("two"));
  EXPECT_EQ(client.answer(second).body, "two");
}

TEST_F(Http2, ABodyOfStatedLengthKeepsIt) {
  const int32_t call = client.ask("/", {{"content-length", "6"}}, false, "POST");
  client.send_body(call, "abc", false);
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.head(), HasSubstr("\r\nContent-Length: 6\r\n"));
  EXPECT_EQ(backend.take(3), "abc");
  client.send_body(call, "def", true);
  EXPECT_EQ(backend.take(3), "def");
  backend.send(ok(""));
  EXPECT_EQ(client.answer(call).status, "200");
  EXPECT_FALSE(client.answer(call).reset);
}

TEST_F(Http2, ABodyWithoutALengthIsChunkedAndEndsWithItsStream) {
  const int32_t call = client.ask("/", {}, false, "POST");
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.head(), HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  client.send_body(call, "abc", false);
  EXPECT_EQ(backend.until("abc\r\n"), "3\r\nabc\r\n");
  client.send_body(call, "defg", true);
  EXPECT_EQ(backend.until("0\r\n\r\n"), "4\r\ndefg\r\n0\r\n\r\n");
  backend.send(ok("thanks"));
  EXPECT_EQ(client.answer(call).body, "thanks");
}

TEST_F(Http2, TrailersEndABodyAndAreSentOn) {
  const int32_t call = client.ask("/", {}, false, "POST");
  client.send_body(call, "abc", false);
  settle(site.loop());
  const std::string name = "x-checksum", value = "1";
  const nghttp2_nv trailer{reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                           reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), 0};
  nghttp2_submit_trailer(client.session(), call, &trailer, 1);
  client.pull();
  Peer backend = site.origin().accept();
  backend.head();
  EXPECT_EQ(backend.until("\r\n\r\n"), "3\r\nabc\r\n0\r\nx-checksum: 1\r\n\r\n");
  backend.send(ok(""));
  EXPECT_EQ(client.answer(call).status, "200");
}

TEST_F(Http2, AnAnswerOfUnknownLengthEndsWithItsStream) {
  const int32_t call = client.ask("/");
  Peer backend = site.origin().accept();
  backend.head();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  ASSERT_TRUE(client.until([&] { return client.so_far(call).body == "abc"; }));
  EXPECT_FALSE(client.so_far(call).ended);
  backend.send("2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(client.answer(call).body, "abcde");
  EXPECT_EQ(client.answer(call).value("content-length"), "");
}

TEST_F(Http2, AnAnswerThatIsCutOffIsNotTakenForAWholeOne) {
  for (const char* framing : {"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "Content-Length: 9\r\n\r\nabc"}) {
    const int32_t call = client.ask("/");
    Peer backend = site.origin().accept();
    backend.head();
    backend.send(std::string("HTTP/1.1 200 OK\r\n") + framing);
    ASSERT_TRUE(client.until([&] { return client.so_far(call).body == "abc"; }));
    backend.close();
    const Answer& answer = client.answer(call);
    EXPECT_FALSE(answer.ended);
    EXPECT_EQ(answer.reset, NGHTTP2_INTERNAL_ERROR);
  }
  const int32_t next = client.ask("/");  // the connection goes on
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("fine"));
  EXPECT_EQ(client.answer(next).body, "fine");
}

TEST_F(Http2, HeadAndStatusesWithoutABodyEndWithTheirHead) {
  for (const auto& [method, status, length] :
       {std::tuple("HEAD", "200 OK", "7"), std::tuple("GET", "204 No Content", ""),
        std::tuple("GET", "304 Not Modified", "")}) {
    const int32_t call = client.ask("/", {}, true, method);
    Peer backend = site.origin().accept();
    backend.head();
    backend.send(std::string("HTTP/1.1 ") + status + "\r\nConnection: close\r\n" +
                 (*length ? std::string("Content-Length: ") + length + "\r\n" : "") + "\r\n");
    const Answer& answer = client.answer(call);
    EXPECT_EQ(answer.status, std::string(status).substr(0, 3));
    EXPECT_EQ(answer.value("content-length"), length);
    EXPECT_TRUE(answer.ended && answer.body.empty() && !answer.reset);
  }
}

TEST_F(Http2, InformationalHeadsComeBeforeTheAnswer) {
  const int32_t call = client.ask("/", {{"expect", "100-continue"}, {"content-length", "3"}}, false, "POST");
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.head(), HasSubstr("\r\nExpect: 100-continue\r\n"));
  backend.send("HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.until([&] { return client.so_far(call).informational.size() == 1; }));
  client.send_body(call, "abc", true);
  EXPECT_EQ(backend.take(3), "abc");
  backend.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + ok("done"));
  const Answer& answer = client.answer(call);
  EXPECT_THAT(answer.informational, ElementsAre("100", "103"));
  EXPECT_EQ(answer.body, "done");
}

TEST_F(Http2, OurOwnAnswersAreTheSameAsByHttp1) {
  site.origin().refuse();
  const int32_t call = client.ask("/");
  const Answer& answer = client.answer(call);
  EXPECT_EQ(answer.status, "502");
  EXPECT_THAT(answer.value("proxy-status"), HasSubstr("connection_refused"));
  EXPECT_EQ(answer.body, "Bad Gateway: connect_failed\n");
  EXPECT_TRUE(answer.ended);
}

// Whoever has it when Max-Forwards is used up answers, and the connection goes on.
TEST_F(Http2, WhatMayNotBeForwardedIsAnsweredHere) {
  EXPECT_EQ(client.answer(client.ask("/", {{"max-forwards", "0"}}, true, "OPTIONS")).status, "200");
  EXPECT_EQ(site.log_line()["reason"], "max_forwards");
  EXPECT_EQ(client.answer(client.ask("/", {{"max-forwards", "0"}}, true, "TRACE")).status, "501");
  EXPECT_EQ(site.log_line()["reason"], "trace_ends_here");
  EXPECT_TRUE(site.origin().nobody_called());
  client.ask("/", {{"max-forwards", "1"}}, true, "OPTIONS");
  EXPECT_THAT(site.origin().accept().message(), testing::ContainsRegex("\r\n[Mm]ax-[Ff]orwards: 0\r\n"));
}

TEST_F(Http2, WhatIsMeantForTlsIsNotServedWithoutIt) {
  EXPECT_EQ(client.answer(client.ask("/", {{":scheme", "https"}})).status, "421");
  EXPECT_TRUE(site.origin().nobody_called());
}

TEST_F(Http2, AnEarlyAnswerReachesAClientThatIsStillSending) {
  const int32_t call = client.ask("/", {}, false, "POST");
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("no thanks", "Connection: close\r\n"));
  ASSERT_TRUE(client.until([&] { return client.so_far(call).ended; }));
  EXPECT_EQ(client.so_far(call).body, "no thanks");
  client.send_body(call, std::string(300'000, 'x'), true);  // several windows of it are taken
  ASSERT_TRUE(client.until([&] {
    return nghttp2_session_get_stream_user_data(client.session(), call) == nullptr &&
           nghttp2_session_find_stream(client.session(), call) == nullptr;
  }));
  EXPECT_FALSE(client.so_far(call).reset);
}

// As long as the backend takes it: else it lies here.
TEST_F(Http2, ABodyThatIsTakenAsItComesMayRunFurtherAhead) {
  const int32_t call = client.ask("/", {{"content-length", "2000000"}}, false, "POST");
  const auto window = [&] { return nghttp2_session_get_stream_remote_window_size(client.session(), call); };
  Peer backend = site.origin().accept();
  backend.head();
  EXPECT_LE(window(), 65'536);
  for (int i = 0; i < 40; ++i) {
    client.send_body(call, std::string(30'000, 'x'), false);
    backend.take(30'000);
    settle(site.loop());
    client.so_far(call);
  }
  EXPECT_GE(window(), 256 * 1024);
  EXPECT_LE(window(), 512 * 1024);
}

// However many run ahead and then stop, half of the connection's window is the others'.
TEST_F(Http2, BodiesThatRanAheadAndStopLeaveOthersTheirWay) {
  std::vector<int32_t> calls;
  std::vector<Peer> backends;
  const auto window = [&](int32_t call) { return nghttp2_session_get_stream_remote_window_size(client.session(), call); };
  for (int n = 0; n < 3; ++n) {
    calls.push_back(client.ask("/", {{"content-length", "5000000"}}, false, "POST"));
    backends.push_back(site.origin().accept());
    backends.back().head();
    for (int i = 0; i < 40; ++i) {
      client.send_body(calls.back(), std::string(30'000, 'x'), false);
      backends.back().take(30'000);
      settle(site.loop());
      client.so_far(calls.back());
    }
  }
  EXPECT_GE(window(calls[0]), 256 * 1024);
  int64_t ahead = 0;
  for (const int32_t call : calls) ahead += window(call);
  EXPECT_LE(ahead, 512 * 1024 + 3 * 64 * 1024);
  client.send_body(calls[0], "x", false);
}

TEST_F(Http2, TrailersBeyondALimitAreNotLeftOutInSilence) {
  const int32_t call = client.ask("/", {}, false, "POST");
  Peer backend = site.origin().accept();
  backend.head();
  Fields trailers;
  for (int i = 0; i < 40; ++i) trailers.emplace_back("x-" + std::to_string(i), std::string(1000, 'a'));
  client.end_with(call, trailers);
  ASSERT_TRUE(client.until([&] { return client.so_far(call).reset.has_value(); }));
  EXPECT_EQ(client.so_far(call).reset, NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_EQ(site.log_line()["reason"], "http2_malformed");
}

// What is held for a firewall, or trickles in, says nothing of a backend.
TEST_F(Http2, ABodyThatTricklesInIsGivenNoWiderWindow) {
  const int32_t call = client.ask("/", {{"content-length", "2000000"}}, false, "POST");
  Peer backend = site.origin().accept();
  backend.head();
  for (int i = 0; i < 40; ++i) {
    client.send_body(call, std::string(3'000, 'x'), false);
    backend.take(3'000);
    settle(site.loop());
    site.advance(400ms);
    client.so_far(call);
  }
  EXPECT_LE(nghttp2_session_get_stream_remote_window_size(client.session(), call), 65'536);
}

TEST_F(Http2, WhoNeverEndsItsBodyIsToldThatNobodyReadsIt) {
  const int32_t call = client.ask("/", {}, false, "POST");
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("no thanks", "Connection: close\r\n"));
  ASSERT_TRUE(client.until([&] { return client.so_far(call).ended; }));
  settle(site.loop());
  site.advance(400ms);
  client.send_body(call, "x", false);
  settle(site.loop());
  site.advance(400ms);
  client.pull();
  EXPECT_FALSE(client.so_far(call).reset) << "it goes on sending";
  site.advance(200ms);
  EXPECT_TRUE(client.until([&] { return client.so_far(call).reset.has_value(); }));
  EXPECT_EQ(client.so_far(call).reset, NGHTTP2_NO_ERROR);
}

// What was lost with each such body was missed in the end: nothing could be sent up any more.
TEST_F(Http2, TheCreditOfABodyThatNobodyReadComesBack) {
  const std::string body(15'000, 'x');
  for (int i = 0; i < 80; ++i) {
    const int32_t refused = client.ask("/", {{"expect", "something"}}, false, "POST");
    client.send_body(refused, body, true);
    ASSERT_EQ(client.answer(refused).status, "417");
  }
  EXPECT_GE(nghttp2_session_get_remote_window_size(client.session()), 500'000);
}

TEST_F(Http2, ABackendsInformationalHeadsWaitForTheClient) {
  const int32_t call = client.ask("/");
  Peer backend = site.origin().accept();
  backend.head();
  std::string hints;
  for (int i = 0; i < 100; ++i) hints += "HTTP/1.1 103 Early Hints\r\nLink: </" + std::string(600, 'x') + ">\r\n\r\n";
  size_t taken = 0;  // of 300 MB that the client does not read
  std::string left;
  for (int i = 0; i < 5000; ++i) {
    if (left.empty()) left = hints;
    const size_t sent = backend.send_what_fits(left);
    left.erase(0, sent);
    taken += sent;
    site.loop().run_turn(0ms);
  }
  EXPECT_LT(taken, 40'000'000u);
  EXPECT_LT(site.loop().chunks().lent(), 50u);
  backend.send(left + ok("done"));
  EXPECT_EQ(client.answer(call).body, "done");
}

TEST_F(Http2, AResetStreamEndsItsCallAtTheBackend) {
  const int32_t waiting = client.ask("/");
  Peer backend = site.origin().accept();
  backend.head();
  client.reset(waiting);
  EXPECT_TRUE(proxy::test::run_until(site.loop(), [&] { return backend.ended(); }));
  EXPECT_EQ(site.log_line()["reason"], "client_closed");

  const int32_t sending = client.ask("/", {}, false, "POST");
  Peer second = site.origin().accept();
  second.head();
  client.reset(sending);
  EXPECT_TRUE(proxy::test::run_until(site.loop(), [&] { return second.ended(); }));
  EXPECT_EQ(site.buffers_lent(), 0u);
}

// A piece that fills its buffer to the last byte left no room to hear the client in.
TEST_F(Http2, AResetIsHeardBehindABodyOfWholeBuffers) {
  const std::string piece(16'384, 'x');
  const std::string head = request_block("/", "POST") + field("content-length", "32768");
  Peer raw = site.client("shop");
  raw.send(preface() + headers(1, head, kEndHeaders) + frame(kData, 0, 1, piece) + frame(kData, kEndStream, 1, piece));
  Peer backend = site.origin().accept();
  backend.head();
  EXPECT_EQ(backend.take(32'768), piece + piece);
  settle(site.loop());
  raw.send(frame(kRstStream, 0, 1, number(NGHTTP2_CANCEL, 4)));
  EXPECT_TRUE(proxy::test::run_until(site.loop(), [&] { return backend.ended(); }));
}

TEST_F(Http2, ALargeAnswerGoesAsFarAsTheWindowsAllow) {
  const std::string body(400'000, 'x');
  const int32_t call = client.ask("/");
  Peer backend = site.origin().accept();
  backend.head();
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n");
  const size_t sent = backend.send_what_fits(body);
  ASSERT_TRUE(client.until([&] { return client.so_far(call).body.size() == 65'535; }));
  EXPECT_EQ(client.so_far(call).body.size(), 65'535u);
  EXPECT_LE(site.buffers_lent(), 4u * 16'384);  // what the client does not take waits at the backend
  client.give_window(call, 1'000'000);
  backend.send(std::string_view(body).substr(sent));
  EXPECT_EQ(client.answer(call).body, body);
}

TEST_F(Http2, WhoTakesNothingIsGivenUpButNotItsConnection) {
  const int32_t call = client.ask("/stalled");
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok(std::string(200'000, 'x')));
  ASSERT_TRUE(client.until([&] { return client.so_far(call).body.size() == 65'535; }));
  site.advance(31s);
  ASSERT_TRUE(client.until([&] { return client.so_far(call).reset.has_value(); }));
  EXPECT_EQ(site.log_line()["reason"], "client_stalled");
  EXPECT_FALSE(client.closed());
}

TEST_F(Http2, ABodyBelowTheLowestRateIsGivenUpButNotItsConnection) {
  const int32_t call = client.ask("/", {{"content-length", "1000"}}, false, "POST");
  Peer backend = site.origin().accept();
  backend.head();
  for (int i = 0; i < 7; ++i) {
    client.send_body(call, "b", false);
    settle(site.loop());
    site.advance(5s);
  }
  ASSERT_TRUE(client.until([&] { return client.so_far(call).ended || client.so_far(call).reset; }));
  EXPECT_EQ(client.so_far(call).status, "408");
  EXPECT_TRUE(backend.ended());
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "body_timeout");
  EXPECT_EQ(line["detail"], "rate_min");
  EXPECT_EQ(site.value("cardea_l7_service_slow_clients_total", "shop"), 1u);
  EXPECT_FALSE(client.closed());
}

TEST_F(Http2, ALargeUploadHoldsNoMoreThanItsWindow) {
  const int32_t call = client.ask("/", {{"content-length", "1000000"}}, false, "PUT");
  client.send_body(call, std::string(1'000'000, 'x'), true);
  Peer backend = site.origin().accept();
  backend.hold_little();
  backend.head();
  settle(site.loop());
  client.pull();
  EXPECT_LE(site.buffers_lent(), 8u * 16'384);
  size_t came = 0;
  ASSERT_TRUE(client.until([&] {
    came += backend.what_came().size();
    return came == 1'000'000;
  }));
  backend.send(ok("done"));
  EXPECT_EQ(client.answer(call).body, "done");
}

TEST_F(Http2, AHeadOverTheLimitIsRefusedAndTheConnectionGoesOn) {
  const int32_t large = client.ask("/", {{"x-large", std::string(17'000, 'x')}});
  EXPECT_EQ(client.answer(large).status, "431");
  Fields many;
  for (int i = 0; i < 200; ++i) many.emplace_back("x-" + std::to_string(i), "v");
  EXPECT_EQ(client.answer(client.ask("/", many)).status, "431");
  const int32_t next = client.ask("/");
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("fine"));
  EXPECT_EQ(client.answer(next).body, "fine");
}

TEST_F(Http2, RequestsThatHttp1CouldFrameInTwoWaysAreRefused) {
  for (const Fields& fields :
       {Fields{{"transfer-encoding", "chunked"}}, Fields{{"connection", "close"}}, Fields{{"te", "gzip"}},
        Fields{{"x-crlf", "a\r\nb: c"}}, Fields{{"x-nul", std::string("a\0b", 3)}}, Fields{{":path", "no-slash"}},
        Fields{{":path", "/a b"}}, Fields{{":authority", "shop.example\r\nX: y"}},
        Fields{{":authority", "user@shop.example"}}, Fields{{":method", "GE T"}}, Fields{{":scheme", "ht tp"}},
        Fields{{":unknown", "1"}}, Fields{{":path", ""}}, Fields{{"host", "other.example"}},
        Fields{{"content-length", "5, 5"}}, Fields{{"content_length", "7"}}}) {
    Client each(site);
    const int32_t call = each.ask("/", fields);
    const Answer& answer = each.answer(call);
    const bool refused = answer.status == "400" || answer.reset == NGHTTP2_PROTOCOL_ERROR || each.goaway();
    EXPECT_TRUE(refused) << fields[0].first << ": " << fields[0].second << " → " << answer.status;
  }
  EXPECT_TRUE(site.origin().nobody_called());
}

TEST_F(Http2, AMalformedRequestIsCountedAndLogged) {
  const int32_t call = client.ask("/", {{"connection", "close"}});
  EXPECT_EQ(client.answer(call).reset, NGHTTP2_PROTOCOL_ERROR);
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "http2_malformed");
  EXPECT_EQ(line["proto"], "HTTP/2.0");
  EXPECT_EQ(line["status"], 0);
  EXPECT_EQ(site.value("cardea_l7_service_bad_requests_total", "shop"), 1u);
}

TEST_F(Http2, MalformedTrailersAreCountedAndLogged) {
  const int32_t call = client.ask("/", {}, false, "POST");
  client.send_body(call, "abc", false);
  Peer backend = site.origin().accept();
  backend.head();
  client.end_with(call, {{":path", "/other"}});
  EXPECT_EQ(client.answer(call).reset, NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(site.log_line()["reason"], "http2_malformed");
  EXPECT_EQ(site.value("cardea_l7_service_bad_requests_total", "shop"), 1u);
}

TEST_F(Http2, ALengthThatItsBodyDoesNotHaveResetsTheStream) {
  const int32_t call = client.ask("/", {{"content-length", "5"}}, false, "POST");
  client.send_body(call, "abc", true);
  EXPECT_EQ(client.answer(call).reset, NGHTTP2_PROTOCOL_ERROR);
}

TEST_F(Http2, CredentialsOfAConnectionAreAskedForByHttp1) {
  const int32_t call = client.ask("/", {{"authorization", "NTLM TlRMTVNTUAABAAAA"}});
  EXPECT_EQ(client.answer(call).reset, NGHTTP2_HTTP_1_1_REQUIRED);
  EXPECT_TRUE(site.origin().nobody_called());
  EXPECT_EQ(site.log_line()["reason"], "needs_http_1");
}

TEST_F(Http2, AStoredAnswerIsGivenFromTheCache) {
  const int32_t first = client.ask("/cached/a");
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("kept", "Cache-Control: max-age=60\r\n"));
  EXPECT_EQ(client.answer(first).body, "kept");
  const int32_t second = client.ask("/cached/a");
  EXPECT_EQ(client.answer(second).body, "kept");
  EXPECT_THAT(client.answer(second).value("cache-status"), HasSubstr("hit"));
  const int32_t head = client.ask("/cached/a", {}, true, "HEAD");
  EXPECT_TRUE(client.answer(head).body.empty());
  EXPECT_EQ(client.answer(head).value("content-length"), "4");
}

const Fields kWebsocket{{":method", "CONNECT"},
                        {":protocol", "websocket"},
                        {"sec-websocket-version", "13"},
                        {"sec-websocket-protocol", "chat"}};

// What RFC 6455 4.2.2 wants for the key in a request's head.
std::string accept_of(const std::string& head) {
  const size_t at = head.find("sec-websocket-key: ") + 19;
  const std::string text = head.substr(at, head.find("\r\n", at) - at) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[20], out[32];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  EVP_EncodeBlock(out, digest, sizeof digest);
  return reinterpret_cast<const char*>(out);
}

std::string upgraded(const std::string& accept) {
  return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " +
         accept + "\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
}

TEST_F(Http2, AWebSocketIsOpenedByHttp1AndCarriesBothWays) {
  const int32_t call = client.ask("/chat", kWebsocket, false);
  Peer backend = site.origin().accept();
  const std::string head = backend.head();
  EXPECT_THAT(head, StartsWith("GET /chat HTTP/1.1\r\nHost: shop.example\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Transfer-Encoding")));
  backend.send(upgraded(accept_of(head)) + "first");
  ASSERT_TRUE(client.until([&] { return client.so_far(call).body == "first"; }));
  const Answer& answer = client.so_far(call);
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.value("sec-websocket-protocol"), "chat");
  for (const char* name : {"upgrade", "connection", "sec-websocket-accept"}) EXPECT_EQ(answer.value(name), "");
  client.send_body(call, "ping", false);
  EXPECT_EQ(backend.take(4), "ping");
  backend.send("pong");
  ASSERT_TRUE(client.until([&] { return client.so_far(call).body == "firstpong"; }));
  client.send_body(call, "bye", true);
  EXPECT_EQ(backend.take(3), "bye");
  EXPECT_TRUE(proxy::test::run_until(site.loop(), [&] { return backend.ended(); }));
  backend.send("last");
  backend.close();
  EXPECT_EQ(client.answer(call).body, "firstponglast");
  EXPECT_TRUE(client.answer(call).ended);
  const auto line = site.log_line();
  EXPECT_EQ(line["status"], 101);
  EXPECT_EQ(line["reason"], "ok");
}

// Whoever watches the client until its answer comes has seen the end by then.
TEST_F(Http2, AnEndThatComesBeforeTheWebSocketStandsIsPassedOn) {
  const int32_t call = client.ask("/chat", kWebsocket, false);
  client.send_body(call, "bye", true);
  Peer backend = site.origin().accept();
  const std::string head = backend.head();
  settle(site.loop());
  backend.send(upgraded(accept_of(head)));
  EXPECT_EQ(backend.take(3), "bye");
  EXPECT_TRUE(proxy::test::run_until(site.loop(), [&] { return backend.ended(); }));
}

TEST_F(Http2, AnAnswerThatIsNoWebSocketsIsNotTakenForOne) {
  for (const char* accept : {"nonsense", ""}) {
    const int32_t call = client.ask("/", kWebsocket, false);
    Peer backend = site.origin().accept();
    backend.head();
    backend.send(*accept ? upgraded(accept) : ok("a page"));
    EXPECT_EQ(client.answer(call).status, "502");
  }
  const int32_t declined = client.ask("/", kWebsocket, false);
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("no", "", "403 Forbidden"));
  EXPECT_EQ(client.answer(declined).status, "403");
}

TEST_F(Http2, OtherTunnelsAreNotMade) {
  for (Fields fields : {Fields{{":method", "CONNECT"}, {":scheme", ""}, {":path", ""}, {":authority", "a.example:443"}},
                        Fields{{":method", "CONNECT"}, {":protocol", "connect-udp"}},
                        Fields{{":method", "CONNECT"}, {":protocol", "websocket"}, {"sec-websocket-version", "8"}}}) {
    EXPECT_EQ(client.answer(client.ask("/", fields, false)).status, "501");
  }
  EXPECT_TRUE(site.origin().nobody_called());
}

TEST_F(Http2, AWebSocketEndsALastWhileBehindItsService) {
  const int32_t call = client.ask("/chat", kWebsocket, false);
  Peer backend = site.origin().accept();
  backend.send(upgraded(accept_of(backend.head())));
  ASSERT_TRUE(client.until([&] { return client.so_far(call).status == "200"; }));
  site.adopt([](image::PlanT& plan) { plan.services.erase(plan.services.begin()); });
  settle(site.loop());
  client.send_body(call, "still", false);
  EXPECT_EQ(backend.take(5), "still");
  site.advance(10s);
  EXPECT_TRUE(client.until([&] { return client.so_far(call).reset.has_value(); }));
  EXPECT_EQ(site.log_line()["reason"], "service_gone");
  EXPECT_TRUE(client.until([&] { return client.closed(); }));
}

TEST_F(Http2, ThePrefaceMayComeInPieces) {
  Peer raw = site.client("shop");
  for (const char byte : kPreface) {
    raw.send(std::string_view(&byte, 1));
    settle(site.loop());
  }
  EXPECT_EQ(raw.take(9)[3], kSettings);
}

TEST_F(Http2, WhatOnlyBeginsLikeThePrefaceIsARequest) {
  Peer raw = site.client("shop");
  raw.send("P");
  settle(site.loop());
  raw.send("OST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n");
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("fine"));
  EXPECT_THAT(raw.message(), HasSubstr("fine"));
}

TEST_F(Http2, AnIdleConnectionIsToldAndEnds) {
  client.answer(client.ask("/", {{":path", "*"}}));  // malformed: a head that never becomes a call
  settle(site.loop());
  site.advance(61s);
  EXPECT_TRUE(client.until([&] { return client.closed(); }));
  EXPECT_EQ(client.goaway(), NGHTTP2_NO_ERROR);
  EXPECT_EQ(client.goaway_last(), 1);
}

TEST_F(Http2, AConnectionThatSaysNothingEndsInTime) {
  Peer raw = site.client("shop");
  raw.send(kPreface);
  settle(site.loop());
  site.advance(11s);
  EXPECT_THAT(raw.rest(), Not(HasSubstr("HTTP/1.1")));
  EXPECT_EQ(site.value("cardea_l7_service_slow_clients_total", "shop"), 1u);
}

TEST_F(Http2, WhatIsUnderWayEndsInPeaceWhenItsServiceGoes) {
  const int32_t call = client.ask("/");
  Peer backend = site.origin().accept();
  backend.head();
  site.adopt([](image::PlanT& plan) { plan.services.erase(plan.services.begin()); });
  ASSERT_TRUE(client.until([&] { return client.goaways() == 2; }));  // announced, heard, done
  EXPECT_EQ(client.goaway(), NGHTTP2_NO_ERROR);
  EXPECT_EQ(client.goaway_last(), call);
  backend.send(ok("to the end"));
  EXPECT_EQ(client.answer(call).body, "to the end");
  EXPECT_TRUE(client.until([&] { return client.closed(); }));
}

TEST_F(Http2, WhoDoesNotHearTheAnnouncementIsNotWaitedForLong) {
  Peer raw = site.client("shop");
  raw.send(std::string(kPreface) + std::string("\0\0\0\4\0\0\0\0\0", 9));
  settle(site.loop());
  site.adopt([](image::PlanT& plan) { plan.services.erase(plan.services.begin()); });
  settle(site.loop());
  EXPECT_FALSE(raw.ended());
  site.advance(1s);
  EXPECT_TRUE(proxy::test::run_until(site.loop(), [&] { return raw.ended(); }));
}

TEST_F(Http2, WhereItIsOffThePrefaceIsABadRequest) {
  Site plain;
  Peer raw = plain.client("shop");
  raw.send(kPreface);
  EXPECT_THAT(raw.rest(), StartsWith("HTTP/1.1 505 "));
}

TEST_F(Http2, NothingOfAConnectionIsLeftBehind) {
  {
    Client many(site);
    for (int i = 0; i < 50; ++i) many.ask("/");
    for (int i = 0; i < 50; ++i) site.origin().accept();
    many.peer().abort();
  }
  settle(site.loop());
  EXPECT_TRUE(proxy::test::run_until(site.loop(), [&] { return site.buffers_lent() == 0; }));
}

}  // namespace
}  // namespace cardea::l7::http2::test
