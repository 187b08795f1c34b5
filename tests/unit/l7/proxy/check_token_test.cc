// Tokens as clients bring them: in Authorization, a header or a cookie; whose claims backends, limits and the log see, and
// whose bearers do not get through; and what caches may keep of such answers.
#include "l7/proxy/check_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/l7/policy/token_issuer.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using policy::test::Issuer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Issuer& curve() {
  static const Issuer issuer("P-256");
  return issuer;
}

const Issuer& rsa() {
  static const Issuer issuer("RSA");
  return issuer;
}

struct TokenSite : testing::Test {
  explicit TokenSite(std::function<void(settings::JwtT&)> change = {}) {
    std::ofstream(folder.file("set")) << "{\"keys\":[" << curve().jwk() << "," << rsa().jwk() << "]}";
    site.emplace([this, change](image::PlanT& plan) { guard(plan, change); });
    client.emplace(site->client());
  }

  void guard(image::PlanT& plan, const std::function<void(settings::JwtT&)>& change) {
    for (auto& route : plan.services[0]->routes) {
      route->policies = std::make_unique<settings::PoliciesT>();
      auto jwt = std::make_unique<settings::JwtT>();
      jwt->jwks = folder.file("set"), jwt->realm = "api";
      if (change) change(*jwt);
      route->policies->jwt = std::move(jwt);
      route->policies->request_headers = std::make_unique<settings::HeaderEditsT>();
      route->policies->request_headers->set = {"X-User: ${jwt:sub}", "X-Groups: ${jwt:groups}"};
      route->policies->rate_limits = limits;
    }
    if (limits.empty()) return;
    auto limit = std::make_unique<settings::RateLimitT>();
    limit->name = limits[0], limit->requests = 2, limit->period_ms = 100'000, limit->key = "${jwt:sub}", limit->keys_max = 100;
    plan.rate_limits.push_back(std::move(limit));
  }

  std::string payload(std::string_view subject, int64_t seconds = 600, std::string_view more = "") {
    return R"({"sub":")" + std::string(subject) + R"(","exp":)" + std::to_string(site->shard->unix_ms() / 1000 + seconds) + std::string(more) + "}";
  }
  std::string token(std::string_view subject, int64_t seconds = 600) { return curve().token(payload(subject, seconds), "ES256"); }
  std::string ask(const std::string& headers, const char* path = "/") {
    client->send(get(path, headers));
    return client->message();
  }
  // What the backend saw of it.
  std::string pass(const std::string& headers, const char* path = "/", const std::string& answer = ok("x")) {
    client->send(get(path, headers));
    if (!backend) backend.emplace(site->origin().accept());
    std::string seen = backend->message();
    backend->send(answer);
    EXPECT_THAT(client->message(), StartsWith("HTTP/1.1 200 "));
    return seen;
  }
  // By other connections: those before idled for too long.
  void come_again(std::chrono::seconds later) {
    site->advance(later);
    client.emplace(site->client());
    backend.reset();
  }
  static std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }

  ScratchFolder folder;
  std::vector<std::string> limits;
  std::optional<Site> site;
  std::optional<Peer> client, backend;
};

TEST_F(TokenSite, WhoHasNoneIsAskedForOneAndNoBackendHearsOfIt) {
  EXPECT_THAT(ask(""), AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("\r\nWWW-Authenticate: Bearer realm=\"api\"\r\n")));
  auto line = site->log_line();
  EXPECT_EQ(line["reason"], "unauthorized");
  EXPECT_EQ(line["detail"], "missing");
  const std::string wrong = Issuer("P-256").token(payload("ann"), "ES256");
  EXPECT_THAT(ask(bearer(wrong)), AllOf(StartsWith("HTTP/1.1 401 "),
                                        HasSubstr("\r\nWWW-Authenticate: Bearer realm=\"api\", error=\"invalid_token\"\r\n")));
  EXPECT_EQ(site->log_line()["detail"], "signature");
  EXPECT_THAT(ask(bearer(token("ann", -31))), StartsWith("HTTP/1.1 401 "));
  EXPECT_EQ(site->log_line()["detail"], "expired");
  EXPECT_THAT(ask(bearer(token("ann")) + bearer(token("ann"))), StartsWith("HTTP/1.1 401 ")) << "which of both the backend takes nobody knows";
  EXPECT_EQ(site->value("cardea_l7_service_unauthorized_total"), 4u);
  EXPECT_TRUE(site->origin().nobody_called());
}

TEST_F(TokenSite, BackendsSeeClaimsAndNotWhatAClientWritesForThem) {
  for (int round = 0; round < 2; ++round) {  // verified, then remembered
    const std::string seen = pass(bearer(curve().token(payload("ann", 600, R"(,"groups":["a","b"])"), "ES256")) +
                                  "X-User: root\r\nx_user: root\r\nX-Groups: wheel\r\n");
    EXPECT_THAT(seen, AllOf(HasSubstr("\r\nX-User: ann\r\n"), HasSubstr("\r\nX-Groups: a,b\r\n"), Not(HasSubstr("root")), Not(HasSubstr("wheel")),
                            Not(HasSubstr("Authorization"))));
    EXPECT_EQ(site->log_line()["user"], "ann");
  }
  const std::string seen = pass(bearer(token("bob")) + "X-Groups: wheel\r\n");
  EXPECT_THAT(seen, AllOf(HasSubstr("\r\nX-User: bob\r\n"), Not(HasSubstr("X-Groups")))) << "none is said, so none is set";
}

TEST_F(TokenSite, AClaimThatWouldEndALineIsNotSaid) {
  const std::string seen = pass(bearer(rsa().token(payload("a\\r\\nX-Admin: 1"), "RS256")));
  EXPECT_THAT(seen, AllOf(Not(HasSubstr("X-Admin")), Not(HasSubstr("X-User"))));
}

TEST_F(TokenSite, WhatIsRememberedExpires) {
  const std::string short_lived = bearer(token("ann", 60));
  pass(short_lived);
  come_again(89s);
  EXPECT_THAT(pass(short_lived), HasSubstr("\r\nX-User: ann\r\n"));
  come_again(2s);
  EXPECT_THAT(ask(short_lived), StartsWith("HTTP/1.1 401 "));
}

TEST_F(TokenSite, ACacheKeepsNoAnswerThatIsOneUsers) {
  const std::string answer = ok("for ann", "Cache-Control: max-age=600\r\n"), shared = ok("for all", "Cache-Control: public, max-age=600\r\n");
  pass(bearer(token("ann")), "/cached/own", answer);
  EXPECT_THAT(pass(bearer(token("bob")), "/cached/own", answer), HasSubstr("X-User: bob"));
  pass(bearer(token("ann")), "/cached/all", shared);
  EXPECT_THAT(ask(bearer(token("ann")), "/cached/all"), HasSubstr("for all"));
  EXPECT_THAT(pass(bearer(token("bob")), "/cached/all", shared), HasSubstr("X-User: bob")) << "the backend is told who asks";
  EXPECT_THAT(ask("", "/cached/all"), StartsWith("HTTP/1.1 401 ")) << "what is stored is for those who may ask";
}

struct CookieSite : TokenSite {
  CookieSite() : TokenSite([](settings::JwtT& jwt) { jwt.cookie = "session"; }) {}
};

TEST_F(CookieSite, AnswersToOneUserAreKeptNoMoreThanWithAuthorization) {
  const auto cookie = [this](const char* who) { return "Cookie: a=b; session=" + token(who) + "\r\n"; };
  const std::string answer = ok("for ann", "Cache-Control: max-age=600\r\n");
  EXPECT_THAT(pass(cookie("ann"), "/cached/own", answer), HasSubstr("X-User: ann"));
  EXPECT_THAT(pass(cookie("bob"), "/cached/own", answer), HasSubstr("X-User: bob"));
  EXPECT_THAT(ask(bearer(token("ann"))), StartsWith("HTTP/1.1 401 ")) << "it stands in the cookie alone";
  const std::string good = "session=" + token("ann"), other = "session=e30.e30.";
  for (const std::string& both : {"Cookie: " + good + "; " + other + "\r\n", "Cookie: " + good + "\r\nCookie: " + other + "\r\n"})
    EXPECT_THAT(ask(both), StartsWith("HTTP/1.1 401 ")) << "the backend might take the other one";
}

struct ForwardingSite : TokenSite {
  ForwardingSite() : TokenSite([](settings::JwtT& jwt) { jwt.header = "X-Token", jwt.forward = true; }) {}
};

TEST_F(ForwardingSite, WhatPassesForTheHeaderOfTheTokenDoesNotGoAlongWithIt) {
  const std::string good = "X-Token: " + token("ann") + "\r\n";
  EXPECT_THAT(pass(good + "X_Token: e30.e30.\r\nX.Token: e30.e30.\r\n"), AllOf(HasSubstr(good), Not(HasSubstr("e30.e30."))));
}

struct HeaderSite : TokenSite {
  HeaderSite() : TokenSite([](settings::JwtT& jwt) { jwt.header = "X-Token", jwt.claims = {"scope=read"}; }) {}
};

TEST_F(HeaderSite, ATokenWithoutTheClaimIsForbidden) {
  const auto header = [this](const char* claims) { return "X-Token: " + rsa().token(payload("ann", 600, claims), "RS256") + "\r\n"; };
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(ask(header("")), AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("error=\"insufficient_scope\"")));
    EXPECT_EQ(site->log_line()["reason"], "claims_missing");
  }
  EXPECT_THAT(pass(header(R"(,"scope":"read write")") + "Authorization: Basic eDp5\r\n"), AllOf(Not(HasSubstr("X-Token")), HasSubstr("Basic eDp5")));
  EXPECT_EQ(site->value("cardea_l7_service_denied_total"), 2u);
}

TEST(TokenLimits, CountByWhoWasVerified) {
  struct Limited : TokenSite {
    Limited() { limits = {"users"}; }
    void TestBody() override {}
  } with;
  with.site->adopt([&with](image::PlanT& plan) { with.guard(plan, {}); });
  const std::string ann = TokenSite::bearer(with.token("ann")), bob = TokenSite::bearer(with.token("bob"));
  with.pass(ann), with.pass(ann);
  EXPECT_THAT(with.ask(ann), StartsWith("HTTP/1.1 429 "));
  const std::string forged = TokenSite::bearer(Issuer("P-256").token(with.payload("bob"), "ES256"));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(with.ask(forged), StartsWith("HTTP/1.1 401 ")) << "what nobody verified counts for nobody";
  with.pass(bob), with.pass(bob);
  EXPECT_THAT(with.ask(bob), StartsWith("HTTP/1.1 429 "));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
