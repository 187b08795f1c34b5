// The host's bound on compressors: who is refused, what gives way, and that what was taken comes back.
#include "l7/compress/encoders.h"

#include <gtest/gtest.h>

namespace cardea::l7::compress::test {
namespace {

const size_t kGzipBytes = memory_max(Coding::kGzip, 5);

TEST(Encoders, OneIsLentAgainToTheNextBody) {
  Bound bound(16 * kGzipBytes, 1);
  Encoders encoders(bound);
  Lease lease = encoders.take(Coding::kGzip, 5, {});
  const Encoder* const first = lease.operator->();
  lease.give_back();
  EXPECT_FALSE(lease);
  EXPECT_EQ(encoders.take(Coding::kGzip, 5, {}).operator->(), first);
  EXPECT_NE(encoders.take(Coding::kGzip, 6, {}).operator->(), first);
}

TEST(Encoders, WhatIsOverTheBoundIsRefusedUntilOneComesBack) {
  Bound bound(3 * kGzipBytes, 1);
  Encoders encoders(bound), others(bound);
  Lease a = encoders.take(Coding::kGzip, 5, {}), b = others.take(Coding::kGzip, 5, {});
  Lease c = encoders.take(Coding::kGzip, 5, {});
  ASSERT_TRUE(a && b && c);
  EXPECT_FALSE(encoders.take(Coding::kGzip, 5, {}));
  EXPECT_FALSE(others.take(Coding::kGzip, 5, {}));
  a.give_back();
  EXPECT_TRUE(encoders.take(Coding::kGzip, 5, {}));
}

TEST(Encoders, WhatIsIdleGivesWayToAnotherKind) {
  Bound bound(2 * kGzipBytes, 1);
  Encoders encoders(bound);
  Lease a = encoders.take(Coding::kGzip, 5, {}), b = encoders.take(Coding::kGzip, 5, {});
  a.give_back();
  EXPECT_TRUE(encoders.take(Coding::kGzip, 9, {}));
}

TEST(Encoders, NoShardKeepsMoreThanItsPartIdle) {
  Bound bound(8 * kGzipBytes, 2);
  Encoders encoders(bound), others(bound);
  {
    std::vector<Lease> leases;
    for (int i = 0; i < 8; ++i) leases.push_back(encoders.take(Coding::kGzip, 5, {}));
    EXPECT_EQ(bound.taken(), 8 * kGzipBytes);
  }
  EXPECT_EQ(bound.taken(), 2 * kGzipBytes);
  std::vector<Lease> leases;
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(leases.emplace_back(others.take(Coding::kGzip, 5, {})));
}

TEST(Encoders, EverythingComesBack) {
  Bound bound(64 << 20, 1);
  {
    Encoders encoders(bound);
    for (const Coding coding : kCodings) EXPECT_TRUE(encoders.take(coding, levels(coding).standard, 100));
    EXPECT_GT(bound.taken(), 0u);
  }
  EXPECT_EQ(bound.taken(), 0u);
}

}  // namespace
}  // namespace cardea::l7::compress::test
