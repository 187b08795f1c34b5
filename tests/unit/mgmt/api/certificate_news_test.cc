#include "mgmt/api/certificate_news.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mgmt/api/json.h"
#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json row(const char* service, const char* file, const char* serial, int64_t not_after, const char* warning = "") {
  return {{"service", service}, {"name", file},           {"names", Json::array({"shop.example"})},
          {"key_type", "EC"},   {"issuer", "/CN=a"},      {"serial", serial},
          {"not_before", 1000}, {"not_after", not_after}, {"warning", warning}};
}

std::string answer(Json rows) {
  return Json{{"certificates", std::move(rows)}}.dump();
}

conf::Config config_with(std::vector<std::string> hosts) {
  conf::Config config = mgmt::test::config();
  for (auto& service : config.services) {
    service.mode = conf::Mode::kHttp;
    service.tls.emplace().certificates = {{{"", 0, "tls.certificates[0]"}, "a.crt", "a.key"}};
    service.routes = {{{"", 0, "routes[0]"}, "", {hosts, "/"}, "web"}};
  }
  return config;
}

TEST(CertificateNews, AFileThatWasReplacedIsToldOnceWithBothEnds) {
  const auto before = answer({row("names", "a.crt", "01", 1'790'000'000), row("shop", "a.crt", "01", 1'790'000'000)});
  const auto after = answer({row("names", "a.crt", "02", 1'800'000'000), row("shop", "a.crt", "02", 1'800'000'000),
                             row("shop", "new.crt", "07", 1'800'000'000)});
  const auto news = certificate_news(before, after, config_with({"shop.example"}));
  EXPECT_THAT(news.changes, ElementsAre("certificate \"a.crt\": another one, until 2027-01-15 08:00 UTC (before: until "
                                        "2026-09-21 14:13 UTC)"))
      << "what the configuration did not name before is a change of it, and told as one";
  EXPECT_THAT(news.findings, IsEmpty());
  EXPECT_THAT(certificate_news(after, after, config_with({})).changes, IsEmpty());
  EXPECT_THAT(certificate_news("", after, config_with({})).changes, IsEmpty()) << "it was away: nobody knows";
}

TEST(CertificateNews, OneOfTheSameTermAndNumberButForOtherNamesIsAnotherOne) {
  auto other = row("shop", "a.crt", "01", 1'790'000'000);
  other["names"] = Json::array({"www.shop.example"});
  const auto before = answer(Json::array({row("shop", "a.crt", "01", 1'790'000'000)}));
  EXPECT_EQ(certificate_news(before, answer(Json::array({other})), config_with({})).changes.size(), 1u);
}

TEST(CertificateNews, AFileThatWasReadBeforeTheReloadIsToldOfByIt) {
  const auto served = [](const char* serial) { return answer(Json::array({row("shop", "a.crt", serial, 1'790'000'000)})); };
  ToldCertificates told;
  const auto changes = [&](const char* before, const char* after) {
    return told.news(before == nullptr ? "" : served(before), served(after), config_with({})).changes.size();
  };
  EXPECT_EQ(changes("01", "02"), 1u);
  EXPECT_EQ(changes("03", "03"), 1u) << "it was read when the reload began";
  EXPECT_EQ(changes("03", "03"), 0u) << "told once";
  EXPECT_EQ(changes(nullptr, "04"), 1u) << "cardea-l7 was away, and the last reload knew it";
}

TEST(CertificateNews, ThousandsOfThemAreCounted) {
  Json before = Json::array(), after = Json::array();
  for (int i = 0; i < 5'000; ++i) {
    const std::string file = "c" + std::to_string(i);
    before.push_back(row("shop", file.c_str(), "01", 1)), after.push_back(row("shop", file.c_str(), "02", 1));
  }
  const auto changes = certificate_news(answer(before), answer(after), config_with({})).changes;
  ASSERT_EQ(changes.size(), 21u);
  EXPECT_EQ(changes.back(), "4980 certificates more are other ones");
}

TEST(CertificateNews, WhatEndsSoonAndHostsThatNoneIsForAreWarnings) {
  const auto now = answer({row("names", "a.crt", "01", 1, "certificate a.crt expired on 1970-01-01 00:00 UTC"),
                           row("shop", "a.crt", "01", 1, "certificate a.crt expired on 1970-01-01 00:00 UTC")});
  const auto findings = certificate_news(now, now, config_with({"shop.example", "other.example"})).findings;
  ASSERT_EQ(findings.size(), 3u) << "a file's end once, hosts for each service";
  EXPECT_EQ(findings[0].place.path, "tls.certificates[0].cert");
  EXPECT_THAT(findings[0].message, HasSubstr("expired on 1970"));
  EXPECT_THAT(findings[1].message, HasSubstr("\"shop\" is for \"other.example\""));
  EXPECT_THAT(findings[2].message, HasSubstr("\"names\" is for \"other.example\""));
  for (const auto& finding : findings) EXPECT_EQ(finding.level, conf::Finding::warning);
  EXPECT_THAT(certificate_news("", "{}", config_with({"other.example"})).findings, IsEmpty()) << "nothing is known";
}

}  // namespace
}  // namespace cardea::mgmt::api
