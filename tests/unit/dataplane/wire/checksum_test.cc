// Incremental updates against sums from nothing (RFC 1071, RFC 1624).
#include "dataplane/wire/checksum.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace cardea::dataplane::wire {
namespace {

TEST(Checksum, OfTheExampleInRfc1071) {
  const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(__builtin_bswap16(fold(sum_bytes(bytes, 8))), 0xddf2);
}

TEST(Checksum, AnOddLastByteIsPaddedWithZero) {
  const uint8_t odd[] = {1, 2, 3}, padded[] = {1, 2, 3, 0};
  EXPECT_EQ(fold(sum_bytes(odd, 3)), fold(sum_bytes(padded, 4)));
}

TEST(Checksum, ThePlainHeaderIsSummedAsAnyOther) {
  std::array<uint8_t, 20> header;
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    for (uint8_t& byte : header) byte = uint8_t(random());
    ASSERT_EQ(sum_plain_ipv4_header(header.data()), sum_bytes(header.data(), 20));
  }
}

TEST(Checksum, UpdatingEqualsSummingAnew) {
  std::mt19937 random(2);
  for (int i = 0; i < 100'000; ++i) {
    std::array<uint8_t, 32> bytes;
    for (uint8_t& byte : bytes)
      byte = uint8_t(i % 7 == 0 ? 0xff * (random() & 1) : random());  // zeros and ones are the hard cases
    const auto before = bytes;
    const uint16_t checksum = uint16_t(~fold(sum_bytes(bytes.data(), 32)));
    for (int k = 0; k < 8; ++k) bytes[8 + k] = uint8_t(random());
    const uint16_t delta = delta_of(before.data() + 8, bytes.data() + 8, 8);
    const uint16_t there = updated(checksum, delta);
    const uint64_t whole = sum_bytes(bytes.data(), 32) + there;
    ASSERT_EQ(fold(whole), 0xffff) << i;
    // And back again: the complement undoes a delta, up to the two forms of zero.
    const uint16_t back = updated(there, uint16_t(~delta));
    ASSERT_EQ(fold(sum_bytes(before.data(), 32) + back), 0xffff) << i;
  }
}

}  // namespace
}  // namespace cardea::dataplane::wire
