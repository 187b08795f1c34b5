#include "l7/control/tails.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cardea::l7 {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string refused(const char* filter) {
  Tails tails;
  const auto begun = tails.begin(filter, {}, monotonic_now());
  return begun ? "" : begun.error().message;
}

TEST(Tails, AFilterThatCannotBeReadIsRefusedWithWhereAndWhatThereIs) {
  EXPECT_EQ(refused("status == 500"), "");
  EXPECT_THAT(refused("status == 5 && stattus == 5"),
              AllOf(HasSubstr("at character 16: there is no field \"stattus\""), HasSubstr(", status, "), HasSubstr("t_total_ms")));
  EXPECT_THAT(refused("status 500"), AllOf(HasSubstr("one of == != < <="), Not(HasSubstr("the fields are"))));
}

}  // namespace
}  // namespace cardea::l7
