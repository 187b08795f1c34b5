#include "dataplane/state/failed_searches.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

TEST(FailedSearches, OneIsKnownForItsBackendProtocolAndMomentAlone) {
  FailedSearches searches;
  searches.add(7, Protocol::kTcp, 1000);
  EXPECT_TRUE(searches.has(7, Protocol::kTcp, 1000));
  EXPECT_FALSE(searches.has(7, Protocol::kTcp, 1001));
  EXPECT_FALSE(searches.has(7, Protocol::kUdp, 1000));
  EXPECT_FALSE(searches.has(8, Protocol::kTcp, 1000));
  EXPECT_FALSE(FailedSearches().has(0, Protocol::kTcp, 0));
}

// Who alternates between services would be searched for at every packet.
TEST(FailedSearches, ThoseOfManyBackendsByBothProtocolsStandBesideEachOther) {
  FailedSearches searches;
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp})
    for (SlotId slot = 0; slot < 500; ++slot) searches.add(slot, protocol, 5);
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp})
    for (SlotId slot = 0; slot < 500; ++slot) EXPECT_TRUE(searches.has(slot, protocol, 5)) << slot;
}

}  // namespace
}  // namespace cardea::dataplane
