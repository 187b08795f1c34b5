// Conditions of logs and of `tail`: what they hold of, and what is wrong with one.
#include "base/exchange_filter.h"

#include <gtest/gtest.h>

#include <map>

namespace cardea {
namespace {

using namespace std::chrono_literals;

const std::map<ExchangeField, FieldValue> kExchange = {
    {ExchangeField::kStatus, FieldValue::of(uint64_t{503})},
    {ExchangeField::kRoute, FieldValue::of("api[0]")},
    {ExchangeField::kMethod, FieldValue::of("GET")},
    {ExchangeField::kReused, FieldValue::of(uint64_t{1})},
    {ExchangeField::kClientAddress, FieldValue::of("2001:db8::1")},
    {ExchangeField::kTotalMs, FieldValue::of(std::chrono::nanoseconds(1500ms))},
};

bool holds(std::string_view text) {
  const auto filter = ExchangeFilter::parse(text);
  EXPECT_TRUE(filter) << text << ": " << (filter ? "" : filter.error().message);
  return filter && filter->matches([](ExchangeField field) {
    const auto found = kExchange.find(field);
    return found == kExchange.end() ? FieldValue() : found->second;
  });
}

TEST(ExchangeFilter, ComparesNumbersTextsAndTimes) {
  for (const char* text :
       {"status>=500", "status >= 503", "status<=503", "status < 504", "status=503", "status == 503", "status != 200",
        "route=~\"api.*\"", "route=~'api.*'", "route = api[0]", "route !~ api", "method==GET", "client_address=2001:db8::1",
        "t_total_ms>1s", "t_total_ms > 1499.9", "t_total_ms=1500ms", "t_total_ms<2s", "reused=true", "reused=1"})
    EXPECT_TRUE(holds(text)) << text;
  for (const char* text : {"status<500", "status>503", "status=200", "route=~api", "route!~\"api.*\"", "method!=GET",
                           "method==get", "t_total_ms>2s", "reused=false"})
    EXPECT_FALSE(holds(text)) << text;
}

TEST(ExchangeFilter, AndBindsMoreThanOr) {
  EXPECT_TRUE(holds("status=503 || status=200 && method=POST"));
  EXPECT_FALSE(holds("(status=503 || status=200) && method=POST"));
  EXPECT_TRUE(holds("!status=200 && !(method=POST || method=PUT)"));
  EXPECT_TRUE(holds("! ! status=503"));
}

TEST(ExchangeFilter, WhatIsNotThereIsEqualToNothing) {
  for (const char* text : {"backend=\"\"", "backend=~\".*\"", "t_first_ms>=0", "t_first_ms<1", "attempts=0"})
    EXPECT_FALSE(holds(text)) << text;
  for (const char* text : {"backend!=a", "backend!~\".*\"", "attempts!=0", "!(backend=a)"}) EXPECT_TRUE(holds(text)) << text;
}

TEST(ExchangeFilter, WhatIsWrongIsSaidWithItsPlace) {
  struct Case {
    std::string text;
    size_t at;
    const char* message;
  };
  const Case cases[] = {{"", 0, "a field's name is missing"},
                        {"stauts>=500", 0, "there is no field \"stauts\""},
                        {"status=1 && rote=a", 12, "there is no field \"rote\""},
                        {"status", 6, "a comparison is missing"},
                        {"status>=", 8, "a value is missing"},
                        {"status>=abc", 8, "\"abc\" is no number"},
                        {"status>=5xx", 8, "\"5xx\" is no number"},
                        {"status>=500ms", 8, "is no number"},
                        {"t_total_ms>5m", 11, "is no number of milliseconds"},
                        {"route>=a", 7, "route is a text"},
                        {"status=~5", 8, "status is a number"},
                        {"route=\"a", 6, "a quote is missing"},
                        {"route=~\"(\"", 7, ""},
                        {"(status=1", 9, "a ')' is missing"},
                        {"status=1)", 8, "joins nothing"},
                        {"status=1 status=2", 9, "joins nothing"},
                        {"status=1 &&", 11, "a field's name is missing"},
                        {std::string(40, '!') + "status=1", 32, "nested too deep"},
                        {std::string(40, '(') + "status=1", 32, "nested too deep"},
                        {std::string(1025, ' '), 0, "too long"}};
  for (const Case& c : cases) {
    const auto read = ExchangeFilter::parse(c.text);
    ASSERT_FALSE(read) << c.text;
    EXPECT_EQ(read.error().at, c.at) << c.text;
    EXPECT_NE(read.error().message.find(c.message), std::string::npos) << c.text << ": " << read.error().message;
  }
  std::string many = "status=1";
  while (many.size() < 900) many += "||gen=1";
  EXPECT_FALSE(ExchangeFilter::parse(many)) << "more than can be asked";
}

}  // namespace
}  // namespace cardea
