// The access log's lines: whatever a client sends is inside one JSON string, and no line outgrows its buffer.
#include "l7/proxy/log_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "l7/proxy/clock_text.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy {
namespace {

using nlohmann::json;

std::string every_byte() {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(char(c));
  return all;
}

TEST(LogLine, EveryByteIsEscapedOrPlain) {
  LogLine line;
  line.json("\"value\":", FieldKind::kText, FieldValue::of(every_byte()));
  line.raw("}");
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

TEST(LogLine, PlainTextHoldsNoQuoteAndNoControlOfAStrangers) {
  LogLine line;
  line.plain("\"", FieldKind::kText, FieldValue::of(every_byte()));
  line.plain("\" ", FieldKind::kText, {});
  const std::string text(line.finish());
  EXPECT_TRUE(text.ends_with("\\xff\" -\n")) << text;
  EXPECT_EQ(std::ranges::count(text, '"'), 2);
  for (const char c : text.substr(0, text.size() - 1)) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << int(c);
}

TEST(LogLine, NumbersAndTimes) {
  LogLine line;
  line.json("\"n\":", FieldKind::kNumber, FieldValue::of(UINT64_MAX));
  line.json("\"yes\":", FieldKind::kFlag, FieldValue::of(uint64_t{1}));
  line.json("\"none\":", FieldKind::kFlag, {});
  line.json("\"ms\":", FieldKind::kMilliseconds, FieldValue::of(std::chrono::nanoseconds(12'345'678)));
  line.json("\"negative\":", FieldKind::kMilliseconds, FieldValue::of(std::chrono::nanoseconds(-5)));
  line.raw("}");
  EXPECT_EQ(line.finish(), "{\"n\":18446744073709551615,\"yes\":true,\"ms\":12.345,\"negative\":0.000}\n");
}

TEST(LogLine, WhatHasNoRoomIsCutAndTheLineEnds) {
  LogLine line;
  for (int i = 0; i < 200; ++i) line.plain(" ", FieldKind::kText, FieldValue::of(std::string(1000, '\xff')));
  const std::string_view text = line.finish();
  EXPECT_LE(text.size(), LogLine::kBytes);
  EXPECT_GT(text.size(), LogLine::kBytes - 8);
  EXPECT_TRUE(text.ends_with('\n'));
}

TEST(ClockText, WritesTheLastMillisecondOfALeapDay) {
  EXPECT_EQ(ClockText::rfc3339(951868799999).view(), "2000-02-29T23:59:59.999Z");
  EXPECT_EQ(ClockText::clf(951868799999).view(), "29/Feb/2000:23:59:59 +0000");
  EXPECT_EQ(ClockText::haproxy(951868799999).view(), "29/Feb/2000:23:59:59.999");
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
              "\r\nUser-Agent: " + std::string(4000, '\xff') + "\r\nReferer: " + std::string(1000, '\xff') + "\r\n\r\n");
  EXPECT_THAT(client.message(), testing::HasSubstr("no_backend"));
  const auto line = site.log_line();
  EXPECT_EQ(line["path"].get<std::string>().size(), 1024u);
  EXPECT_EQ(line["query"].get<std::string>().size(), 512u);
}

}  // namespace
}  // namespace cardea::l7::proxy
