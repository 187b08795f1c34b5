// Headers as policies change them (request_headers, response_headers): what backends and clients see, of every kind of
// answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/cached.h"

namespace cardea::l7::proxy::test {
namespace {

using settings::HeaderEditsT;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::unique_ptr<settings::PoliciesT> policies(HeaderEditsT request, HeaderEditsT response) {
  auto made = std::make_unique<settings::PoliciesT>();
  made->request_headers = std::make_unique<HeaderEditsT>(std::move(request));
  made->response_headers = std::make_unique<HeaderEditsT>(std::move(response));
  return made;
}

HeaderEditsT requests() {
  HeaderEditsT edits;
  edits.set = {"X-User: ${cookie:user}", "X-From: ${client_address}|${scheme}|${method}|${uri}|${query:b}|${route}",
               "X-Empty: ${header:X-None}"};
  edits.add = {"X-Hop: cardea"};
  edits.if_absent = {"Accept-Language: en", "X-Here: ours"};
  edits.remove = {"X-Debug", "X-Real-IP"};
  return edits;
}

HeaderEditsT responses() {
  HeaderEditsT edits;
  edits.set = {"X-Frame-Options: DENY", "X-Served: ${backend}|${cache_result}"};
  edits.if_absent = {"Cache-Control: no-cache"};
  edits.remove = {"Server", "Via"};
  return edits;
}

// Of every route, and of what no route matches.
void changing(image::PlanT& plan) {
  for (auto& route : plan.services[0]->routes) route->policies = policies(requests(), responses());
  plan.services[0]->policies = policies({}, responses());
}

TEST(HeaderChanges, BackendsSeeWhatIsSetAndNotWhatIsRemoved) {
  Site site(changing);
  Peer client = site.client();
  client.send(get("/p?a=1&b=2", "Cookie: user=ann\r\nX-User: evil\r\nX_User: evil\r\nX.User: evil\r\nXUser: evil\r\n"
                                "X-Hop: 1\r\nX_Hop: evil\r\nX-Debug: 1\r\nX-Empty: evil\r\nX-Here: theirs\r\n"));
  Peer backend = site.origin().accept();
  const std::string request = backend.message();
  EXPECT_THAT(request, AllOf(HasSubstr("\r\nX-User: ann\r\n"), Not(HasSubstr("evil")), Not(HasSubstr("X-Debug")),
                             Not(HasSubstr("X-Empty")), Not(HasSubstr("X-Real-IP"))));
  EXPECT_THAT(request, HasSubstr("\r\nX-From: 127.0.0.1|http|GET|/p?a=1&b=2|2|/\r\n"));
  EXPECT_THAT(request, AllOf(HasSubstr("\r\nX-Hop: 1\r\n"), HasSubstr("\r\nX-Hop: cardea\r\n")));
  EXPECT_THAT(request, AllOf(HasSubstr("\r\nAccept-Language: en\r\n"), HasSubstr("\r\nX-Here: theirs\r\n"),
                             Not(HasSubstr("X-Here: ours"))));
}

TEST(HeaderChanges, ClientsSeeWhatIsSetAndNotWhatIsRemoved) {
  Site site(changing);
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x", "Server: secret/1\r\nX-Frame-Options: ALLOW\r\nCache-Control: max-age=9\r\n"));
  const std::string response = client.message();
  EXPECT_THAT(response, AllOf(HasSubstr("\r\nX-Frame-Options: DENY\r\n"), Not(HasSubstr("ALLOW")),
                              Not(HasSubstr("secret")), Not(HasSubstr("Via"))));
  EXPECT_THAT(response, HasSubstr("\r\nX-Served: " + site.origin().name() + "|\r\n"));
  EXPECT_THAT(response, AllOf(HasSubstr("max-age=9"), Not(HasSubstr("no-cache")))) << "it was not absent";
}

TEST(HeaderChanges, StoredAnswersAreChangedOnTheirWayOut) {
  Cached cached(ok("stored", std::string(kMinute) + "Server: secret/1\r\n"), changing);
  for (const char* fields : {"", "If-None-Match: \"v1\"\r\n"}) {
    const std::string response = cached.ask(fields);
    EXPECT_THAT(response, AllOf(HasSubstr("X-Frame-Options: DENY"), HasSubstr("|hit\r\n"), Not(HasSubstr("secret"))));
  }
}

TEST(HeaderChanges, AnswersOfOursHaveThemToo) {
  Site site(changing);
  Peer client = site.client();
  site.origin().refuse();
  client.send(get("/"));
  const std::string response = client.message();
  EXPECT_THAT(response, AllOf(StartsWith("HTTP/1.1 502 "), HasSubstr("\r\nX-Frame-Options: DENY\r\n"),
                              HasSubstr("\r\nCache-Control: no-store\r\n"), Not(HasSubstr("no-cache"))));
  Peer other = site.client();
  other.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(other.message(), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("X-Frame-Options: DENY")))
      << "the service's, where no route was found";
}

TEST(HeaderChanges, AnAnswerThatVariesByWhatIsEachRequestsIsNotStored) {
  Site site([](image::PlanT& plan) {
    HeaderEditsT edits;
    edits.set = {"X-Id: ${cookie:country}-${request_id}", "X-Fixed: 1"};
    for (auto& route : plan.services[0]->routes) route->policies = policies(edits, {});
  });
  Peer client = site.client();
  Peer backend = [&] {
    client.send(get("/cached/a"));
    return site.origin().accept();
  }();
  const auto answer = [&](const char* body, const char* vary) {
    backend.message();
    backend.send(ok(body, std::string(kMinute) + "Vary: " + vary + "\r\n"));
    EXPECT_THAT(client.message(), HasSubstr(body));
  };
  answer("german", "Accept, X-Id");
  client.send(get("/cached/a"));
  answer("french", "X-Fixed");
  client.send(get("/cached/a"));
  EXPECT_THAT(client.message(), HasSubstr("french")) << "what is set to one value for all, nothing varies by";
}

TEST(HeaderChanges, WhatEndsHereIsAbsentBehindIt) {
  Site site(changing);
  Peer client = site.client();
  client.send(get("/", "X-Here: theirs\r\nConnection: X-Here\r\n"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), AllOf(HasSubstr("\r\nX-Here: ours\r\n"), Not(HasSubstr("theirs"))));
  backend.send(ok("x"));
  client.message();
}

TEST(HeaderChanges, ValuesAreAsLongAsTheyAre) {
  Site site([](image::PlanT& plan) {
    HeaderEditsT edits;
    for (int i = 0; i < 8; ++i)
      edits.set.push_back("X-Long-" + std::to_string(i) + ": ${header:X-Long}" + std::string(500, 'y'));
    for (auto& route : plan.services[0]->routes) route->policies = policies(edits, edits);
  });
  Peer client = site.client();
  const std::string long_value(3000, 'x');
  client.send(get("/", "X-Long: " + long_value + "\r\n"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), HasSubstr("\r\nX-Long-7: " + long_value + "y"));
  backend.send(ok("done"));
  EXPECT_THAT(client.message(), AllOf(HasSubstr("\r\nX-Long-7: " + long_value + "y"), HasSubstr("done")));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
