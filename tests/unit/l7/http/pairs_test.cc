// Pairs of cookies and queries, and the cookie of a name among several headers.
#include "l7/http/pairs.h"

#include <gtest/gtest.h>

#include <string>

#include "l7/http/parse_head.h"

namespace cardea::l7::http {
namespace {

std::string all(std::string_view pairs, char separator) {
  std::string text;
  while (const auto pair = next_pair(pairs, separator)) text.append(pair->name).append("|").append(pair->value).append(" ");
  return text;
}

TEST(Pairs, AreTakenOffOneByOne) {
  EXPECT_EQ(all("a=1; b=2;c=3", ';'), "a|1 b|2 c|3 ");
  EXPECT_EQ(all(";; a ;\t=x; b=1=2;", ';'), "a| |x b|1=2 ");
  EXPECT_EQ(all("a=1&b&a=2", '&'), "a|1 b| a|2 ");
  EXPECT_EQ(all("", ';'), "");
}

TEST(Pairs, TheFirstCookieOfThatNameCounts) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; where=here\r\nX-Cookie: where=no\r\ncookie: where=2\r\n\r\n";
  HeadScan scan;
  RequestHead head;
  ASSERT_TRUE(parse_request_head(text, {}, scan, head).done());
  EXPECT_EQ(find_cookie(head.headers, "where"), "here");
  EXPECT_EQ(find_cookie(head.headers, "Where"), std::nullopt);
  EXPECT_EQ(find_cookie(head.headers, "here"), std::nullopt);
}

}  // namespace
}  // namespace cardea::l7::http
