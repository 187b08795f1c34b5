#include "l7/http/accept_encoding.h"

#include <gtest/gtest.h>

#include <string>

#include "l7/http/parse_head.h"

namespace cardea::l7::http {
namespace {

int wish(const std::string& fields, std::string_view coding) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  HeadScan scan;
  RequestHead head;
  EXPECT_TRUE(parse_request_head(text, {}, scan, head).done()) << fields;
  return quality(head.headers, coding);
}
int wish_of(const std::string& value, std::string_view coding) {
  return wish("Accept-Encoding: " + value + "\r\n", coding);
}

TEST(AcceptEncoding, SaysHowMuchACodingIsWanted) {
  EXPECT_EQ(wish("", "gzip"), 0) << "who says nothing gets the plain bytes";
  EXPECT_EQ(wish_of("gzip, deflate, br", "br"), 1000);
  EXPECT_EQ(wish_of("gzip, deflate, br", "zstd"), 0);
  EXPECT_EQ(wish_of("GZip;Q=0.5", "gzip"), 500);
  EXPECT_EQ(wish_of("gzip ;\tq=0.001", "gzip"), 1);
  EXPECT_EQ(wish_of("x-gzip", "gzip"), 1000);
  EXPECT_EQ(wish_of("", "gzip"), 0);
  EXPECT_EQ(wish("Accept-Encoding: br;q=0\r\nAccept-Encoding: gzip\r\n", "gzip"), 1000);
}

TEST(AcceptEncoding, AStarStandsForWhatIsNotNamed) {
  EXPECT_EQ(wish_of("*", "br"), 1000);
  EXPECT_EQ(wish_of("*;q=0.2, br;q=0", "br"), 0);
  EXPECT_EQ(wish_of("br;q=0, *;q=0.2", "zstd"), 200);
}

TEST(AcceptEncoding, WhatIsMalformedSaysNothing) {
  for (const char* value : {"gzip;q=2", "gzip;q=1.001", "gzip;q=0.0001", "gzip;q=", "gzip;q=.5", "gzip;q=-1",
                            "gzip;x=1", "gzip;q=0.x", "g zip", ";q=1", "gzip;;q=1"})
    EXPECT_EQ(wish_of(value, "gzip"), 0) << value;
}

}  // namespace
}  // namespace cardea::l7::http
