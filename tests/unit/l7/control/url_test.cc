#include "l7/control/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cardea::l7 {
namespace {

TEST(ParseUrl, TakesItApart) {
  const Url url = parse_url("https://Shop.com:8443/images/a.png?x=1&y").value();
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.authority, "Shop.com:8443");
  EXPECT_EQ(url.host, "Shop.com");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.path, "/images/a.png");
  EXPECT_EQ(url.target(), "/images/a.png?x=1&y");
}

TEST(ParseUrl, KnowsWhatIsLeftOut) {
  EXPECT_EQ(parse_url("http://shop.com").value().target(), "/");
  EXPECT_EQ(parse_url("http://shop.com").value().port, 80);
  EXPECT_EQ(parse_url("https://shop.com/").value().port, 443);
  EXPECT_EQ(parse_url("https://shop.com?").value().target(), "/?");
  EXPECT_EQ(parse_url("http://[2001:db8::1]:81/x").value().host, "2001:db8::1");
}

TEST(ParseUrl, RefusesWhatNoRequestCouldSay) {
  for (const char* text : {"", "shop.com/", "ftp://shop.com/", "https://", "https:///x", "https://a b/", "https://shop.com/#top",
                           "https://shop.com/a b", "https://user@shop.com/", "https://shop.com:99999/"})
    EXPECT_FALSE(parse_url(text).has_value()) << text;
}

}  // namespace
}  // namespace cardea::l7
