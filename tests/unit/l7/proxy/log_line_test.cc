// The access log's lines: whatever a client sends is inside one JSON string, and no line outgrows its buffer.
#include "l7/proxy/log_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy {
namespace {

using nlohmann::json;

TEST(LogLine, EveryByteIsEscapedOrPlain) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(char(c));
  LogLine line;
  line.text("value", all);
  const std::string text(line.finish());
  EXPECT_EQ(text.find('\n'), text.size() - 1) << "one line";
  for (const char c : text.substr(0, text.size() - 1)) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << int(c);
  const std::string value = json::parse(text)["value"];
  size_t at = 0;
  for (int c = 0; c < 256; ++c) {  // bytes above 0x7f are told as the code points of their number
    if (c < 0x80) {
      EXPECT_EQ(value[at++], char(c));
    } else {
      EXPECT_EQ(uint8_t(value[at]) << 6 & 0xff, c & 0xc0);
      at += 2;
    }
  }
  EXPECT_EQ(at, value.size());
}

TEST(LogLine, ValuesAreCutBeforeTheyAreEscaped) {
  LogLine line;
  line.text("a", std::string(300, '"'));
  line.text("b", "xyz", 2);
  const json parsed = json::parse(line.finish());
  EXPECT_EQ(parsed["a"].get<std::string>(), std::string(256, '"'));
  EXPECT_EQ(parsed["b"], "xy");
}

TEST(LogLine, NumbersAndTimes) {
  LogLine line;
  line.number("n", UINT64_MAX);
  line.truth("yes", true);
  line.milliseconds("ms", std::chrono::nanoseconds(12'345'678));
  line.milliseconds("negative", std::chrono::nanoseconds(-5));
  line.timestamp("ts", 951868799999);  // the last millisecond of a leap day
  EXPECT_EQ(line.finish(), "{\"n\":18446744073709551615,\"yes\":true,\"ms\":12.345,\"negative\":0.000,"
                           "\"ts\":\"2000-02-29T23:59:59.999Z\"}\n");
}

TEST(AccessLogLine, HostileValuesStayInsideTheirStrings) {
  test::Site site([](image::PlanT& plan) { plan.pools[0]->backends[0]->state = image::BackendState::down; });
  test::Peer client = site.client();
  client.send("GET /a'b?q=\"},{\"admin\":true HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: \"\\\x1b[2J\r\n\r\n");
  client.rest();
  EXPECT_EQ(site.log_line()["reason"], "control_byte") << "an escape sequence never comes so far";
  test::Peer other = site.client();
  other.send("GET /a'b?q=\"},{\"admin\":true HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: \"\\ \xff\xc0\x80\r\n\r\n");
  other.message();
  const auto line = site.log_line();
  EXPECT_EQ(line["path"], "/a'b");
  EXPECT_EQ(line["query"], "q=\"},{\"admin\":true");
  EXPECT_EQ(line["user_agent"], "\"\\ ÿÀ\u0080");
  EXPECT_FALSE(line.contains("admin"));
}

// The worst that a head of 16 KB and names of the configuration can do.
TEST(AccessLogLine, TheLongestOneFits) {
  const std::string name(90, 'n');
  test::Site site([&](image::PlanT& plan) {
    plan.services[0]->name = plan.services[0]->routes[0]->name = plan.pools[0]->name = name;
    plan.pools[0]->backends[0]->state = image::BackendState::down;
  });
  test::Peer client = site.client(name.c_str());
  std::string long_host;
  while (long_host.size() < 250) long_host += "host-name.";
  client.send("OPTIONS-AND-MORE /" + std::string(3000, 'p') + "?" + std::string(3000, '"') + " HTTP/1.1\r\nHost: " + long_host +
              "\r\nUser-Agent: " + std::string(4000, '\xff') + "\r\n\r\n");
  EXPECT_THAT(client.message(), testing::HasSubstr("no_backend"));
  const auto line = site.log_line();
  EXPECT_EQ(line["path"].get<std::string>().size(), 1024u);
  EXPECT_EQ(line["query"].get<std::string>().size(), 512u);
}

}  // namespace
}  // namespace cardea::l7::proxy
