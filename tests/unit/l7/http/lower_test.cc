// Small letters, eight at a time, are those of one at a time.
#include <gtest/gtest.h>

#include <string>

#include "l7/http/byte_set.h"

namespace cardea::l7::http {
namespace {

TEST(Lower, OfEveryByteAtEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t at = 0; at < 17; ++at) {
      std::string text = "AZaz@[`{\x80\xc1\xff-09Mm.", wanted = text;
      text[at] = char(byte);
      for (size_t i = 0; i < text.size(); ++i) wanted[i] = lower(text[i]);
      std::string written(text.size() + 1, '!');
      EXPECT_EQ(to_lower(text, written.data()), written.data() + text.size());
      EXPECT_EQ(written, wanted + "!") << byte << " at " << at;
    }
  }
}

TEST(Lower, OfNothingIsNothing) {
  char end = '!';
  EXPECT_EQ(to_lower({}, &end), &end);
  EXPECT_EQ(end, '!');
}

}  // namespace
}  // namespace cardea::l7::http
