#include "conf/print.h"

#include <gtest/gtest.h>

#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

TEST(Print, ReadsBackToTheSameValue) {
  const auto config = read_text(kGood, "t.cfg").config;
  const std::string printed = print(*config, Secrets::kShown);
  const ReadResult again = read_text(printed, "printed.cfg");
  ASSERT_TRUE(again.config) << printed << findings_text(again.findings, again.source);
  EXPECT_EQ(*again.config, *config) << printed;
}

TEST(Print, DefaultsReadBackToo) {
  Config config;
  config.l7.emplace().shards = {0};  // a document that serves nothing is refused
  EXPECT_EQ(*read_text(print(config, Secrets::kShown), "printed.cfg").config, config);
}

TEST(Print, HardTextReadsBack) {
  Config config;
  config.l7.emplace().shards = {0};
  config.cluster.seed = "a \"quoted\" \\ back\tslash\n and \x01 control";
  EXPECT_EQ(read_text(print(config, Secrets::kShown), "printed.cfg").config->cluster.seed, config.cluster.seed);
}

TEST(Print, SecretsAreMaskedWhenAsked) {
  const auto config = read_text(kGood, "t.cfg").config;
  EXPECT_EQ(print(*config, Secrets::kMasked).find(config->cluster.seed), std::string::npos);
  EXPECT_NE(print(*config, Secrets::kShown).find(config->cluster.seed), std::string::npos);
}

}  // namespace
}  // namespace cardea::conf
