// Targets made of a path's groups: what is made, and that no group is more than a piece of a path or one value of a query.
#include "base/path_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cardea {
namespace {

using testing::HasSubstr;

std::string made(std::string_view text, std::string_view regex, std::string_view path, std::string_view query = "") {
  const Pattern of = Pattern::compile_with_groups(regex).value();
  const PathTemplate by = PathTemplate::parse(text, &of).value();
  std::string room(by.size_max(path, query), '\0');
  const auto target = by.write(room, &of, path, query);
  if (!target) return "nothing";
  return std::string(target->path) + (target->query.empty() ? "" : "?") + std::string(target->query);
}

TEST(PathTemplate, GroupsStandWhereTheyAreNamed) {
  const struct {
    const char *text, *regex, *path, *query, *target;
  } rows[] = {
      {"/item.php?id=${path:1}", "/items/([0-9]+)", "/items/17", "", "/item.php?id=17"},
      {"/item.php?id=${path:1}", "/items/([0-9]+)", "/items/17", "a=b", "/item.php?id=17&a=b"},
      {"/item.php?", "/items/.*", "/items/17", "a=b", "/item.php"},
      {"/x", "/.*", "/items/17", "a=b", "/x?a=b"},
      {"/${path:shop}/${path:2}", "/(?P<shop>[a-z]+)/(.*)", "/cups/a%20b/c", "", "/cups/a%20b/c"},
      {"/${path:2}${path:1}", "/(a)?(b)?.*", "/b", "", "/b"},
      {"/${path:1}", "/go(/.*)", "/go/a", "", "/a"},
      {"/${path:1}", "/go(/.*)", "/go//evil.example/x", "", "/evil.example/x"},
      {"/q?v=${path:1}&w=1", "/(.*)", "/a&b=c+d;e%26f", "", "/q?v=a%26b%3Dc%2Bd%3Be%26f&w=1"},
      {"/q?${path:1}", "/(.*)", "/", "a=b", "/q?a=b"},
      {"/x", "/other", "/a", "", "nothing"},
  };
  for (const auto& row : rows) EXPECT_EQ(made(row.text, row.regex, row.path, row.query), row.target) << row.text;
}

TEST(PathTemplate, NeedsNoExpressionWhereItNamesNoGroup) {
  const PathTemplate by = PathTemplate::parse("/sorry?from=here", nullptr).value();
  std::string room(by.size_max("/a", "b"), '\0');
  const auto target = by.write(room, nullptr, "/a", "b");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/sorry");
  EXPECT_EQ(target->query, "from=here&b");
  EXPECT_TRUE(PathTemplate().empty());
  EXPECT_EQ(by.text(), "/sorry?from=here");
}

TEST(PathTemplate, RefusesWhatIsNoTarget) {
  const Pattern of = Pattern::compile_with_groups("/(a)(?P<b>b)").value();
  const std::pair<const char*, const char*> cases[] = {
      {"x", "does not begin with '/'"},         {"${path:1}", "does not begin with '/'"}, {"//x", "name of a host"},
      {"/a b", "percent-encoded"},              {"/a?b#c", "percent-encoded"},            {"/a\\b", "percent-encoded"},
      {"/${path:3}", "no group \"3\", but 2"},   {"/${path:0}", "no group \"0\""},          {"/${path:c}", "no group \"c\""},
      {"/${host}", "nothing but groups"},       {"/${path:1", "does not close"},          {"/${path:}", "names nothing"}};
  for (const auto& [text, said] : cases) {
    const auto read = PathTemplate::parse(text, &of);
    ASSERT_FALSE(read) << text;
    EXPECT_THAT(read.error().message, HasSubstr(said)) << text;
  }
  const auto without = PathTemplate::parse("/${path:1}", nullptr);
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error().message, HasSubstr("no path_regex"));
}

TEST(PathTemplate, TheRoomThatIsAskedForIsEnough) {
  const std::string path = "/" + std::string(2000, '&');
  EXPECT_EQ(made("/${path:1}?a=${path:1}&b=${path:1}", "/(.*)", path, "c").size(), 1 + 2000 + 3 + 6000 + 3 + 6000 + 2);
}

}  // namespace
}  // namespace cardea
