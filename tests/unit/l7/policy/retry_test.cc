// When a failed attempt may be made again: every combination, against the rule said another way.
#include "l7/policy/retry.h"

#include <gtest/gtest.h>

namespace cardea::l7::policy {
namespace {

constexpr FailedAttempt kPooledEnd{.sent = true, .reused = true, .ended = true, .answered = false, .idempotent = true,
                                   .replayable = true, .attempts = 1, .retries_max = 2};

TEST(MayRetry, WhatWasNeverSentIsTriedWhateverItIs) {
  for (const bool flag : {false, true}) {
    EXPECT_TRUE(may_retry({.sent = false, .idempotent = flag, .replayable = flag, .attempts = 1, .retries_max = 1}));
  }
}

TEST(MayRetry, AConnectionThatEndedIsTriedOnlyWhereARepetitionChangesNothing) {
  EXPECT_TRUE(may_retry(kPooledEnd));
  const auto without = [](bool FailedAttempt::*condition) {
    FailedAttempt attempt = kPooledEnd;
    attempt.*condition = !(attempt.*condition);
    return may_retry(attempt);
  };
  EXPECT_FALSE(without(&FailedAttempt::ended));
  EXPECT_FALSE(without(&FailedAttempt::answered));
  EXPECT_FALSE(without(&FailedAttempt::idempotent));
  EXPECT_FALSE(without(&FailedAttempt::replayable));
}

TEST(MayRetry, AStepOfAHandshakeStaysOnItsConnection) {
  for (const bool sent : {false, true}) {
    FailedAttempt step = kPooledEnd;
    step.bound = true, step.sent = sent;
    EXPECT_FALSE(may_retry(step));
  }
}

TEST(MayRetry, WhatThePoolChoseIsRepeatedEvenBehindAHeadAndMoreThanOnceButOnlyWhereNothingChanges) {
  FailedAttempt chosen = kPooledEnd;
  chosen.reused = chosen.ended = false, chosen.answered = chosen.by_choice = true;
  EXPECT_TRUE(may_retry(chosen));
  chosen.attempts = 2;
  EXPECT_TRUE(may_retry(chosen));
  for (const auto condition : {&FailedAttempt::idempotent, &FailedAttempt::replayable}) {
    FailedAttempt attempt = chosen;
    attempt.*condition = false;
    EXPECT_FALSE(may_retry(attempt));
  }
  chosen.bound = true;
  EXPECT_FALSE(may_retry(chosen));
}

// Who died of this request must not be followed by all the others.
TEST(MayRetry, AFreshConnectionThatEndedIsTriedOnce) {
  FailedAttempt fresh = kPooledEnd;
  fresh.reused = false;
  EXPECT_TRUE(may_retry(fresh));
  fresh.attempts = 2;
  EXPECT_FALSE(may_retry(fresh));
}

TEST(MayRetry, NeverMoreOftenThanAllowed) {
  for (uint32_t retries = 0; retries < 4; ++retries) {
    for (uint32_t attempts = 1; attempts < 6; ++attempts) {
      FailedAttempt attempt = kPooledEnd;
      attempt.attempts = attempts, attempt.retries_max = retries;
      EXPECT_EQ(may_retry(attempt), attempts <= retries);
      attempt.sent = false;
      EXPECT_EQ(may_retry(attempt), attempts <= retries);
    }
  }
}

}  // namespace
}  // namespace cardea::l7::policy
