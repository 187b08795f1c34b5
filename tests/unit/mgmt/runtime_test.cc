#include "mgmt/runtime.h"

#include <gtest/gtest.h>

#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt {
namespace {

Runtime filled() {
  Runtime runtime;
  runtime.generation = 41;
  runtime.overrides[{"web", "10.0.0.11:8080"}] = {Order::kDrain, {}};
  runtime.overrides[{"web", "10.0.0.12:8080"}] = {Order::kReady, 9};
  runtime.overrides[{"gone", "10.9.9.9:1"}] = {Order::kMaint, {}};
  runtime.health[{"dns", "10.0.0.53:53"}] = {false, "refused \"now\"",
                                             std::chrono::system_clock::time_point(std::chrono::milliseconds(1234567))};
  const std::chrono::system_clock::time_point at(std::chrono::milliseconds(99));
  runtime.blocks[*IpAddress::parse("2001:db8::")] = {at, at + std::chrono::minutes(10), "clients"};
  runtime.blocks[*IpAddress::parse("192.0.2.7")] = {at, at + std::chrono::minutes(1), "login"};
  return runtime;
}

TEST(Runtime, ComesBackFromJsonAsItWas) {
  const auto read = runtime_from_json(to_json(filled()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, filled());
}

TEST(Runtime, DamagedTextIsAnError) {
  const std::string whole = to_json(filled());
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), whole.substr(0, whole.size() / 2),
        std::string(R"({"format": 2, "generation": 1})"),
        std::string(R"({"format": 1, "generation": "x", "overrides": [], "health": []})"),
        std::string(R"({"format": 1, "generation": 1, "overrides": [{"pool": "a", "backend": "b",
                                                "state": "gone"}], "health": []})")}) {
    const auto read = runtime_from_json(text);
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().message.find("damaged"), std::string::npos);
  }
}

TEST(Runtime, KeepsOnlyWhatTheFileStillHas) {
  auto runtime = filled();
  runtime.health[{"web", "10.0.0.99:8080"}] = {false, "gone", {}};
  runtime.health[{"gone", "10.9.9.9:1"}] = {false, "gone", {}};
  runtime.keep_only(test::config());
  EXPECT_EQ(runtime.overrides.size(), 2u);
  EXPECT_FALSE(runtime.overrides.contains({"gone", "10.9.9.9:1"}));
  EXPECT_EQ(runtime.health.size(), 1u);
  EXPECT_FALSE(runtime.healthy({"dns", "10.0.0.53:53"}));
}

TEST(Runtime, ABackendNobodyJudgedIsUp) {
  EXPECT_TRUE(Runtime{}.healthy({"web", "10.0.0.11:8080"}));
  EXPECT_FALSE(filled().healthy({"dns", "10.0.0.53:53"}));
}

TEST(Runtime, AnOldVerdictIsVoidWhenTheChecksWereTurnedOff) {
  auto config = test::config();
  auto& dns = config.pools[1];
  EXPECT_EQ(filled().standing_of(dns, dns.backends[0]).state, State::kDown);
  dns.health.type = conf::HealthType::kNone;
  EXPECT_EQ(filled().standing_of(dns, dns.backends[0]).state, State::kUp);
}

}  // namespace
}  // namespace cardea::mgmt
