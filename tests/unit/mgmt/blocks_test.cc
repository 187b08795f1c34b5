// Who is blocked: as limits say, for as long as they say, never more than there may be, and never whom something exempts.
#include "mgmt/blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt {
namespace {

using namespace std::chrono_literals;
using Clock = Blocks::Clock;

IpAddress of(const char* text) {
  return IpAddress::parse(text).value();
}

conf::Config blocking() {
  conf::Config config = test::config();
  if (!config.dataplane) config.dataplane.emplace();
  config.dataplane->blocks = {.sources_max = 3, .never = {Prefix::parse("198.51.100.0/24").value(), Prefix::parse("2001:db8:1:2::/72").value()}};
  settings::RateLimitT limit;
  limit.name = "clients", limit.block_ms = 60'000;
  config.rate_limits = {limit};
  return config;
}

struct BlocksTest : ::testing::Test {
  BlocksTest() { blocks.take(blocking(), {of("192.0.2.200")}); }
  void add(const char* source, std::chrono::milliseconds time = 60s, Clock::time_point at = Clock::time_point(1000s)) {
    blocks.add({{of(source), time, "clients"}}, at);
  }
  size_t told(Clock::time_point at) { return nlohmann::json::parse(blocks.question(at))["sources"].size(); }

  EventLoop loop;
  std::map<IpAddress, Block> all;
  int changes = 0;
  Blocks blocks{loop, all, [this] { ++changes; }};
  const Clock::time_point now{1000s};
};

TEST_F(BlocksTest, LastAsLongAsALimitSays) {
  add("192.0.2.101");
  add("192.0.2.101", 30s, now + 10s);
  EXPECT_EQ(all[of("192.0.2.101")].until, now + 60s) << "the longer one counts";
  add("192.0.2.101", 60s, now + 10s);
  EXPECT_EQ(all[of("192.0.2.101")].until, now + 70s);
  EXPECT_EQ(all[of("192.0.2.101")].since, now);
  EXPECT_EQ(blocks.question(now + 60s), R"({"ask":"block","sources":[["192.0.2.101",10000]]})");
  blocks.expire(now + 70s - 1ms);
  EXPECT_EQ(all.size(), 1u);
  blocks.expire(now + 70s);
  EXPECT_TRUE(all.empty());
  EXPECT_EQ(told(now + 70s), 0u);
}

TEST_F(BlocksTest, OnesOfAClockThatWasSetBackAreOver) {
  add("192.0.2.101");
  blocks.expire(now - 48h);
  EXPECT_TRUE(all.empty());
}

TEST_F(BlocksTest, AreNoMoreThanTheyMayBe) {
  for (const char* source : {"192.0.2.101", "192.0.2.102", "192.0.2.103", "192.0.2.104"}) add(source);
  EXPECT_EQ(all.size(), 3u);
  EXPECT_EQ(blocks.refused(), 1u);
  add("192.0.2.101", 90s);
  EXPECT_EQ(all[of("192.0.2.101")].until, now + 90s) << "who is there stays";
}

TEST_F(BlocksTest, SpareWhomSomethingExempts) {
  const conf::Config config = blocking();
  const std::string backend = config.pools[0].backends[0].address.address.text();
  for (const char* source : {"198.51.100.9", "2001:db8:1:2::", "127.0.0.1", "192.0.2.200", backend.c_str()}) add(source);
  EXPECT_TRUE(all.empty());
  add("2001:db8:1:3::");
  EXPECT_EQ(all.size(), 1u);
}

TEST_F(BlocksTest, EndWithWhatTheyWereMadeBy) {
  add("192.0.2.101"), add("192.0.2.102");
  conf::Config exempting = blocking();
  exempting.dataplane->blocks.never.push_back(Prefix::parse("192.0.2.101/32").value());
  blocks.take(exempting, {});
  EXPECT_EQ(all.size(), 1u) << "the operator exempts one";
  changes = 0;
  EXPECT_TRUE(blocks.free(of("192.0.2.102")));
  EXPECT_EQ(changes, 1);
  EXPECT_FALSE(blocks.free(of("192.0.2.102")));
  add("192.0.2.103");
  conf::Config without = blocking();
  without.rate_limits.clear();
  blocks.take(without, {});
  EXPECT_TRUE(all.empty()) << "the limit is gone";
}

TEST_F(BlocksTest, WhatALimitSaidThatBlocksNobodyAnyMoreIsNotHeard) {
  conf::Config without = blocking();
  without.rate_limits[0].block_ms = 0;
  blocks.take(without, {});
  add("192.0.2.104");
  EXPECT_TRUE(all.empty()) << "it was asked before the reload";
}

TEST_F(BlocksTest, WithLessRoomThoseThatEndFirstAreFree) {
  add("192.0.2.101", 10s), add("192.0.2.102", 30s), add("192.0.2.103", 20s);
  conf::Config less = blocking();
  less.dataplane->blocks.sources_max = 1;
  blocks.take(less, {});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all.begin()->first, of("192.0.2.102"));
  EXPECT_EQ(blocks.refused(), 2u);
  less.dataplane->blocks.sources_max = 5;
  blocks.take(less, {});
  EXPECT_EQ(all.size(), 1u);
}

TEST_F(BlocksTest, ThatTheDataplaneDoesNotTakeAreTroubleUntilItDoes) {
  const PlanLink::Peer peer;
  for (int i = 0; i < 2; ++i) blocks.take_answer(fail("more than 3 are blocked"), peer);
  EXPECT_EQ(blocks.trouble(), "more than 3 are blocked");
  EXPECT_EQ(blocks.untold(), 2u);
  blocks.take_answer(std::string("{}"), peer);
  EXPECT_EQ(blocks.trouble(), "");
  EXPECT_EQ(blocks.untold(), 2u);
  blocks.take_answer(control::refuse(control::Code::kNoPlan, "no plan yet"), peer);
  EXPECT_EQ(blocks.trouble(), "") << "it has just begun";
  EXPECT_EQ(blocks.untold(), 2u);
}

TEST(Blames, AreWhatMakesSense) {
  const auto read = [](const char* rows) { return blames_from(std::string(R"({"blamed":[)") + rows + "]}"); };
  const auto good = read(R"({"client":"2001:db8::","block_ms":5000,"limit":"a"})");
  ASSERT_EQ(good.size(), 1u);
  EXPECT_EQ(good[0].source, of("2001:db8::"));
  EXPECT_EQ(good[0].time, 5s);
  EXPECT_EQ(read(R"({"client":"192.0.2.101","block_ms":4000000000,"limit":"a"})")[0].time, 24h);
  for (const char* bad : {R"({"client":"x","block_ms":5000})", R"({"client":"192.0.2.101"})", R"({"client":7,"block_ms":5})", "3"})
    EXPECT_TRUE(read(bad).empty()) << bad;
  EXPECT_TRUE(blames_from("{").empty());
}

}  // namespace
}  // namespace cardea::mgmt
