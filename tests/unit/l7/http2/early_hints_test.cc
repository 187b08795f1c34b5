// What a browser is told of before its page is there, and who is told nothing.
#include "l7/proxy/early_hints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/http2/client.h"

namespace cardea::l7::http2::test {
namespace {

using proxy::test::get;
using proxy::test::ok;
using proxy::test::Peer;
using proxy::test::Site;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

const Fields kNavigates = {{"sec-fetch-mode", "navigate"}};

void hinting(image::PlanT& plan) {
  plan.services[0]->http2 = true;
  for (auto& route : plan.services[0]->routes) {
    route->policies = std::make_unique<settings::PoliciesT>();
    route->policies->early_hints = {"</a.css>; rel=preload; as=style", "<https://cdn.example>; rel=preconnect"};
  }
}

struct EarlyHints : testing::Test {
  Site site{hinting};
  Client client{site};

  // Of a request that a backend answers.
  const Answer& answered(const Fields& fields, std::string_view method = "GET", std::string_view path = "/") {
    const int32_t call = client.ask(path, fields, true, method);
    if (!backend) backend = site.origin().accept();
    backend->head();
    backend->send(ok("page", "Cache-Control: max-age=60\r\n"));
    return client.answer(call);
  }
  std::optional<Peer> backend;
};

TEST_F(EarlyHints, ANavigatingBrowserIsToldWhileTheBackendThinks) {
  const int32_t call = client.ask("/", kNavigates);
  backend = site.origin().accept();
  EXPECT_THAT(backend->head(), Not(HasSubstr("Link")));
  ASSERT_TRUE(client.until([&] { return !client.so_far(call).informational.empty(); }));
  EXPECT_THAT(client.so_far(call).hints, ElementsAre(Pair("link", "</a.css>; rel=preload; as=style"),
                                                     Pair("link", "<https://cdn.example>; rel=preconnect")));
  backend->send(ok("page"));
  const Answer& answer = client.answer(call);
  EXPECT_THAT(answer.informational, ElementsAre("103"));
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.value("link"), "");
  EXPECT_EQ(answer.body, "page");
  EXPECT_EQ(site.value("cardea_l7_service_early_hints_total"), 1u);
}

TEST_F(EarlyHints, WhatIsNoPageIsToldNothing) {
  EXPECT_THAT(answered({}).informational, IsEmpty());
  EXPECT_THAT(answered({{"sec-fetch-mode", "no-cors"}}).informational, IsEmpty());
  EXPECT_THAT(answered({{"sec-fetch-mode", "navigate"}, {"sec-fetch-mode", "navigate"}}).informational, IsEmpty());
  EXPECT_THAT(answered(kNavigates, "POST").informational, IsEmpty());
  EXPECT_EQ(site.value("cardea_l7_service_early_hints_total"), 0u);
}

TEST_F(EarlyHints, WhatTheCacheHasIsThereAtOnce) {
  EXPECT_THAT(answered(kNavigates, "GET", "/cached/a").informational, ElementsAre("103"));
  const Answer& hit = client.answer(client.ask("/cached/a", kNavigates));
  EXPECT_EQ(hit.body, "page");
  EXPECT_THAT(hit.informational, IsEmpty());
}

TEST(EarlyHintsAgain, ASecondAttemptIsNotToldOf) {
  Site site(hinting, 2);
  Client client(site);
  const int32_t call = client.ask("/", kNavigates);
  const size_t first = site.called();
  site.origins[first]->accept().close();
  Peer second = site.origins[1 - first]->accept();
  second.head();
  second.send(ok("page"));
  const Answer& answer = client.answer(call);
  EXPECT_THAT(answer.informational, ElementsAre("103"));
  EXPECT_EQ(answer.body, "page");
}

TEST_F(EarlyHints, OlderProtocolsAreToldNothing) {
  Peer old = site.client();
  old.send("GET / HTTP/1.1\r\nHost: shop.example\r\nSec-Fetch-Mode: navigate\r\n\r\n");
  backend = site.origin().accept();
  backend->head();
  backend->send(ok("page"));
  EXPECT_THAT(old.message(), AllOf(testing::StartsWith("HTTP/1.1 200 "), HasSubstr("page")));
}

}  // namespace
}  // namespace cardea::l7::http2::test
