// Files that policies name: each is read once for a plan, whatever else a route says.
#include "l7/policy/file_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/base/scratch_folder.h"

namespace cardea::l7::policy {
namespace {

using testing::HasSubstr;

struct FilesOfPolicies : testing::Test {
  std::string write(const char* name, const char* text) {
    std::ofstream(folder.file(name)) << text;
    return folder.file(name);
  }
  ScratchFolder folder;
  FileBook book;
};

TEST_F(FilesOfPolicies, WhatIsAskedForAgainIsTheSame) {
  const std::string file = write("networks", "10.0.0.0/8\n"), page = write("page", "sorry");
  const auto networks = book.networks({"192.0.2.0/24"}, {file});
  ASSERT_TRUE(networks);
  EXPECT_EQ(*book.networks({"192.0.2.0/24"}, {file}), *networks);
  EXPECT_NE(*book.networks({}, {file}), *networks);
  EXPECT_FALSE((*book.networks({}, {file}))->has(*IpAddress::parse("192.0.2.1")));
  EXPECT_EQ(*book.page(page, "text/plain"), *book.page(page, "text/plain"));
  EXPECT_NE(*book.page(page, "text/plain"), *book.page(page, ""));
  const std::string users = write("users", "ann:$6$saltsalt$0123456789012345678901234567890123456789\n");
  EXPECT_EQ(*book.users(users), *book.users(users));
}

TEST_F(FilesOfPolicies, WhatCannotBeReadIsSaid) {
  EXPECT_THAT(book.users(folder.file("none")).error().message, HasSubstr("none"));
  EXPECT_THAT(book.networks({}, {write("bad", "nonsense\n")}).error().message, HasSubstr("line 1"));
  EXPECT_THAT(book.page(write("long", std::string(70'000, 'x').c_str()), "").error().message, HasSubstr("70000 bytes"));
}

}  // namespace
}  // namespace cardea::l7::policy
