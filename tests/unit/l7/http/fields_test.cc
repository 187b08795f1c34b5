// Field values that the cache reads: lists, Cache-Control, dates, entity tags, Vary.
#include <gtest/gtest.h>

#include "l7/http/cache_control.h"
#include "l7/http/date.h"
#include "l7/http/entity_tag.h"
#include "l7/http/fields.h"
#include "l7/http/vary.h"
#include "tests/unit/l7/http/verdict.h"

namespace cardea::l7::http {
namespace {

std::vector<std::string> elements(std::string_view list) {
  std::vector<std::string> out;
  while (const auto element = next_element(list)) out.emplace_back(*element);
  return out;
}

TEST(Lists, CommasInQuotesDoNotSeparate) {
  EXPECT_EQ(elements(" a ,, b=\"c,\\\"d\" ,\te"), (std::vector<std::string>{"a", "b=\"c,\\\"d\"", "e"}));
  EXPECT_TRUE(elements(" , ,").empty());
  EXPECT_EQ(elements("\"never closed, b"), std::vector<std::string>{"\"never closed, b"});
}

TEST(Names, AreOneToCgiWithTheSameLetters) {
  for (const char* name : {"X-Host", "x_host", "X.Host", "XHost", "_X--HOST_"})
    EXPECT_TRUE(same_letters("X-Host", name));
  for (const char* name : {"X-Hos", "X-Hosts", "Host", "-", "X-H0st"})
    EXPECT_FALSE(same_letters("X-Host", name)) << name;
}

TEST(Numbers, AreDigitsOnly) {
  EXPECT_EQ(parse_decimal("9223372036854775807"), 9223372036854775807u);
  EXPECT_FALSE(parse_decimal("9223372036854775808"));
  EXPECT_FALSE(parse_decimal(""));
  EXPECT_FALSE(parse_decimal("1a"));
  EXPECT_EQ(parse_seconds("99999999999999999999999"), 1u << 31);
  EXPECT_FALSE(parse_seconds("-1"));
}

CacheControl control(std::string_view value) {
  CacheControl out;
  out.add(value);
  return out;
}

TEST(CacheControl, ReadsDirectivesInAnyCaseAndQuotes) {
  const CacheControl all = control(
      "Public, MAX-AGE=60, s-maxage=\"120\", no-transform,must-revalidate, stale-while-revalidate=5, x=\"no-store\"");
  EXPECT_TRUE(all.is_public && all.no_transform && all.must_revalidate);
  EXPECT_EQ(all.max_age, 60u);
  EXPECT_EQ(all.s_maxage, 120u);
  EXPECT_EQ(all.stale_while_revalidate, 5u);
  EXPECT_FALSE(all.no_store || all.no_cache || all.is_private);
}

TEST(CacheControl, TakesTheStricterWhenInDoubt) {
  EXPECT_EQ(control("max-age=60, max-age=10, max-age=90").max_age, 10u);
  EXPECT_EQ(control("max-age=abc").max_age, 0u);
  EXPECT_EQ(control("max-age").max_age, 0u);
  EXPECT_EQ(control("max-age=-1").max_age, 0u);
  EXPECT_EQ(control("max-age=99999999999").max_age, 1u << 31);
  EXPECT_EQ(control("min-fresh=1, min-fresh=5").min_fresh, 5u);
  EXPECT_TRUE(control("no-cache=\"set-cookie, x\"").no_cache);
  EXPECT_TRUE(control("private=\"a\"").is_private);
  EXPECT_TRUE(control("max-stale").any_staleness);
  EXPECT_FALSE(control("max-stale=5").any_staleness);
  EXPECT_EQ(control("max-stale=5").max_stale, 5u);
}

constexpr int64_t kNow = 1'800'000'000;  // January 2027
constexpr int64_t kExample = 784'111'777;

TEST(Date, ReadsThreeFormatsAndWritesOne) {
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994", kNow), kExample);
  EXPECT_EQ(parse_date("Wed Nov 16 08:49:37 1994", kNow), kExample + 10 * 86400);
  for (const char* day : {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}) {
    EXPECT_EQ(parse_date(std::string(day) + ", 06-Nov-94 08:49:37 GMT", kNow), kExample) << day;
    EXPECT_EQ(parse_date(std::string(day, 3) + ", 06 Nov 1994 08:49:37 GMT", kNow), kExample) << day;
  }
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 23:59:60 GMT", kNow), kExample - 31777 + 86400) << "a leap second";
  DateCache cache;
  EXPECT_EQ(cache.at(kExample), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(cache.at(951'782'399), "Mon, 28 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(cache.at(951'782'400), "Tue, 29 Feb 2000 00:00:00 GMT");
}

TEST(Date, RefusesWhatIsNone) {
  for (const char* text :
       {"", "0", "-1", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Xyz, 06 Nov 1994 08:49:37 GMT", "unM, 06 Nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT",
        "Someday, 06-Nov-94 08:49:37 GMT", "day, 06-Nov-94 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
        "Xyz Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 ovD 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(parse_date(text, kNow)) << text;
  }
}

TEST(Date, ShortYearsAreOfTheNearestCentury) {
  EXPECT_EQ(parse_date("Friday, 01-Jan-77 00:00:00 GMT", kNow), 3'376'684'800);  // fifty years ahead: 2077
  EXPECT_EQ(parse_date("Sunday, 01-Jan-78 00:00:00 GMT", kNow), 252'460'800);    // more: 1978
}

TEST(EntityTag, ComparesWeaklyAndStrongly) {
  const auto strong = parse_entity_tag("\"a\""), weak = parse_entity_tag("W/\"a\"");
  ASSERT_TRUE(strong && weak);
  EXPECT_TRUE(weakly_equal(*strong, *weak));
  EXPECT_FALSE(strongly_equal(*strong, *weak));
  EXPECT_TRUE(strongly_equal(*strong, *strong));
  for (const char* text : {"", "a", "\"a", "w/\"a\"", "\"a\"b", "\"a b\"", "W/a"})
    EXPECT_FALSE(parse_entity_tag(text)) << text;
}

TEST(EntityTag, ListsHoldTags) {
  const EntityTag tag = *parse_entity_tag("\"b,c\"");
  EXPECT_TRUE(list_holds("\"a\", W/\"b,c\"", tag));
  EXPECT_TRUE(list_holds(" * ", tag));
  EXPECT_TRUE(list_holds("\"b,c\",", tag));
  EXPECT_TRUE(list_holds(", ,\"b,c\"", tag)) << "empty elements say nothing";
  EXPECT_TRUE(list_holds("v0, \"b,c\"", tag)) << "one that is none hides no other";
  EXPECT_FALSE(list_holds("\"b\", \"c\"", tag));
  EXPECT_FALSE(list_holds("\"b,c\" x", tag));
  EXPECT_FALSE(list_holds("b,c", tag));
  EXPECT_FALSE(list_holds("", tag));
}

Vary vary(const std::string& headers) {
  const std::string bytes = "HTTP/1.1 200 OK\r\n" + headers + "\r\n";
  ResponseHead head;
  HeadScan scan;
  EXPECT_TRUE(parse_response_head(bytes, {}, scan, head).done());
  return vary_of(head.headers);
}

TEST(Vary, NamesOrEverything) {
  EXPECT_EQ(vary(""), Vary::kNothing);
  EXPECT_EQ(vary("Vary:\r\n"), Vary::kNothing);
  EXPECT_EQ(vary("Vary: Accept, Cookie\r\n"), Vary::kNames);
  EXPECT_EQ(vary("Vary: Accept\r\nVary: *\r\nVary: Cookie\r\n"), Vary::kEverything);
  EXPECT_EQ(vary("Vary: a/b\r\n"), Vary::kEverything);
}

}  // namespace
}  // namespace cardea::l7::http
