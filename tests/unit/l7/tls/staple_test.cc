// Which answers of OCSP are stapled, and which are not.
#include "l7/tls/staple.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7::tls {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Status = Authority::Status;

struct StapleTest : testing::Test {
  StapleTest() { shop = authority.issued("shop", {.names = {"shop.example"}, .with_issuer = true}); }
  std::string why(const std::string& der, std::chrono::seconds later = 0s) const {
    const auto staple = read_staple(der, *shop, now + later);
    return staple ? "stapled" : staple.error().why;
  }
  Authority authority;
  std::shared_ptr<const Certificate> shop;
  const Staple::Time now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
};

TEST_F(StapleTest, AGoodAnswerHoldsUntilItsEnd) {
  const std::string der = authority.ocsp_answer(*shop);
  const auto staple = read_staple(der, *shop, now);
  ASSERT_TRUE(staple.has_value()) << staple.error().why;
  EXPECT_EQ((*staple)->der, der);
  EXPECT_NEAR(double(((*staple)->next_update - now).count()), 3600, 2);
  EXPECT_THAT(why(der, 3700s), HasSubstr("ended on"));
  StapleSlot slot;
  slot.set(*staple);
  EXPECT_TRUE(slot.get(now));
  EXPECT_FALSE(slot.get(now + 3700s)) << "whoever forgets to take it away";
}

TEST_F(StapleTest, NothingElseIsStapled) {
  const auto revoked = read_staple(authority.ocsp_answer(*shop, Status::kRevoked), *shop, now);
  EXPECT_EQ(revoked.error().why, "it is revoked");
  EXPECT_TRUE(revoked.error().revoked);
  EXPECT_THAT(why(authority.ocsp_answer(*shop, Status::kUnknown)), HasSubstr("does not know"));
  EXPECT_THAT(why(authority.ocsp_answer(*shop, Status::kGood, 3600, 7200)), HasSubstr("begins on"));
  EXPECT_EQ(why(authority.ocsp_answer(*shop, Status::kGood, 60, 7200)), "stapled") << "clocks differ";
  const auto other = authority.issued("other", {.names = {"other.example"}, .with_issuer = true});
  EXPECT_THAT(why(authority.ocsp_answer(*other)), HasSubstr("another certificate"));
  const Authority stranger;
  EXPECT_THAT(why(stranger.ocsp_answer(*shop)), HasSubstr("not signed"));
  EXPECT_THAT(why(""), HasSubstr("none of OCSP's"));
  EXPECT_THAT(why(authority.ocsp_answer(*shop) + "x"), HasSubstr("none of OCSP's"));
  EXPECT_THAT(why(std::string(70'000, 'x')), HasSubstr("32 KB"));
  std::string bent = authority.ocsp_answer(*shop);
  bent[bent.size() / 2] = char(bent[bent.size() / 2] ^ 1);
  EXPECT_NE(why(bent), "stapled");
}

TEST_F(StapleTest, WhoSignsForTheIssuerWasAppointedForThatByTheIssuer) {
  const auto answer = [&](const Certificate& signer) {
    return why(authority.ocsp_answer(*shop, Status::kGood, -60, 3600, &signer));
  };
  EXPECT_EQ(answer(*authority.issued("appointed", {.names = {"ocsp.example"}, .usage = "OCSPSigning"})), "stapled");
  EXPECT_THAT(answer(*authority.issued("server", {.names = {"web.example"}, .usage = "serverAuth"})), HasSubstr("not signed"));
  EXPECT_THAT(answer(*shop), HasSubstr("not signed")) << "it speaks for itself";
  const auto past = authority.issued("past", {.names = {"old.example"}, .days_from = -9, .days_to = -1, .usage = "OCSPSigning"});
  EXPECT_THAT(answer(*past), HasSubstr("not signed"));
  Authority stranger;
  EXPECT_THAT(answer(*stranger.issued("other", {.names = {"ocsp.example"}, .usage = "OCSPSigning"})), HasSubstr("not signed"));
}

TEST_F(StapleTest, WhatWasSaidLongAgoOfARevocationCountsForNothing) {
  const auto old = read_staple(authority.ocsp_answer(*shop, Status::kRevoked, -7200, -3600), *shop, now);
  EXPECT_FALSE(old.error().revoked);
}

TEST_F(StapleTest, WithoutItsIssuerNothingCanBeAskedOrChecked) {
  const auto alone = authority.issued("alone", {.names = {"alone.example"}});
  EXPECT_FALSE(staple_question(*alone).has_value());
  EXPECT_TRUE(staple_question(*shop).has_value());
  EXPECT_THAT(read_staple(authority.ocsp_answer(*alone), *alone, now).error().why, HasSubstr("issuer"));
}

TEST_F(StapleTest, ACertificateSaysWhomToAskAndWhetherItMust) {
  const auto must = authority.issued(
      "must", {.names = {"must.example"}, .responder = "http://ocsp.example/a", .must_staple = true, .with_issuer = true});
  EXPECT_EQ(must->responder, "http://ocsp.example/a");
  EXPECT_TRUE(must->must_staple);
  EXPECT_THAT(staple_warning(*must, now), HasSubstr("must-staple"));
  must->staple->set_problem("nobody answers");
  EXPECT_THAT(staple_warning(*must, now), HasSubstr("refuse it: nobody answers"));
  must->staple->set(*read_staple(authority.ocsp_answer(*must), *must, now));
  EXPECT_EQ(staple_warning(*must, now), "");
  EXPECT_EQ(shop->responder, "");
  EXPECT_FALSE(shop->must_staple);
  EXPECT_EQ(staple_warning(*shop, now), "") << "nobody wants it stapled";
}

}  // namespace
}  // namespace cardea::l7::tls
