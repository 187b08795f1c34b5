// Regular expressions of a configuration: what they match, what is refused, and that none of them takes long.
#include "base/pattern.h"

#include <gtest/gtest.h>

namespace cardea {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  return Pattern::compile(pattern).value().matches(text);
}

TEST(Pattern, StandsForTheWholeText) {
  EXPECT_TRUE(matches("/v[0-9]+/.*", "/v12/x"));
  EXPECT_FALSE(matches("/v[0-9]+", "/v12/x"));
  EXPECT_FALSE(matches("v12", "/v12"));
  EXPECT_TRUE(matches("a|b", "b"));
  EXPECT_FALSE(matches("a|b", "ab"));
  EXPECT_TRUE(matches("(?i)abc", "aBC"));
  EXPECT_TRUE(matches(".*", "any\xff\n byte"));
  EXPECT_TRUE(matches("", ""));
}

TEST(Pattern, RefusesWhatItCannotRead) {
  for (const char* bad : {"(", "[a", "a**", "(?=a)", "\\1", "((((a{100}){100}){100}){100})"}) {
    const auto compiled = Pattern::compile(bad);
    ASSERT_FALSE(compiled.has_value()) << bad;
    EXPECT_NE(compiled.error().message.find("is no regular expression"), std::string::npos) << compiled.error().message;
  }
}

// What would hold a shard for a second with one header of 16 KB.
TEST(Pattern, RefusesWhatIsCountedTooHigh) {
  for (const char* bad : {"(.?){1000}(.?){1000}", "(.*a.{900}x)|(.*b.{900}y)|(.*a.{900}z)"}) {
    const auto compiled = Pattern::compile(bad);
    ASSERT_FALSE(compiled.has_value()) << bad;
    EXPECT_NE(compiled.error().message.find("too much to match"), std::string::npos) << compiled.error().message;
  }
  EXPECT_TRUE(matches("[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63}){1,8}", "shop.example"));
}

TEST(Pattern, FindsWhatItsGroupsMatched) {
  const Pattern pattern = Pattern::compile_with_groups("/(?P<shop>[a-z]+)(/x)?/([0-9]+)").value();
  EXPECT_EQ(pattern.groups(), 3u);
  EXPECT_EQ(pattern.group("shop"), 1u);
  EXPECT_EQ(pattern.group("3"), 3u);
  for (const char* none : {"0", "4", "", "x", "1x", "-1", "99999999999999999999"}) EXPECT_FALSE(pattern.group(none)) << none;
  Pattern::Groups groups;
  ASSERT_TRUE(pattern.find("/cups/17", groups));
  EXPECT_EQ(groups[0], "/cups/17");
  EXPECT_EQ(groups[1], "cups");
  EXPECT_EQ(groups[2], "") << "it took no part";
  EXPECT_EQ(groups[3], "17");
  EXPECT_FALSE(pattern.find("/cups/17/", groups));
  EXPECT_EQ(Pattern::compile("/(a)")->groups(), 0u);
}

TEST(Pattern, ItsGroupsAreForSmallExpressions) {
  EXPECT_FALSE(Pattern::compile_with_groups("(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)"));
  EXPECT_FALSE(Pattern::compile_with_groups("(a{300})"));
  EXPECT_TRUE(Pattern::compile("(a{300})"));
}

// What makes a backtracking matcher take years.
TEST(Pattern, CostsWhatTheTextsLengthCosts) {
  const std::string text(100'000, 'a');
  EXPECT_FALSE(matches("(a*)*(a*)*(a|aa)+b", text));
}

}  // namespace
}  // namespace cardea
