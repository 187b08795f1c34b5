#include "conf/diff.h"

#include <gtest/gtest.h>

#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

std::vector<std::string> changes(const std::string& before, const std::string& after) {
  std::vector<std::string> texts;
  for (const Change& change : diff(*read_text(before, "a.cfg").config, *read_text(after, "b.cfg").config))
    texts.push_back(text_of(change));
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Diff, SameIsEmptyWhereverItStands) {
  EXPECT_EQ(changes(kGood, "\n\n" + kGood), Texts{});
}

TEST(Diff, SpeaksTheOperatorsWords) {
  const std::string more = with(kGood, "{ address = \"10.0.0.12:8080\"; }",
                                "{ address = \"10.0.0.12:8080\"; weight = 2; }, { address = \"10.0.0.13:8080\"; }");
  EXPECT_EQ(changes(kGood, more),
            (Texts{"pool web backend 10.0.0.12:8080: weight 1 → 2", "pool web: backend 10.0.0.13:8080 added"}));
  EXPECT_EQ(changes(more, kGood),
            (Texts{"pool web backend 10.0.0.12:8080: weight 2 → 1", "pool web: backend 10.0.0.13:8080 removed"}));
  EXPECT_EQ(changes(kGood, with(kGood, "\"500ms\"", "\"1s\"")), (Texts{"pool web health: interval 500ms → 1s"}));
  EXPECT_EQ(changes(kGood, with(kGood, "port = 81;", "")), (Texts{"pool web health: port 81 → (unset)"}));
}

TEST(Diff, OrderOfAListIsNoChange) {
  const std::string swapped =
      with(kGood, "{ address = \"10.0.0.11:8080\"; weight = 3; }, { address = \"10.0.0.12:8080\"; }",
           "{ address = \"10.0.0.12:8080\"; }, { address = \"10.0.0.11:8080\"; weight = 3; }");
  EXPECT_EQ(changes(kGood, swapped), Texts{});
}

TEST(Diff, SaysWhatNeedsARestart) {
  EXPECT_EQ(changes(kGood, with(kGood, "[2, 3]", "[2]")),
            (Texts{"dataplane: workers [2, 3] → [2] (takes effect when cardea-dataplane is restarted)"}));
  EXPECT_EQ(changes(kGood, kGood + "mgmt: { api_group = \"ops\"; };"),
            (Texts{"mgmt: api_group (unset) → ops (takes effect when cardea-mgmt is restarted)"}));
  EXPECT_EQ(changes(kGood, kGood + "mgmt: { metrics = \"127.0.0.1:9000\"; };"),
            (Texts{"mgmt: metrics 127.0.0.1:9477 → 127.0.0.1:9000"}))
      << "the page moves with the reload";
}

std::string with_routes(const std::string& routes) {
  return "cluster: { name = \"e\"; seed = \"0123456789abcdef\"; };\nl7: { shards = [0]; };\n"
         "pools = ( { name = \"web\"; backends = ( { address = \"10.0.0.1:80\"; } ); } );\n"
         "services = ( { name = \"shop\"; mode = \"http\"; listen = [\"0.0.0.0:80/tcp\"]; pool = \"web\"; routes = (" +
         routes + "); } );";
}
std::string route(const std::string& match, const std::string& more = "") {
  return "{ match: { " + match + " }; pool = \"web\"; " + more + "}";
}

TEST(Diff, RoutesWithoutANameAreKnownByWhatTheyAreFor) {
  const std::string api = route("host = \"shop.com\"; path = \"/api/\";"), images = route("path = \"/images/\";");
  EXPECT_EQ(changes(with_routes(api), with_routes(images + ", " + api)),
            (Texts{"service shop: route */images/ added"}));
  EXPECT_EQ(changes(with_routes(images + ", " + api), with_routes(images)),
            (Texts{"service shop: route shop.com/api/ removed"}));
  EXPECT_EQ(changes(with_routes(api), with_routes(api + ", " + api)),
            (Texts{"service shop: route shop.com/api/ (2) added"}));
  EXPECT_EQ(changes(with_routes(route("path = \"/a\";", "name = \"a\";")),
                    with_routes(route("path = \"/b\";", "name = \"a\";"))),
            (Texts{"service shop route a match: path /a → /b"}));
}

TEST(Diff, AListOfThousandsIsCappedAndKeepsWhatNeedsARestart) {
  std::vector<Change> many;
  for (int i = 0; i < 30'003; ++i) many.push_back({"change " + std::to_string(i), Restart::kNone});
  EXPECT_EQ(texts_of({many.begin(), many.begin() + 200}).size(), 200u);
  many.back().restart = Restart::kL7;
  const Texts texts = texts_of(many);
  ASSERT_EQ(texts.size(), 200u);
  EXPECT_EQ(texts[0], "change 30002 (takes effect when cardea-l7 is restarted)");
  EXPECT_EQ(texts[1], "change 0");
  EXPECT_EQ(texts[199], "and 29804 more changes");
  many.front().restart = Restart::kL7;
  EXPECT_EQ(std::ranges::count_if(texts_of(many), [](const auto& text) { return text.starts_with("change 0 "); }), 1)
      << "told first, and not again in its turn";
}

TEST(Diff, DoesNotTellSecrets) {
  EXPECT_EQ(changes(kGood, with(kGood, "seed = \"0123", "seed = \"4567")),
            (Texts{"cluster: seed changed (takes effect when cardea-dataplane is restarted)"}));
}

}  // namespace
}  // namespace cardea::conf
