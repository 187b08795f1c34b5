#include "mgmt/peer_state.h"

#include <gtest/gtest.h>

namespace cardea::mgmt {
namespace {

using enum PeerState;
using enum PeerEvent;
constexpr PeerState kAll[] = {PeerState::kAway,  PeerState::kBehind, PeerState::kInStep,
                              PeerState::kTried, PeerState::kOff,    PeerState::kUnneeded};

TEST(PeerState, WhoHasComeIsHandedThePlanWhateverItWasBefore) {
  for (const PeerState state : kAll) EXPECT_EQ(next(state, kConnected), kBehind);
}

TEST(PeerState, WhoseConnectionIsGoneIsAwayUntilItComes) {
  for (const PeerState state : kAll) EXPECT_EQ(next(state, kLost), kAway);
  for (const PeerEvent event :
       {PeerEvent::kAdopted, PeerEvent::kRefused, kTaken, kUpdateRefused, kInForce, kPutBack, kNoSection})
    EXPECT_EQ(next(kAway, event), kAway);
}

TEST(PeerState, OnlyWhoTookTheNewPlanRunsItWhenItComesIntoForce) {
  for (const PeerState state : {kBehind, kInStep, kOff, kUnneeded}) EXPECT_EQ(next(state, kInForce), kBehind);
  EXPECT_EQ(next(kTried, kInForce), kInStep);
}

TEST(PeerState, OnlyWhoTookAPlanThatDoesNotComeIntoForceIsHandedTheOldOne) {
  EXPECT_EQ(next(kTried, kPutBack), kBehind);
  for (const PeerState state : {kBehind, kInStep, kOff, kUnneeded}) EXPECT_EQ(next(state, kPutBack), state);
}

TEST(PeerState, ARefusedUpdateIsFollowedByTheWholePlanWhereThatRuns) {
  EXPECT_EQ(next(kInStep, kUpdateRefused), kBehind);
  EXPECT_EQ(next(kOff, kUpdateRefused), kOff);
}

}  // namespace
}  // namespace cardea::mgmt
