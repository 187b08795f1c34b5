#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>

#include "base/clock.h"

namespace cardea {
namespace {

TEST(Bytes, NetworkOrderAtAnyAlignment) {
  const std::array<uint8_t, 9> wire{0xff, 1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(load_be16(wire.data() + 1), 0x0102);
  EXPECT_EQ(load_be32(wire.data() + 1), 0x01020304u);
  EXPECT_EQ(load_be64(wire.data() + 1), 0x0102030405060708u);
  std::array<uint8_t, 7> out{};
  store_be16(out.data() + 1, 0x0102);
  store_be32(out.data() + 3, 0x03040506);
  EXPECT_EQ(out, (std::array<uint8_t, 7>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(Clock, NeverGoesBack) {
  Instant last = monotonic_now();
  for (int i = 0; i < 1000; ++i) {
    const Instant now = monotonic_now();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace cardea
