// Who may ask: what a plan says of places needs a database that knows them.
#include "l7/policy/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/l7/policy/geo_database.h"

namespace cardea::l7::policy {
namespace {

using testing::HasSubstr;

// Countries alone are known.
struct AccessByPlace : testing::Test {
  AccessByPlace() {
    std::ofstream(folder.file("c"), std::ios::binary) << test::database({{"192.0.2.0/24", test::country("DE")}});
    known = FileBook(std::make_shared<const Geo>(*Geo::read(folder.file("c"), "")));
  }
  static std::string refusal(const settings::AccessT& from, FileBook& files) {
    const auto read = Access::read(from, files);
    return read ? std::string() : read.error().message;
  }
  static bool allows(const Access& access, const char* address) { return access.allows(*IpAddress::parse(address)); }

  ScratchFolder folder;
  FileBook unknown, known;
};

TEST_F(AccessByPlace, WhatNobodyKnowsIsRefused) {
  settings::AccessT countries, systems;
  countries.deny_countries = {"DE"}, systems.allow_as_numbers = {64500};
  EXPECT_THAT(refusal(countries, unknown), HasSubstr("l7.geo.countries"));
  EXPECT_EQ(refusal(countries, known), "");
  EXPECT_THAT(refusal(systems, unknown), HasSubstr("l7.geo.as_numbers"));
  EXPECT_THAT(refusal(systems, known), HasSubstr("l7.geo.as_numbers"));
}

TEST_F(AccessByPlace, WhatIsNoCountryIsRefused) {
  settings::AccessT access;
  access.allow_countries = {"Germany"};
  EXPECT_THAT(refusal(access, known), HasSubstr("\"Germany\" is no country"));
}

TEST_F(AccessByPlace, WhoIsNowhereIsInNoCountry) {
  settings::AccessT allow, deny;
  allow.allow_countries = {"DE"}, deny.deny_countries = {"DE"};
  const auto allowing = *Access::read(allow, known), denying = *Access::read(deny, known);
  EXPECT_TRUE(allowing.limits() && denying.limits());
  EXPECT_TRUE(allows(allowing, "192.0.2.1"));
  EXPECT_FALSE(allows(allowing, "10.0.0.1"));
  EXPECT_FALSE(allows(denying, "192.0.2.1"));
  EXPECT_TRUE(allows(denying, "10.0.0.1"));
  EXPECT_TRUE(allows(Access(), "10.0.0.1")) << "everybody";
  EXPECT_FALSE(Access().limits());
}

TEST(Access, KindsOfClientsAreDeniedByAllOfTheirFingerprintOrItsBeginning) {
  settings::AccessT from;
  from.deny_ja4 = {"t13d1516h2_8daaf6152771_d8a2da3f94cd", "t12i*"};
  FileBook files;
  const Access access = *Access::read(from, files);
  EXPECT_TRUE(access.limits());
  EXPECT_TRUE(access.allows(IpAddress::v4(1)));
  EXPECT_FALSE(access.allows_kind("t13d1516h2_8daaf6152771_d8a2da3f94cd"));
  EXPECT_TRUE(access.allows_kind("t13d1516h2_8daaf6152771_d8a2da3f94ce"));
  EXPECT_FALSE(access.allows_kind("t12i1516h2_8daaf6152771_d8a2da3f94cd"));
  EXPECT_TRUE(access.allows_kind("t12d1516h2_8daaf6152771_d8a2da3f94cd"));
  EXPECT_TRUE(access.allows_kind("")) << "who speaks no TLS";
}

}  // namespace
}  // namespace cardea::l7::policy
