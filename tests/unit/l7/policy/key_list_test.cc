// Keys that were given out: plain and hashed lines, and what is no key.
#include "l7/policy/key_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cardea::l7::policy {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kKey = "0123456789abcdef-shop";

TEST(KeyList, KeysAreFoundByThemselves) {
  // printf %s fedcba9876543210-bank | sha256sum
  const auto list = KeyList::read("# given out\nshop:" + std::string(kKey) +
                                  "\r\n\nbank:sha256:050dc856686ebe3f48c358c4e512898fb2a50bb67623d463700766aef9e020f3\n");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->size(), 2u);
  EXPECT_EQ(list->find(kKey), "shop");
  EXPECT_EQ(list->find("fedcba9876543210-bank"), "bank");
  for (const char* none : {"", "shop", "0123456789abcdef-sho", "0123456789abcdef-shopx", "0123456789ABCDEF-shop", " 0123456789abcdef-shop",
                           "sha256:050dc856686ebe3f48c358c4e512898fb2a50bb67623d463700766aef9e020f3", "050dc856686ebe3f48c358c4e512898fb2a50bb67623d463700766aef9e020f3"})
    EXPECT_EQ(list->find(none), std::nullopt) << none;
  EXPECT_EQ(list->find(std::string(100'000, 'a')), std::nullopt);
}

TEST(KeyList, WhatIsNoKeyIsRefusedWithoutTellingIt) {
  for (const char* line : {"shop", ":0123456789abcdef", "sh op:0123456789abcdef", "shop:", "shop:short", "shop:0123456789abcde\xff", "shop:0123456789abcdef x",
                           "shop:sha256:abcd", "shop:sha256:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "shop:0123456789abcdef:x"}) {
    const auto list = KeyList::read("first:0123456789abcdef0\n" + std::string(line) + "\n");
    ASSERT_FALSE(list) << line;
    EXPECT_THAT(list.error().message, HasSubstr("line 2"));
    EXPECT_THAT(list.error().message, Not(HasSubstr("0123456789"))) << line;
  }
  EXPECT_THAT(KeyList::read("a:0123456789abcdef\nb:0123456789abcdef\n").error().message, HasSubstr("there twice"));
  EXPECT_THAT(KeyList::read("# nobody\n").error().message, HasSubstr("no key"));
  EXPECT_FALSE(KeyList::read("a:" + std::string(513, 'a')));
  EXPECT_TRUE(KeyList::read("a:" + std::string(512, 'a')));
}

}  // namespace
}  // namespace cardea::l7::policy
