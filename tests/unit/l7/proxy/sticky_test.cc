// Clients that stay with their backend by a cookie of ours: set once, believed while it names one that answers,
// replaced when it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

void sticky(image::PlanT& plan) {
  image::PoolT& web = *plan.pools[0];
  web.sticky_cookie = "where";
  for (size_t i = 0; i < web.backends.size(); ++i) web.backends[i]->sticky = "signed-" + std::to_string(i);
}

Site::Change sticky_with(size_t backend, image::BackendState state) {
  return [=](image::PlanT& plan) {
    sticky(plan);
    plan.pools[0]->backends[backend]->state = state;
  };
}

struct Asked {
  size_t origin;
  std::string request, response;
};

Asked ask(Site& site, const std::string& cookies = "", const std::string& path = "/") {
  Peer client = site.client();
  client.send(get(path, cookies.empty() ? "" : "Cookie: " + cookies + "\r\n"));
  Asked asked;
  asked.origin = site.called();
  Peer backend = site.origins[asked.origin]->accept();
  asked.request = backend.message();
  backend.send(ok("x", "Connection: close\r\nSet-Cookie: own=1\r\n"));
  asked.response = client.message();
  site.log_line();
  return asked;
}

std::string set_for(size_t origin) {
  return "Set-Cookie: where=signed-" + std::to_string(origin) + "; Path=/; HttpOnly; SameSite=Lax\r\n";
}

TEST(Sticky, TheFirstAnswerSetsTheCookieAndItIsBelieved) {
  Site site(sticky, 3);
  const Asked first = ask(site);
  EXPECT_THAT(first.response, HasSubstr(set_for(first.origin)));
  EXPECT_THAT(first.response, HasSubstr("Set-Cookie: own=1\r\n")) << "beside the backend's own";
  for (int i = 0; i < 6; ++i) {
    const Asked again = ask(site, "a=b; where=signed-" + std::to_string(first.origin));
    EXPECT_EQ(again.origin, first.origin);
    EXPECT_THAT(again.response, Not(HasSubstr("where="))) << "it has it";
  }
}

TEST(Sticky, WhatNobodySignedIsReplaced) {
  Site site(sticky, 2);
  for (const char* made_up : {"signed-7", "", "signed-0x", "SIGNED-0"}) {
    const Asked asked = ask(site, std::string("where=") + made_up);
    EXPECT_THAT(asked.response, HasSubstr(set_for(asked.origin))) << made_up;
  }
}

TEST(Sticky, WhoIsDownLosesItsClientsAndTheyGetAnotherCookie) {
  for (const auto state : {image::BackendState::down, image::BackendState::maint}) {
    Site site(sticky_with(1, state), 2);
    const Asked asked = ask(site, "where=signed-1");
    EXPECT_EQ(asked.origin, 0u);
    EXPECT_THAT(asked.response, HasSubstr(set_for(0)));
  }
}

TEST(Sticky, WhoDrainsKeepsItsClientsAndGetsNoOthers) {
  Site site(sticky_with(1, image::BackendState::drain), 2);
  for (int i = 0; i < 4; ++i) {
    const Asked asked = ask(site, "where=signed-1");
    EXPECT_EQ(asked.origin, 1u);
    EXPECT_THAT(asked.response, Not(HasSubstr("where=")));
    EXPECT_EQ(ask(site).origin, 0u);
  }
}

TEST(Sticky, ABackupKeepsWhoCameToIt) {
  Site site(
      [](image::PlanT& plan) {
        sticky(plan);
        plan.pools[0]->backends[1]->standby = true;
      },
      2);
  EXPECT_EQ(ask(site).origin, 0u);
  EXPECT_EQ(ask(site, "where=signed-1").origin, 1u);
}

TEST(Sticky, WhoRefusesLosesItsClientAtOnce) {
  Site site(sticky, 2);
  site.origins[1]->refuse();
  const Asked asked = ask(site, "where=signed-1");
  EXPECT_EQ(asked.origin, 0u);
  EXPECT_THAT(asked.response, HasSubstr(set_for(0)));
}

TEST(Sticky, WhoIsFullIsNotWaitedFor) {
  Site site(
      [](image::PlanT& plan) {
        sticky(plan);
        for (auto& backend : plan.pools[0]->backends) backend->connections_max = 1;
      },
      2);
  Peer holder = site.client();
  holder.send(get("/", "Cookie: where=signed-1\r\n"));
  Peer held = site.origins[1]->accept();
  held.message();
  EXPECT_EQ(ask(site, "where=signed-1").origin, 0u);
}

// The next client of the cache's copy is not sent to the first one's backend.
TEST(Sticky, StoredResponsesCarryNoCookieOfOurs) {
  Site site(sticky, 2);
  Peer client = site.client();
  client.send(get("/cached/a"));
  Peer backend = site.origins[site.called()]->accept();
  backend.message();
  backend.send(ok("kept", "Cache-Control: max-age=60\r\n"));
  EXPECT_THAT(client.message(), HasSubstr("Set-Cookie: where="));
  client.send(get("/cached/a"));
  const std::string hit = client.message();
  EXPECT_THAT(hit, HasSubstr("kept"));
  EXPECT_THAT(hit, Not(HasSubstr("Set-Cookie")));
}

TEST(Sticky, WithoutItNobodyIsToldAnything) {
  Site site({}, 2);
  EXPECT_THAT(ask(site, "where=signed-1").response, Not(HasSubstr("where=")));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
