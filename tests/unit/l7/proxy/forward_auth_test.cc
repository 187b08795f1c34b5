// Another service says who may pass: what it is asked, what becomes of its answers and of none, who shares one, and what a
// client that leaves ends.
#include "l7/proxy/forward_auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Change = std::function<void(settings::ForwardAuthT&)>;

const std::string kAnn = "Cookie: session=ann\r\n";

struct AuthSite {
  explicit AuthSite(const Change& change = {}) : site([&change](image::PlanT& plan) { guard(plan, change); }, 2), client(site.client()) {}

  // The second server is the one that is asked.
  static void guard(image::PlanT& plan, const Change& change) {
    auto asked = l7::test::pool("auth", image::Balance::round_robin, 1);
    asked->backends[0] = std::move(plan.pools[0]->backends[1]);
    asked->retries = 0;
    plan.pools[0]->backends.pop_back();
    plan.pools.push_back(std::move(asked));
    for (auto& route : plan.services[0]->routes) {
      route->policies = std::make_unique<settings::PoliciesT>();
      auto auth = std::make_unique<settings::ForwardAuthT>();
      auth->pool = "auth", auth->path = "/verify?level=2", auth->answer_headers = {"X-Auth-User"}, auth->user_header = "X-Auth-User";
      if (change) change(*auth);
      route->policies->forward_auth = std::move(auth);
    }
  }

  Peer& auth() {
    if (!asked) asked.emplace(site.origins[1]->accept());
    return *asked;
  }
  Peer& backend() {
    if (!behind) behind.emplace(site.origin().accept());
    return *behind;
  }
  // Another client, who sends what the first has sent while that one's question is under way.
  Peer asked_by_two(const std::string& request) {
    Peer second = site.client();
    client.send(request);
    auth().message();
    second.send(request);
    settle(site.loop());
    return second;
  }
  // The question that a request leads to, answered.
  std::string verdict(const std::string& answer) {
    std::string question = auth().message();
    auth().send(answer);
    return question;
  }
  // What the backend was sent, and the client its answer.
  std::string pass() {
    std::string seen = backend().message();
    backend().send(ok("x"));
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 200 "));
    return seen;
  }
  uint64_t counted(const char* what) { return site.value(std::string("cardea_l7_service_auth_") + what + "_total", "service=\"shop\""); }
  bool nobody_is_asked() { return asked ? asked->silent() : site.origins[1]->nobody_called(); }

  Site site;
  Peer client;
  std::optional<Peer> asked, behind;
};

const std::string kYes = ok("", "X-Auth-User: ann\r\n", "204 No Content");

TEST(ForwardAuth, TheServiceIsToldOfTheRequestAndNothingElse) {
  AuthSite test([](auto& auth) { auth.request_headers = {"Accept", "X-Forwarded-Uri"}; });
  test.client.send(get("/a/../b?c=d", kAnn + "Authorization: Basic eDp5\r\nAccept: text/html\r\nX-Other: 1\r\nX-Forwarded-Uri: /free\r\n"
                                             "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Method: HEAD\r\n",
                       "DELETE"));
  const std::string question = test.verdict(kYes);
  EXPECT_THAT(question, StartsWith("GET /verify?level=2 HTTP/1.1\r\nHost: shop.example\r\n"));
  for (const char* line : {"X-Forwarded-Method: DELETE", "X-Forwarded-Uri: /b?c=d", "X-Forwarded-Host: shop.example", "X-Forwarded-Proto: http",
                           "X-Forwarded-For: 127.0.0.1", "Cookie: session=ann", "Authorization: Basic eDp5", "Accept: text/html"})
    EXPECT_THAT(question, HasSubstr("\r\n" + std::string(line) + "\r\n"));
  for (const char* text : {"X-Other", "/free", "9.9.9.9", "HEAD", "Content-Length"}) EXPECT_THAT(question, Not(HasSubstr(text)));
  EXPECT_THAT(test.pass(), StartsWith("DELETE /b?c=d HTTP/1.1\r\n"));
}

TEST(ForwardAuth, BackendsSeeWhatItSaysAndNotWhatAClientWritesForIt) {
  AuthSite test;
  for (const char* answer : {"X-Auth-User: ann\r\nX-Else: 1\r\n", ""}) {
    test.client.send(get("/", "X-Auth-User: root\r\nx_auth_user: root\r\nX.Auth.User: root\r\n"));
    test.verdict(ok("fine", answer));
    const std::string seen = test.pass();
    EXPECT_THAT(seen, AllOf(Not(HasSubstr("root")), Not(HasSubstr("X-Else"))));
    const bool said = *answer != '\0';
    EXPECT_EQ(seen.contains("\r\nX-Auth-User: ann\r\n"), said) << seen;
    EXPECT_EQ(test.site.log_line()["user"], said ? nlohmann::json("ann") : nlohmann::json(nullptr));
  }
  EXPECT_EQ(test.counted("passed"), 2u);
  EXPECT_EQ(test.counted("asks"), 2u) << "nothing is remembered unless that is asked for";
}

TEST(ForwardAuth, RefusalsGoToTheClientAsTheyCame) {
  const std::string answers[] = {
      ok("go away", "WWW-Authenticate: Basic realm=\"a\"\r\nContent-Type: text/plain\r\nConnection: X-Hop\r\nX-Hop: 1\r\n", "401 Unauthorized"),
      ok("", "Location: https://login.example/?rd=x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n", "302 Found"), ok("no", "", "403 Forbidden"),
      ok("none", "", "404 Not Found")};
  for (const std::string& answer : answers) {
    AuthSite test;
    test.client.send(get("/"));
    test.verdict(answer);
    const std::string seen = test.client.message();
    EXPECT_THAT(seen, StartsWith(answer.substr(0, 12)));
    for (const char* line : {"WWW-Authenticate: Basic realm=\"a\"\r\n", "Content-Type: text/plain\r\n", "Location: https://login.example/?rd=x\r\n",
                             "Set-Cookie: a=1\r\n", "Set-Cookie: b=2\r\n"})
      EXPECT_EQ(seen.contains(line), answer.contains(line)) << line;
    EXPECT_THAT(seen, AllOf(EndsWith(answer.substr(answer.find("\r\n\r\n"))), Not(HasSubstr("X-Hop"))));
    EXPECT_TRUE(test.site.origin().nobody_called());
    const auto line = test.site.log_line();
    EXPECT_EQ(line["reason"], "auth_refused");
    EXPECT_EQ(test.counted("refused"), 1u);
    test.client.send(get("/", "", "HEAD"));
    test.verdict(answer);
    EXPECT_THAT(test.client.head(), HasSubstr(answer.substr(answer.find("Content-Length"), 19)));
    EXPECT_TRUE(test.client.silent()) << "the connection goes on, without a body behind HEAD's head";
  }
}

TEST(ForwardAuth, ABodyThatIsTooLongIsLeftOut) {
  AuthSite test;
  test.client.send(get("/"));
  test.auth().message();
  test.auth().send("HTTP/1.1 403 Forbidden\r\nContent-Length: 70000\r\n\r\n" + std::string(69'000, 'x'));
  EXPECT_THAT(test.client.message(), AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("\r\nContent-Length: 0\r\n")));
}

TEST(ForwardAuth, NoAnswerLetsNobodyPass) {
  for (const auto& [answer, why] : {std::pair{ok("oops", "", "500 Internal Server Error"), "backend_error"},
                                    {ok("", "", "304 Not Modified"), "backend_error"},
                                    {std::string("nonsense\r\n\r\n"), "bad_response"}}) {
    AuthSite test;
    test.client.send(get("/"));
    test.verdict(answer);
    EXPECT_THAT(test.client.message(), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("auth_away"), Not(HasSubstr("oops"))));
    const auto line = test.site.log_line();
    EXPECT_EQ(line["reason"], "auth_away");
    EXPECT_EQ(line["detail"], why);
    EXPECT_EQ(test.counted("away"), 1u);
    EXPECT_TRUE(test.site.origin().nobody_called());
  }
}

TEST(ForwardAuth, NorDoesAServiceThatIsNotThere) {
  AuthSite test;
  test.site.origins[1]->refuse();
  test.client.send(get("/"));
  EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(test.site.log_line()["detail"], "connect_failed");
}

TEST(ForwardAuth, AnAnswerIsWaitedForSoLongAndNotLonger) {
  AuthSite test([](auto& auth) { auth.timeout_ms = 3000; });
  test.client.send(get("/"));
  test.auth().message();
  test.site.advance(2900ms);
  EXPECT_TRUE(test.client.silent());
  test.site.advance(200ms);
  EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(test.site.log_line()["detail"], "response_timeout");
  EXPECT_TRUE(test.auth().ended()) << "nobody waits for it any more";
}

TEST(ForwardAuth, WithoutIfTheOperatorWantsIt) {
  AuthSite test([](auto& auth) { auth.when_away = settings::WhenAway::pass; });
  test.client.send(get("/", "X-Auth-User: root\r\n"));
  test.verdict(ok("", "X-Auth-User: eve\r\n", "503 Service Unavailable"));
  EXPECT_THAT(test.pass(), Not(HasSubstr("X-Auth-User")));
  EXPECT_EQ(test.site.log_line()["detail"], "auth_away");
  EXPECT_EQ(test.counted("away"), 1u);
}

TEST(ForwardAuth, WhatItSaidIsRememberedForATime) {
  AuthSite test([](auto& auth) { auth.cache_ms = 10'000; });
  test.client.send(get("/", kAnn));
  test.verdict(kYes);
  test.pass();
  test.client.send(get("/", kAnn + "X-Else: 1\r\n"));
  EXPECT_THAT(test.pass(), HasSubstr("\r\nX-Auth-User: ann\r\n"));
  for (const std::string& other : {get("/b", kAnn), get("/", kAnn, "DELETE"), get("/", "Cookie: session=bob\r\n"), get("/?x", kAnn)}) {
    test.client.send(other);
    test.verdict(ok("", "X-Auth-User: bob\r\n", "204 No Content"));
    EXPECT_THAT(test.pass(), HasSubstr("\r\nX-Auth-User: bob\r\n")) << other;
  }
  EXPECT_EQ(test.counted("asks"), 5u);
  test.site.advance(10'001ms);
  test.client.send(get("/", kAnn));
  test.verdict(ok("", "", "403 Forbidden"));
  EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 403 "));
  test.client.send(get("/", kAnn));
  test.verdict(kYes);
  test.pass();
}

TEST(ForwardAuth, RefusalsAreRememberedWhereThatIsAskedForAndCookiesNever) {
  AuthSite test([](auto& auth) { auth.cache_refusals_ms = auth.cache_ms = 10'000, auth.client_headers = {"Set-Cookie"}; });
  test.client.send(get("/"));
  test.verdict(ok("no", "", "403 Forbidden"));
  EXPECT_THAT(test.client.message(), EndsWith("no"));
  test.client.send(get("/"));
  EXPECT_THAT(test.client.message(), AllOf(StartsWith("HTTP/1.1 403 "), EndsWith("no")));
  EXPECT_EQ(test.counted("asks"), 1u);
  for (int round = 0; round < 2; ++round) {
    test.client.send(get("/", kAnn));
    test.verdict(ok("", "Set-Cookie: session=new\r\n", "204 No Content"));
    test.backend().message();
    test.backend().send(ok("x", "Set-Cookie: own=1\r\n"));
    EXPECT_THAT(test.client.message(), AllOf(HasSubstr("\r\nSet-Cookie: session=new\r\n"), HasSubstr("\r\nSet-Cookie: own=1\r\n")));
  }
  EXPECT_EQ(test.counted("asks"), 3u);
}

TEST(ForwardAuth, AKeyOfTheOperatorsSaysWhatItGoesBy) {
  AuthSite test([](auto& auth) { auth.cache_ms = 10'000, auth.cache_key = "${cookie:session}"; });
  test.client.send(get("/a", kAnn));
  test.verdict(kYes);
  test.pass();
  test.client.send(get("/b", kAnn + "Authorization: Basic eDp5\r\n"));
  EXPECT_THAT(test.pass(), HasSubstr("\r\nX-Auth-User: ann\r\n"));
  for (int round = 0; round < 2; ++round) {
    test.client.send(get("/a"));
    test.verdict(ok("", "", "204 No Content"));
    EXPECT_THAT(test.pass(), Not(HasSubstr("X-Auth-User"))) << "no key is nobody's";
  }
}

TEST(ForwardAuth, WhoWouldAskTheSameWaitsForOneAnswer) {
  AuthSite test;
  Peer second = test.asked_by_two(get("/", kAnn));
  EXPECT_TRUE(test.nobody_is_asked());
  test.auth().send(kYes);
  test.pass();
  Peer other = test.site.origin().accept();
  EXPECT_THAT(other.message(), HasSubstr("\r\nX-Auth-User: ann\r\n"));
  other.send(ok("y"));
  EXPECT_THAT(second.message(), EndsWith("y"));
  EXPECT_EQ(test.counted("asks"), 1u);
  EXPECT_EQ(test.counted("passed"), 2u);
  EXPECT_EQ(test.site.shard->asks().size(), 0u);
}

TEST(ForwardAuth, ACookieIsForWhoseRequestWasAskedAbout) {
  AuthSite test;
  Peer second = test.asked_by_two(get("/"));
  test.auth().send(ok("", "Location: /login\r\nSet-Cookie: csrf=1\r\n", "302 Found"));
  EXPECT_THAT(test.client.message(), HasSubstr("csrf=1"));
  test.verdict(ok("", "Location: /login\r\nSet-Cookie: csrf=2\r\n", "302 Found"));
  EXPECT_THAT(second.message(), HasSubstr("csrf=2"));
}

TEST(ForwardAuth, AClientThatLeavesEndsAQuestionThatNobodyElseWaitsFor) {
  AuthSite test;
  Peer second = test.asked_by_two(get("/", kAnn));
  test.client.abort();
  settle(test.site.loop());
  EXPECT_EQ(test.site.log_line()["reason"], "client_closed");
  EXPECT_TRUE(test.auth().silent()) << "somebody waits for it";
  second.abort();
  settle(test.site.loop());
  EXPECT_TRUE(test.auth().ended());
  EXPECT_EQ(test.site.log_line()["reason"], "client_closed");
  EXPECT_EQ(test.site.shard->asks().size(), 0u);
  EXPECT_TRUE(test.site.origin().nobody_called());
}

TEST(ForwardAuth, TheOneWhoAskedMayLeaveAndTheOtherIsAnswered) {
  AuthSite test;
  Peer second = test.asked_by_two(get("/", kAnn));
  test.client.abort();
  settle(test.site.loop());
  test.auth().send(kYes);
  test.backend().message();
  test.backend().send(ok("x"));
  EXPECT_THAT(second.message(), EndsWith("x"));
}

TEST(ForwardAuth, ABodyWaitsForTheVerdictAndSoDoesItsExpectation) {
  AuthSite test;
  test.client.send(get("/", "Content-Length: 5\r\nExpect: 100-continue\r\n", "POST"));
  EXPECT_THAT(test.auth().message(), AllOf(Not(HasSubstr("Content-Length")), Not(HasSubstr("Expect"))));
  EXPECT_TRUE(test.client.silent());
  EXPECT_TRUE(test.site.origin().nobody_called());
  test.auth().send(kYes);
  EXPECT_THAT(test.backend().head(), HasSubstr("\r\nExpect: 100-continue\r\n"));
  test.backend().send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(test.client.head(), StartsWith("HTTP/1.1 100 "));
  test.client.send("hello");
  EXPECT_EQ(test.backend().take(5), "hello");
  test.backend().send(ok("x"));
  EXPECT_THAT(test.client.message(), EndsWith("x"));
}

TEST(ForwardAuth, ABodyThatCameEarlyGoesOnWhole) {
  AuthSite test;
  const std::string body(100'000, 'b');
  const std::string request = post("/", body);
  test.client.send(request.substr(0, 3000));
  test.auth().message();
  const size_t more = test.client.send_what_fits(request.substr(3000));
  settle(test.site.loop());
  test.auth().send(kYes);
  const std::string head = test.backend().head();
  EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 100000\r\n"));
  test.client.send(request.substr(3000 + more));
  EXPECT_EQ(test.backend().take(body.size()), body);
  test.backend().send(ok("x"));
  EXPECT_THAT(test.client.message(), EndsWith("x"));
}

TEST(ForwardAuth, AQuestionThatComesBackIsNotAskedAgain) {
  AuthSite test;
  test.client.send(get("/"));
  const std::string question = test.verdict(kYes);
  test.pass();
  const size_t mark = question.find("CDN-Loop: ");
  test.client.send(get("/", question.substr(mark, question.find('\n', mark) + 1 - mark)));
  EXPECT_THAT(test.client.message(), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("auth_loop")));
  EXPECT_TRUE(test.nobody_is_asked());
}

TEST(ForwardAuth, WhoSaysTwiceWhoHeIsDoesNotSayIt) {
  AuthSite test;
  test.client.send(get("/", "Authorization: Basic eDp5\r\nAuthorization: Basic eDp6\r\n"));
  EXPECT_THAT(test.verdict(kYes), Not(HasSubstr("Authorization")));
  test.pass();
}

TEST(ForwardAuth, ItsConnectionIsKept) {
  AuthSite test;
  for (int round = 0; round < 3; ++round) {
    test.client.send(get("/"));
    test.verdict(ok("a body that nobody wants", "X-Auth-User: ann\r\n"));
    test.pass();
  }
  EXPECT_TRUE(test.site.origins[1]->nobody_called());
}

TEST(ForwardAuth, WhatPassesIsCachedOnlyWhereTheBackendSaysThatOthersMayHaveIt) {
  AuthSite test([](auto& auth) { auth.cache_ms = 60'000; });
  for (const auto& [path, fields, times] : {std::tuple{"/cached/own", "Cache-Control: max-age=60\r\n", 2},
                                            {"/cached/all", "Cache-Control: public, max-age=60\r\n", 1},
                                            {"/cached/each", "Cache-Control: public, max-age=60\r\nVary: x-auth-user\r\n", 2}}) {
    SCOPED_TRACE(fields);
    for (int round = 0; round < 2; ++round) {
      test.client.send(get(path, kAnn));
      if (round == 0) test.verdict(kYes);
      if (round < times) {
        test.backend().message();
        test.backend().send(ok("x", fields));
      }
      EXPECT_THAT(test.client.message(), EndsWith("x"));
    }
  }
  test.client.send(get("/cached/all", "Cookie: session=bob\r\n"));
  test.verdict(ok("", "", "403 Forbidden"));
  EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 403 ")) << "whom it refuses gets nothing of the cache either";
}

TEST(ForwardAuth, ARenewalBehindAnAnswerSaysForWhomItIs) {
  AuthSite test([](auto& auth) { auth.cache_ms = 60'000; });
  test.client.send(get("/cached/a", kAnn));
  test.verdict(kYes);
  test.backend().message();
  test.backend().send(ok("x", "Cache-Control: public, max-age=5, stale-while-revalidate=600\r\nETag: \"v1\"\r\n"));
  EXPECT_THAT(test.client.message(), EndsWith("x"));
  test.site.advance(6s);
  test.client.send(get("/cached/a", kAnn));
  EXPECT_THAT(test.client.message(), EndsWith("x"));
  EXPECT_THAT(test.backend().message(), AllOf(HasSubstr("\r\nX-Auth-User: ann\r\n"), HasSubstr("\r\nIf-None-Match: \"v1\"\r\n")));
}

TEST(ForwardAuth, APoolThatIsNotThereIsRefused) {
  Site site;
  image::PlanT plan = l7::test::plan();
  plan.services[0]->policies = std::make_unique<settings::PoliciesT>();
  plan.services[0]->policies->forward_auth = std::make_unique<settings::ForwardAuthT>();
  plan.services[0]->policies->forward_auth->pool = "nobody";
  stats::Segment segment = stats::Segment::create(site.folder.file("more"), 1, 4096, 65536).value();
  PlanResources resources{RowBook(segment), {}};
  const auto loaded = load_plan(l7::test::packed(plan), resources, nullptr);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_THAT(loaded.error().message, HasSubstr("there is no pool \"nobody\""));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
