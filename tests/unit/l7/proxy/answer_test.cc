// Routes that answer by themselves: what the client is sent, in every way it may ask, what becomes of its connection
// and of a body that still comes, and what the log says. No backend hears of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

image::RedirectT to_https(uint16_t status = 301) {
  image::RedirectT redirect;
  redirect.status = status, redirect.scheme = "https";
  return redirect;
}

image::RespondT text(std::string body, uint16_t status = 200) {
  image::RespondT respond;
  respond.status = status, respond.content_type = "text/plain", respond.body = std::move(body);
  return respond;
}

// "/": to https; "/text/": a text; "/none/": 204; "/web/": the pool.
void answering(image::PlanT& plan) {
  auto& routes = plan.services[0]->routes;
  routes.clear();
  routes.push_back(route("/", to_https()));
  routes.push_back(route("/text/", text("hello\n", 503)));
  routes.push_back(route("/none/", text("", 204)));
  routes.push_back(route("/web/", 0));
}

TEST(Answer, ARedirectIsSentAndTheConnectionGoesOn) {
  Site site(answering);
  Peer client = site.client();
  for (const char* path : {"/a?b=1", "//evil.com/"}) {
    client.send(get(path));
    const std::string response = client.message();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 301 Moved Permanently\r\n"));
    EXPECT_THAT(response, HasSubstr("\r\nLocation: https://shop.example" + std::string(path) + "\r\n"));
    EXPECT_THAT(response, AllOf(HasSubstr("\r\nContent-Length: 0\r\n"), HasSubstr("\r\nDate: "), Not(HasSubstr("Via")),
                                Not(HasSubstr("Connection"))));
    const auto line = site.log_line();
    EXPECT_EQ(line["status"], 301);
    EXPECT_EQ(line["reason"], "ok");
    EXPECT_EQ(line["route"], "/");
    EXPECT_FALSE(line.contains("pool"));
    EXPECT_EQ(line["bytes_out"], response.size());
  }
  EXPECT_EQ(site.value("cardea_l7_route_requests_total", "route=\"/\""), 2u);
  EXPECT_EQ(site.value("cardea_l7_route_responses_total", "route=\"/\",code_class=\"3xx\""), 2u);
  EXPECT_TRUE(site.origin().nobody_called());
}

TEST(Answer, ARedirectIsMadeOfGroups) {
  Site site([](image::PlanT& plan) {
    image::RedirectT to;
    to.path = "/new/${path:2}?of=${path:1}", to.keeps_query = false;
    auto moved = route("/old/([a-z]+)/(.*)", to);
    moved->path_rule = image::PathRule::pattern;
    plan.services[0]->routes.push_back(std::move(moved));
  });
  Peer client = site.client();
  client.send(get("/old/cups//x?a=b"));
  EXPECT_THAT(client.message(), HasSubstr("\r\nLocation: http://shop.example/new//x?of=cups\r\n"));
  client.send(get("/old/cups/%2e%2e%2fx"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 400 "));
}

TEST(Answer, AFixedAnswerIsWhatThePlanSays) {
  Site site(answering);
  Peer client = site.client();
  client.send(get("/text/"));
  const std::string response = client.message();
  EXPECT_THAT(response, AllOf(StartsWith("HTTP/1.1 503 Service Unavailable\r\n"), EndsWith("\r\n\r\nhello\n"),
                              HasSubstr("\r\nContent-Type: text/plain\r\n"), HasSubstr("\r\nContent-Length: 6\r\n")));
  client.send(get("/text/", "", "HEAD"));
  const std::string head = client.head();
  EXPECT_THAT(head, AllOf(HasSubstr("\r\nContent-Length: 6\r\n"), EndsWith("\r\n\r\n")));
  client.send(get("/none/"));
  const std::string none = client.head();
  EXPECT_THAT(none, AllOf(StartsWith("HTTP/1.1 204 "), Not(HasSubstr("Content-"))));
  client.send(get("/web/"));  // behind all of them a backend still answers
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(ok("web"));
  EXPECT_THAT(client.message(), EndsWith("web"));
}

TEST(Answer, RequestsInARowAreAnsweredInTheirOrder) {
  Site site(answering);
  Peer client = site.client();
  client.send(get("/text/") + get("/a") + get("/text/", "Connection: close\r\n"));
  const std::string all = client.rest();
  const size_t first = all.find("503"), second = all.find("301"), third = all.find("503", second);
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_THAT(all, AllOf(HasSubstr("\r\nConnection: close\r\n"), EndsWith("hello\n")));
}

// A body that is here already leaves the connection to the next request; one that still comes is read and dropped
// behind the answer, so that the client gets to see it.
TEST(Answer, ABodyIsNoHindrance) {
  Site site(answering);
  Peer client = site.client();
  client.send(post("/a", "body"));
  EXPECT_THAT(client.message(), AllOf(HasSubstr("301"), Not(HasSubstr("Connection: close"))));
  client.send(get("/a", "Content-Length: 100000\r\n", "POST") + "begun");
  EXPECT_THAT(client.message(), AllOf(HasSubstr("301"), HasSubstr("\r\nConnection: close\r\n")));
  client.send(std::string(99'995, 'x'));
  client.finish();
  EXPECT_EQ(client.rest(), "");
  EXPECT_FALSE(client.reset());
  Peer careful = site.client();
  careful.send(get("/a", "Content-Length: 10\r\nExpect: 100-continue\r\n", "POST"));
  EXPECT_THAT(careful.message(), StartsWith("HTTP/1.1 301 ")) << "and no 100: the body is not wanted";
}

TEST(Answer, WhoAskedForNoHostIsSentNowhere) {
  Site site(answering);
  Peer client = site.client();
  client.send("GET //evil.com/ HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.rest(), AllOf(StartsWith("HTTP/1.1 400 "), Not(HasSubstr("Location"))));
  EXPECT_EQ(site.log_line()["reason"], "host_missing");
  Peer old = site.client();
  old.send("GET /text/ HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.rest(), EndsWith("hello\n"));
}

TEST(Answer, ALargeOneArrivesWhole) {
  const std::string body(60'000, 'b');
  Site site([&](image::PlanT& plan) { plan.services[0]->routes[0] = route("/", text(body)); });
  Peer client = site.client();
  client.hold_little();
  client.send(get("/", "Connection: close\r\n"));
  EXPECT_THAT(client.rest(), EndsWith("\r\n\r\n" + body));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
