// The rules of TCP, each as packets in and out with their times.
#include <gtest/gtest.h>

#include "tests/unit/l7/tcp/scripts.h"

namespace cardea::l7::tcp {
namespace {

class Scripts : public ::testing::TestWithParam<std::tuple<Script, Family>> {};

TEST_P(Scripts, Plays) {
  const auto& [script, family] = GetParam();
  if (script.only && script.only != int(family)) return;
  EXPECT_EQ(play(script, family), "");
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<Script, Family>>& info) {
  std::string name = std::get<0>(info.param).name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name + (std::get<1>(info.param) == Family::kIpv4 ? "_4" : "_6");
}

const auto kFamilies = ::testing::Values(Family::kIpv4, Family::kIpv6);
INSTANTIATE_TEST_SUITE_P(Handshake, Scripts, ::testing::Combine(::testing::ValuesIn(kHandshakes), kFamilies), name_of);
INSTANTIATE_TEST_SUITE_P(Closing, Scripts, ::testing::Combine(::testing::ValuesIn(kClosings), kFamilies), name_of);
INSTANTIATE_TEST_SUITE_P(Windows, Scripts, ::testing::Combine(::testing::ValuesIn(kWindows), kFamilies), name_of);
INSTANTIATE_TEST_SUITE_P(Losses, Scripts, ::testing::Combine(::testing::ValuesIn(kLosses), kFamilies), name_of);
INSTANTIATE_TEST_SUITE_P(Strangers, Scripts, ::testing::Combine(::testing::ValuesIn(kStrangers), kFamilies), name_of);

}  // namespace
}  // namespace cardea::l7::tcp
