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

TEST(Diff, DoesNotTellSecrets) {
  EXPECT_EQ(changes(kGood, with(kGood, "seed = \"0123", "seed = \"4567")), (Texts{"cluster: seed changed"}));
}

}  // namespace
}  // namespace cardea::conf
