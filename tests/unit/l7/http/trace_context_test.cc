// W3C Trace Context: which values are a traceparent, and what they say.
#include "l7/http/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace cardea::l7::http {
namespace {

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c", kParent = "b7ad6b7169203331";
const std::string kGood = "00-" + kTrace + "-" + kParent + "-01";

TEST(TraceParent, IsReadAndWritten) {
  const auto read = parse_traceparent(kGood);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->trace_id, kTrace);
  EXPECT_EQ(read->parent_id, kParent);
  EXPECT_TRUE(read->sampled);
  const auto written = write_traceparent(*read);
  EXPECT_EQ(std::string_view(written.data(), written.size()), kGood);
  EXPECT_FALSE(parse_traceparent("00-" + kTrace + "-" + kParent + "-02")->sampled) << "another flag";
  EXPECT_TRUE(parse_traceparent("00-" + kTrace + "-" + kParent + "-0f")->sampled);
}

TEST(TraceParent, OfALaterVersionWhatIsKnownIsRead) {
  for (const char* more : {"", "-", "-what comes then"})
    EXPECT_TRUE(parse_traceparent("cc-" + kTrace + "-" + kParent + "-01" + more)) << more;
  EXPECT_FALSE(parse_traceparent("cc-" + kTrace + "-" + kParent + "-01x"));
}

TEST(TraceParent, WhatIsMalformedIsNone) {
  const std::string none[] = {"",
                              "00",
                              kGood + "-",
                              kGood + "x",
                              kGood.substr(1),
                              "ff-" + kTrace + "-" + kParent + "-01",
                              "0G-" + kTrace + "-" + kParent + "-01",
                              "00_" + kTrace + "-" + kParent + "-01",
                              "00-" + kTrace + "_" + kParent + "-01",
                              "00-" + kTrace + "-" + kParent + "_01",
                              "00-" + kTrace + "-" + kParent + "-0x",
                              "00-" + std::string(32, '0') + "-" + kParent + "-01",
                              "00-" + kTrace + "-" + std::string(16, '0') + "-01",
                              "00-0AF7651916cd43dd8448eb211c80319c-" + kParent + "-01"};
  for (const std::string& value : none) EXPECT_FALSE(parse_traceparent(value)) << value;
}

}  // namespace
}  // namespace cardea::l7::http
