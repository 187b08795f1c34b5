#include "base/limit_key.h"

#include <gtest/gtest.h>

namespace cardea {
namespace {

TEST(LimitKey, GoesByTheAddressOrBySomethingElse) {
  const auto by_address = [](const char* text) { return goes_by_address(Template::parse(text, Moment::kRequest).value()); };
  EXPECT_TRUE(by_address(""));
  EXPECT_TRUE(by_address("${client_address}"));
  for (const char* other : {"x", "${client_address}x", "x${client_address}", "${client_address}${host}", "${host}"})
    EXPECT_FALSE(by_address(other)) << other;
}

}  // namespace
}  // namespace cardea
