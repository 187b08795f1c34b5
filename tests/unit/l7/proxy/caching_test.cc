// Exchanges on a route with a cache: what is served without a backend, what a backend is asked instead, what is kept of
// its answer, and what a client sees of all that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "l7/cache/cache.h"
#include "tests/unit/l7/proxy/cached.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Caching, ASecondRequestIsServedFromMemory) {
  Cached cached;
  for (int i = 0; i < 3; ++i) {
    const std::string response = cached.ask();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(response, testing::ContainsRegex("\r\nAge: [0-9]+\r\nCache-Status: cardea; hit; ttl=[0-9]+\r\n"));
    EXPECT_THAT(response, HasSubstr("\r\nContent-Length: 6\r\n\r\nstored"));
    const auto line = cached.site.log_line();
    EXPECT_EQ(line["cache"], "hit");
    EXPECT_FALSE(line.contains("backend"));
    EXPECT_EQ(line["bytes_out"], response.size());
  }
  EXPECT_TRUE(cached.backend.silent());
  EXPECT_EQ(cached.site.value("cardea_l7_cache_requests_total", "result=\"hit\""), 3u);
}

TEST(Caching, AStoppedBackendIsNotMissed) {
  Cached cached;
  cached.backend.close();
  cached.site.origin().refuse();
  EXPECT_THAT(cached.ask(), HasSubstr("stored"));
}

TEST(Caching, HeadIsAnsweredFromWhatGetStored) {
  Cached cached;
  EXPECT_THAT(cached.ask("", "HEAD"), HasSubstr("\r\nContent-Length: 6\r\n"));
  EXPECT_TRUE(cached.client.silent()) << "without the body";
  EXPECT_THAT(cached.ask(), HasSubstr("stored"));
}

TEST(Caching, WhoHasItAlreadyIsToldSo) {
  Cached cached;
  cached.client.send(get("/cached/a", "If-None-Match: \"v0\", W/\"v1\"\r\n"));
  const std::string response = cached.client.head();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 304 Not Modified\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nETag: \"v1\"\r\n"));
  EXPECT_THAT(response, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(cached.site.log_line()["status"], 304);
  EXPECT_TRUE(cached.client.silent());
  EXPECT_THAT(cached.ask("If-None-Match: \"v2\"\r\n"), HasSubstr("stored"));
}

TEST(Caching, APieceOfWhatIsStoredIsServed) {
  constexpr std::string_view kDated =
      "Cache-Control: max-age=2000000000\r\nETag: \"v1\"\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
      "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
  Cached cached(ok("stored", kDated));
  const struct {
    std::string_view asked, status, range, body;
  } rows[] = {
      {"Range: bytes=0-1\r\n", "206", "bytes 0-1/6", "st"},
      {"Range: Bytes=4-\r\n", "206", "bytes 4-5/6", "ed"},
      {"Range: bytes=-3\r\n", "206", "bytes 3-5/6", "red"},
      {"Range: bytes=-99999999999999999999999\r\n", "206", "bytes 0-5/6", "stored"},
      {"Range: bytes=2-99999999999999999999999\r\n", "206", "bytes 2-5/6", "ored"},
      {"Range: bytes=4-5\r\n", "206", "bytes 4-5/6", "ed"},
      {"Range: bytes=4-6\r\n", "206", "bytes 4-5/6", "ed"},
      {"Range: bytes=5-5\r\n", "206", "bytes 5-5/6", "d"},
      {"Range: bytes=6-\r\n", "416", "bytes */6", ""},
      {"Range: bytes=-0\r\n", "416", "bytes */6", ""},
      {"Range: bytes=0-0,4-5\r\n", "200", "", "stored"},
      {"Range: bytes=3-2\r\n", "200", "", "stored"},
      {"Range: bytes=\r\n", "200", "", "stored"},
      {"Range: bytes=+1-2\r\n", "200", "", "stored"},
      {"Range: lines=0-1\r\n", "200", "", "stored"},
      {"Range: bytes=0-1\r\nRange: bytes=0-1\r\n", "200", "", "stored"},
      {"Range: bytes=0-1\r\nIf-Range: \"v1\"\r\n", "206", "bytes 0-1/6", "st"},
      {"Range: bytes=0-1\r\nIf-Range: W/\"v1\"\r\n", "200", "", "stored"},
      {"Range: bytes=0-1\r\nIf-Range: \"v2\"\r\n", "200", "", "stored"},
      {"Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "206", "bytes 0-1/6", "st"},
      {"Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n", "200", "", "stored"},
      {"Range: bytes=9-\r\nIf-Range: \"v2\"\r\n", "200", "", "stored"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.asked);
    const std::string response = cached.ask(row.asked);
    EXPECT_THAT(response, StartsWith("HTTP/1.1 " + std::string(row.status)));
    EXPECT_THAT(response, testing::EndsWith("\r\nContent-Length: " + std::to_string(row.body.size()) + "\r\n\r\n" +
                                            std::string(row.body)));
    const std::string field = "\r\nContent-Range: " + std::string(row.range) + "\r\n";
    EXPECT_EQ(response.find(field) != response.npos, !row.range.empty()) << response;
    EXPECT_EQ(response.find("\r\nETag: ") != response.npos, row.status != "416") << "a 416 is no representation";
    EXPECT_EQ(cached.site.log_line()["cache"], "hit");
  }
  cached.client.send(get("/cached/a", "Range: bytes=0-1\r\nIf-None-Match: \"v1\"\r\n"));
  EXPECT_THAT(cached.client.head(), StartsWith("HTTP/1.1 304 ")) << "comes first";
  EXPECT_THAT(cached.ask("Range: bytes=0-1\r\n", "HEAD"), StartsWith("HTTP/1.1 200 ")) << "a range is for GET";
}

TEST(Caching, APieceOfALargeObjectIsCutOutOfItsPieces) {
  std::string body(700'000, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = char('a' + i * i % 23);
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\naae60\r\n" + body +
      "\r\n0\r\n\r\n";
  Cached cached(chunked);
  for (const auto& [first, last] :
       {std::pair{0, 0}, {1, 699'999}, {16'383, 16'385}, {65'535, 131'073}, {699'999, 699'999}}) {
    const std::string range = std::to_string(first) + "-" + std::to_string(last);
    const std::string response = cached.ask("Range: bytes=" + range + "\r\n");
    EXPECT_THAT(response, HasSubstr("\r\nContent-Range: bytes " + range + "/700000\r\n"));
    EXPECT_TRUE(response.substr(response.find("\r\n\r\n") + 4) == body.substr(size_t(first), size_t(last - first + 1)));
  }
}

TEST(Caching, APieceOfWhatIsNotFreshIsTheBackendsToServe) {
  Cached cached;
  cached.client.send(get("/cached/a", std::string(kAskBackend) + "Range: bytes=0-1\r\n"));
  EXPECT_THAT(cached.backend.message(), HasSubstr("\r\nRange: bytes=0-1\r\n"));
  cached.backend.send(ok("st", "Content-Range: bytes 0-1/6\r\nCache-Control: max-age=60\r\n", "206 Partial Content"));
  EXPECT_THAT(cached.client.message(), StartsWith("HTTP/1.1 206 "));
  EXPECT_EQ(cached.site.log_line()["cache"], "bypass");
  EXPECT_THAT(cached.ask(), HasSubstr("\r\n\r\nstored")) << "and no piece is taken for the whole";
}

TEST(Caching, OldConnectionsAndNewOnesAreServedAlike) {
  Cached cached;
  Peer old = cached.site.client();
  old.send("GET /cached/a HTTP/1.0\r\nHost: shop.example\r\n\r\n");
  EXPECT_THAT(old.rest(), HasSubstr("\r\nConnection: close\r\n\r\nstored"));
  Peer last = cached.site.client();
  last.send(get("/cached/a", "Connection: close\r\n"));
  EXPECT_THAT(last.rest(), HasSubstr("stored"));
  Peer pipelining = cached.site.client();
  pipelining.send(get("/cached/a") + get("/cached/a", "", "HEAD") + get("/cached/a"));
  EXPECT_THAT(pipelining.message(), HasSubstr("\r\n\r\nstored"));
  pipelining.head();
  EXPECT_THAT(pipelining.message(), HasSubstr("\r\n\r\nstored"));
}

TEST(Caching, ABackendThatConfirmsCostsNoBody) {
  Cached cached;
  cached.client.send(get("/cached/a", kAskBackend));
  EXPECT_THAT(cached.backend.message(), HasSubstr("\r\nIf-None-Match: \"v1\"\r\n"));
  cached.backend.send("HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=90\r\nX-New: 1\r\n\r\n");
  const std::string response = cached.client.message();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nX-New: 1\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nCache-Status: cardea; fwd=stale; fwd-status=304\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\n\r\nstored"));
  EXPECT_EQ(cached.site.log_line()["cache"], "revalidated");
  EXPECT_THAT(cached.ask(), HasSubstr("max-age=90"));
}

TEST(Caching, AgeBehindAConfirmationIsTheConfirmations) {
  Cached cached(ok("stored", "Cache-Control: max-age=6000\r\nETag: \"v1\"\r\nAge: 500\r\n"));
  cached.client.send(get("/cached/a", kAskBackend));
  cached.backend.message();
  cached.backend.send("HTTP/1.1 304 Not Modified\r\nAge: 100, 7\r\n\r\n");
  EXPECT_THAT(cached.client.message(), testing::ContainsRegex("\r\nAge: 10[0-9]\r\n"));
  EXPECT_THAT(cached.ask(), testing::ContainsRegex("\r\nAge: 10[0-9]\r\n"));
}

TEST(Caching, AnAnswerWithoutContentIsServedWithoutALength) {
  Cached cached("HTTP/1.1 204 No Content\r\nCache-Control: max-age=60\r\n\r\n");
  for (const char* method : {"GET", "HEAD"}) {
    cached.client.send(get("/cached/a", "", method));
    const std::string response = cached.client.head();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 204 No Content\r\n"));
    EXPECT_THAT(response, HasSubstr("; hit; "));
    EXPECT_THAT(response, Not(HasSubstr("Content-Length")));
    EXPECT_TRUE(cached.client.silent());
  }
}

// RFC 9110 7.6.1: what Connection names ends here, so the backend answered somebody who sent no such header.
TEST(Caching, AHeaderThatEndedHereChoosesNoVariant) {
  Site site;
  Peer client = site.client();
  client.send(get("/cached/a", "X-Device: phone\r\nConnection: X-Device\r\n"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), Not(HasSubstr("phone")));
  backend.send(ok("for none", "Cache-Control: max-age=60\r\nVary: X-Device\r\n"));
  EXPECT_THAT(client.message(), HasSubstr("for none"));
  client.send(get("/cached/a", "X-Device: phone\r\n"));
  EXPECT_THAT(backend.message(), HasSubstr("\r\nX-Device: phone\r\n"));
  backend.send(ok("for phones", "Cache-Control: max-age=60\r\nVary: X-Device\r\n"));
  EXPECT_THAT(client.message(), HasSubstr("for phones"));
  client.send(get("/cached/a"));
  EXPECT_THAT(client.message(), HasSubstr("for none"));
}

// What the client has is compared with what is stored, not asked of the backend.
TEST(Caching, AClientsOwnConditionIsAnsweredBehindARevalidation) {
  Cached cached;
  cached.client.send(get("/cached/a", std::string(kAskBackend) + "If-None-Match: \"v1\"\r\nIf-Modified-Since: "
                                                                 "Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  const std::string request = cached.backend.message();
  EXPECT_THAT(request, HasSubstr("\r\nIf-None-Match: \"v1\"\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("If-Modified-Since")));
  cached.backend.send("HTTP/1.1 304 Not Modified\r\n\r\n");
  EXPECT_THAT(cached.client.head(), StartsWith("HTTP/1.1 304 "));
  EXPECT_TRUE(cached.client.silent());
}

// The object is stored whole, whoever asks for it first.
TEST(Caching, AClientsConditionKeepsNothingOutOfTheCache) {
  const std::pair<const char*, const char*> rows[] = {
      {"If-None-Match: \"v1\"\r\n", "304"},
      {"If-None-Match: \"v0\"\r\n", "200"},
      {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "304"},
      {"If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", "200"},
      {"If-None-Match: \"v0\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "200"}};
  for (const auto& [condition, status] : rows) {
    SCOPED_TRACE(condition);
    Site site;
    Peer client = site.client();
    client.send(get("/cached/a", condition));
    Peer backend = site.origin().accept();
    const std::string request = backend.message();
    EXPECT_THAT(request, Not(HasSubstr("If-None-Match")));
    EXPECT_THAT(request, Not(HasSubstr("If-Modified-Since")));
    backend.send(ok("stored", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n" + std::string(kMinute)));
    const std::string response = status == std::string_view("304") ? client.head() : client.message();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 " + std::string(status)));
    EXPECT_THAT(response, HasSubstr("\r\nETag: \"v1\"\r\n"));
    EXPECT_THAT(response, HasSubstr("; fwd=miss; stored\r\n"));
    EXPECT_TRUE(client.silent());
    const auto line = site.log_line();
    EXPECT_EQ(line["status"], std::stoi(status));
    EXPECT_EQ(line["cache"], "miss");
    EXPECT_EQ(site.value("cardea_l7_backend_responses_total", "code_class=\"2xx\""), 1u) << "what the backend said";
    client.send(get("/cached/a"));
    EXPECT_THAT(client.message(), HasSubstr("\r\n\r\nstored")) << "and the connection goes on";
    client.send(get("/other"));
    EXPECT_THAT(backend.message(), StartsWith("GET /other ")) << "so does the backend's";
  }
}

TEST(Caching, WhoIsToldToKeepWhatItHasWaitsForNoBody) {
  Site site;
  Peer client = site.client();
  client.send(get("/cached/a", "If-None-Match: \"v1\"\r\n"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\n" + std::string(kMinute) + "Transfer-Encoding: chunked\r\n\r\n3\r\nsto\r\n");
  const std::string response = client.head();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 304 Not Modified\r\n"));
  EXPECT_THAT(response, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_EQ(site.plan->caches[0].cache->figures().objects, 0u);
  backend.send("3\r\nred\r\n0\r\n\r\n");
  EXPECT_TRUE(client.silent());
  client.send(get("/cached/a"));
  EXPECT_THAT(client.message(), HasSubstr("\r\n\r\nstored"));
}

// Nobody wants its body: neither the client nor the cache.
TEST(Caching, WhatIsNotStoredIsNotReadForAClientThatHasIt) {
  Site site;
  Peer client = site.client();
  client.send(get("/cached/a", "If-None-Match: \"v1\"\r\n"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nETag: \"v1\"\r\nContent-Length: 1000000\r\n\r\nsome");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 304 "));
  EXPECT_EQ(site.log_line()["reason"], "ok");
  backend.rest();
}

// The second client's condition is the backend's to answer, until the time comes to see whether it may be stored after
// all.
TEST(Caching, WhatCouldNotBeStoredIsAskedForWithTheClientsOwnCondition) {
  Site site;
  Peer client = site.client();
  const auto ask = [&] { client.send(get("/cached/a", "If-None-Match: \"v1\"\r\n")); };
  const std::string answer = ok("short", "Cache-Control: no-store\r\nETag: \"v1\"\r\n");
  ask();
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), Not(HasSubstr("If-None-Match")));
  backend.send(answer);
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 304 "));
  for (int i = 0; i < 2; ++i) {
    ask();
    EXPECT_THAT(backend.message(), HasSubstr("\r\nIf-None-Match: \"v1\"\r\n")) << "on the same connection";
    backend.send("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n");
    EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 304 "));
  }
  site.advance(25s), settle(site.loop());
  site.advance(25s), settle(site.loop());
  site.advance(25s), settle(site.loop());
  Peer late = site.client();
  late.send(get("/cached/a", "If-None-Match: \"v1\"\r\n"));
  Peer next = site.origin().accept();
  EXPECT_THAT(next.message(), Not(HasSubstr("If-None-Match")));
  next.send(ok("stored", kMinute));
  EXPECT_THAT(late.head(), StartsWith("HTTP/1.1 304 "));
  EXPECT_EQ(site.plan->caches[0].cache->figures().objects, 1u);
}

TEST(Caching, WhatTurnsOutTooLargeIsAskedForWithTheClientsOwnConditionToo) {
  Site site([](image::PlanT& plan) { plan.caches[0]->object_bytes_max = 4; });
  Peer client = site.client();
  client.send(get("/cached/a"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\n" + std::string(kMinute) +
               "Transfer-Encoding: chunked\r\n\r\n6\r\nlarger\r\n0\r\n\r\n");
  client.message();
  client.send(get("/cached/a", "If-None-Match: \"v1\"\r\n"));
  EXPECT_THAT(backend.message(), HasSubstr("\r\nIf-None-Match: \"v1\"\r\n"));
}

TEST(Caching, AConditionWithoutACacheIsTheBackends) {
  Site site;
  Peer client = site.client();
  client.send(get("/a", "If-None-Match: \"v1\"\r\n"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), HasSubstr("\r\nIf-None-Match: \"v1\"\r\n"));
  backend.send("HTTP/1.1 304 Not Modified\r\n\r\n");
  client.head();
  client.send(get("/cached/a", "If-None-Match: \"v1\"\r\n", "HEAD"));
  EXPECT_THAT(backend.message(), HasSubstr("\r\nIf-None-Match: \"v1\"\r\n")) << "HEAD fills nothing";
  backend.send("HTTP/1.1 304 Not Modified\r\n\r\n");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 304 "));
  client.send(get("/cached/a", "If-None-Match: \"v1\"\r\n", "HEAD"));
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 6\r\n\r\n");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 200 ")) << "and its answer is the client's";
}

TEST(Caching, ABackendThatHasANewerOneReplacesIt) {
  Cached cached;
  cached.client.send(get("/cached/a", kAskBackend));
  cached.backend.message();
  cached.backend.send(ok("newer", kMinute));
  EXPECT_THAT(cached.client.message(), HasSubstr("newer"));
  EXPECT_THAT(cached.ask(), HasSubstr("newer"));
}

// A 304 about something else than what is stored is no answer to the client's question.
TEST(Caching, AConfirmationOfAnotherObjectAsksAgain) {
  Cached cached;
  cached.client.send(get("/cached/a", kAskBackend));
  cached.backend.message();
  cached.backend.send("HTTP/1.1 304 Not Modified\r\nETag: \"v7\"\r\n\r\n");
  EXPECT_THAT(cached.backend.message(), Not(HasSubstr("If-None-Match")));
  cached.backend.send(ok("whole", "ETag: \"v7\"\r\nCache-Control: max-age=60\r\n"));
  EXPECT_THAT(cached.client.message(), HasSubstr("whole"));
  EXPECT_EQ(cached.site.log_line()["status"], 200);
}

// The confirmation that was none is no answer: what fails behind it is tried again as anything else.
TEST(Caching, WhatIsAskedAgainIsTriedElsewhereToo) {
  Cached cached;
  cached.client.send(get("/cached/a", kAskBackend));
  cached.backend.message();
  cached.backend.send("HTTP/1.1 304 Not Modified\r\nETag: \"v7\"\r\n\r\n");
  cached.backend.message();
  cached.backend.close();
  Peer fresh = cached.site.origin().accept();
  EXPECT_THAT(fresh.message(), Not(HasSubstr("If-None-Match")));
  fresh.send(ok("whole"));
  EXPECT_THAT(cached.client.message(), HasSubstr("whole"));
  EXPECT_EQ(cached.site.log_line()["attempts"], 3);
}

TEST(Caching, StaleIsServedWhereTheBackendFails) {
  enum { kError, kClosed, kRefused, kSilent };
  for (const int kind : {kError, kClosed, kRefused, kSilent}) {
    SCOPED_TRACE(kind);
    Cached cached(ok("stored", "Cache-Control: max-age=60, stale-if-error=600\r\n"));
    if (kind == kRefused) {
      cached.site.origin().refuse();
      cached.backend.close();
      settle(cached.site.loop());
    }
    cached.client.send(get("/cached/a", kAskBackend));
    if (kind != kRefused) cached.backend.message();
    if (kind == kError) cached.backend.send(ok("oops", "", "503 Service Unavailable"));
    if (kind == kClosed) {
      cached.site.origin().refuse();
      cached.backend.close();
    }
    if (kind == kSilent) cached.site.advance(31s);
    EXPECT_THAT(cached.client.message(), HasSubstr("\r\n\r\nstored"));
    const auto line = cached.site.log_line();
    EXPECT_EQ(line["status"], 200);
    EXPECT_EQ(line["cache"], "stale");
    EXPECT_NE(line["reason"], "ok") << "an operator wants to know";
    EXPECT_THAT(cached.ask(), HasSubstr("stored")) << "the client's connection goes on";
  }
}

TEST(Caching, StaleIsNotServedBehindAResponseThatBrokeOff) {
  Cached cached(ok("stored", "Cache-Control: max-age=60, stale-if-error=600\r\n"));
  cached.client.send(get("/cached/a", kAskBackend));
  cached.backend.message();
  cached.backend.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  EXPECT_THAT(cached.client.until("half"), StartsWith("HTTP/1.1 200 OK\r\n"));
  cached.backend.close();
  EXPECT_EQ(cached.client.rest(), "") << "a second response would be read as the first one's body";
  EXPECT_EQ(cached.site.log_line()["reason"], "response_truncated");
}

TEST(Caching, AFailureIsTheAnswerWhereStaleIsForbidden) {
  Cached cached(ok("stored", "Cache-Control: max-age=60\r\n"));
  cached.client.send(get("/cached/a", "Cache-Control: no-cache\r\n"));
  cached.backend.message();
  cached.backend.send(ok("oops", "", "503 Service Unavailable"));
  EXPECT_THAT(cached.client.message(), HasSubstr("oops"));
  EXPECT_THAT(cached.ask(), HasSubstr("stored")) << "an error replaces nothing";
}

TEST(Caching, OnlyIfCached) {
  Cached cached;
  EXPECT_THAT(cached.ask("Cache-Control: only-if-cached\r\n"), HasSubstr("stored"));
  cached.client.send(get("/cached/other", "Cache-Control: only-if-cached\r\n"));
  EXPECT_THAT(cached.client.message(), StartsWith("HTTP/1.1 504 "));
  EXPECT_TRUE(cached.backend.silent());
}

TEST(Caching, AChangeMakesWhatIsStoredInvalid) {
  Cached cached;
  cached.client.send(post("/cached/a", "change"));
  cached.backend.message();
  cached.backend.send(ok("done"));
  cached.client.message();
  cached.client.send(get("/cached/a"));
  cached.backend.message();
  cached.backend.send(ok("changed", kMinute));
  EXPECT_THAT(cached.client.message(), HasSubstr("changed"));
}

// RFC 9110 9.2.1: who only looks has changed nothing; what nobody knows may have.
TEST(Caching, OnlyUnsafeMethodsChangeWhatIsStored) {
  for (const auto& [method, changes] : {std::pair{"OPTIONS", false},
                                        {"TRACE", false},
                                        {"HEAD", false},
                                        {"PUT", true},
                                        {"DELETE", true},
                                        {"PATCH", true},
                                        {"SHUFFLE", true}}) {
    Cached cached;
    cached.client.send(get("/cached/a", kAskBackend, method));
    cached.backend.message();
    cached.backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cached.client.head();
    EXPECT_EQ(cached.site.plan->caches[0].cache->figures().objects, changes ? 0u : 1u) << method;
  }
}

// RFC 9111 4.4: only what was not an error has changed something.
TEST(Caching, AChangeThatFailedLeavesWhatIsStored) {
  const struct {
    const char* status;
    bool changed;
  } rows[] = {{"200 OK", true},           {"201 Created", true},    {"303 See Other", true}, {"399 Last", true},
              {"400 Bad Request", false}, {"403 Forbidden", false}, {"500 Oops", false},     {"503 Busy", false}};
  for (const auto& row : rows) {
    Cached cached;
    cached.client.send(post("/cached/a", "change"));
    cached.backend.message();
    cached.backend.send(ok("done", "", row.status));
    cached.client.message();
    EXPECT_EQ(cached.site.plan->caches[0].cache->figures().objects, row.changed ? 0u : 1u) << row.status;
  }
}

TEST(Caching, WhatBreaksOffIsNotStored) {
  Site site;
  for (const char* framing : {"Content-Length: 10\r\n\r\n123", "Transfer-Encoding: chunked\r\n\r\n3\r\n123\r\n"}) {
    Peer client = site.client();
    client.send(get("/cached/a"));
    Peer backend = site.origin().accept();
    backend.message();
    backend.send(std::string("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n") + framing);
    client.until("123");
    backend.close();
    client.rest();
  }
  EXPECT_EQ(site.plan->caches[0].cache->figures().objects, 0u);
}

TEST(Caching, AClientThatLeavesMidwayStoresNothingHalf) {
  Site site;
  Peer client = site.client();
  client.send(get("/cached/a"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\n123");
  client.until("123");
  client.abort();
  settle(site.loop());
  backend.send_what_fits("4567890");
  settle(site.loop());
  EXPECT_EQ(site.plan->caches[0].cache->figures().objects, 0u);
}

TEST(Caching, ChunkedResponsesAreStoredWhole) {
  Cached cached(
      "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nsto\r\n3\r\nred\r\n0\r\n\r\n");
  EXPECT_THAT(cached.ask(), HasSubstr("\r\nContent-Length: 6\r\n\r\nstored"));
}

TEST(Caching, ALargeObjectIsServedByteForByteToASlowClient) {
  std::string body(900'000, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = char(i * 31 + i / 7);
  Cached cached(ok(body, kMinute), [](image::PlanT& plan) { plan.caches[0]->memory_bytes = 8 << 20; });
  Peer slow = cached.site.client();
  slow.hold_little();
  slow.send(get("/cached/a"));
  settle(cached.site.loop());
  const std::string response = slow.message();
  EXPECT_TRUE(response.ends_with("\r\n\r\n" + body));
  EXPECT_EQ(cached.site.log_line()["reason"], "ok");
  Peer gone = cached.site.client();
  gone.hold_little();
  gone.send(get("/cached/a"));
  settle(cached.site.loop());
  gone.abort();
  EXPECT_EQ(cached.site.log_line()["reason"], "client_closed");
}

TEST(Caching, ABodyInARequestIsNotForTheCache) {
  Cached cached;
  cached.client.send(get("/cached/a", "Content-Length: 4\r\n") + "body");
  EXPECT_THAT(cached.backend.message(), HasSubstr("\r\n\r\nbody"));
  cached.backend.send(ok("poison", kMinute));
  cached.client.message();
  EXPECT_EQ(cached.site.log_line()["cache"], "bypass");
  EXPECT_THAT(cached.ask(), HasSubstr("stored"));
}

// A backend makes up the host that nobody named: whose that is the key could not tell.
TEST(Caching, WhoNamesNoHostIsNotServedFromTheCache) {
  Cached cached;
  for (int i = 0; i < 2; ++i) {
    Peer old = cached.site.client();
    old.send("GET /cached/b HTTP/1.0\r\n\r\n");
    cached.backend.message();
    cached.backend.send(ok("nobody's", kMinute));
    EXPECT_THAT(old.rest(), HasSubstr("nobody's"));
    EXPECT_EQ(cached.site.log_line()["cache"], "bypass");
  }
}

TEST(Caching, HintsSayNothingOfTheCache) {
  Site site;
  Peer client = site.client();
  client.send(get("/cached/a"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 103 Early Hints\r\n\r\n" + ok("x"));
  EXPECT_THAT(client.head(), testing::AllOf(StartsWith("HTTP/1.1 103 "), Not(HasSubstr("Cache-Status"))));
  EXPECT_THAT(client.message(), HasSubstr("\r\nCache-Status: cardea; fwd=miss\r\n"));
}

TEST(Caching, EveryAnswerIsCountedByWhatItWas) {
  Cached cached(ok("stored", "Cache-Control: max-age=60, stale-if-error=600\r\nETag: \"v1\"\r\n"));
  const auto through_backend = [&](std::string_view fields, std::string_view answer) {
    cached.client.send(get("/cached/a", fields));
    cached.backend.message();
    cached.backend.send(answer);
    cached.client.message();
  };
  cached.ask();
  through_backend(kAskBackend, "HTTP/1.1 304 Not Modified\r\n\r\n");
  through_backend("Cache-Control: no-store, max-age=0\r\nAuthorization: Basic x\r\n", ok("alice's"));
  through_backend(kAskBackend, ok("oops", "", "503 Service Unavailable"));
  for (const char* result : {"miss", "hit", "revalidated", "stale", "bypass"}) {
    EXPECT_EQ(cached.site.value("cardea_l7_cache_requests_total", "result=\"" + std::string(result) + '"'), 1u)
        << result;
  }
}

TEST(Caching, WhatTheBackendSaidForOneHostIsNotServedForAnother) {
  Cached cached;
  cached.client.send("GET /cached/a HTTP/1.1\r\nHost: other.example\r\n\r\n");
  EXPECT_THAT(cached.backend.message(), HasSubstr("\r\nHost: other.example\r\n"));
  cached.backend.send(ok("another", kMinute));
  EXPECT_THAT(cached.client.message(), HasSubstr("another"));
  EXPECT_THAT(cached.ask(), HasSubstr("stored"));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
