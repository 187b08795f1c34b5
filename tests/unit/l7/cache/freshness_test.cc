// How long a response is used: RFC 9111 4.2 and 5.2, RFC 5861, as rows.
#include <gtest/gtest.h>

#include "l7/cache/freshness.h"
#include "tests/unit/l7/cache/exchange.h"

namespace cardea::l7::cache {
namespace {

using test::Answer;
using test::Asked;
using test::kNow;

struct LifetimeRow {
  const char* about;
  const char* headers;
  uint32_t lifetime, age;
  const char* status = "200 OK";
};

// It is Sun, 06 Nov 1994 08:49:37 GMT.
const LifetimeRow kLifetimes[] = {
    {"nothing is said", "", 0, 0},
    {"max-age", "Cache-Control: max-age=60\r\n", 60, 0},
    {"shared caches have a word of their own", "Cache-Control: max-age=60, s-maxage=10\r\n", 10, 0},
    {"also where it is longer", "Cache-Control: s-maxage=100\r\nCache-Control: max-age=60\r\n", 100, 0},
    {"max-age is stronger than Expires", "Cache-Control: max-age=60\r\nExpires: Sun, 06 Nov 1994 09:49:37 GMT\r\n", 60,
     0},
    {"Expires counts from Date", "Date: Sun, 06 Nov 1994 08:49:17 GMT\r\nExpires: Sun, 06 Nov 1994 08:49:47 GMT\r\n",
     30, 20},
    {"and from now without it", "Expires: Sun, 06 Nov 1994 08:49:47 GMT\r\n", 10, 0},
    {"what is no date has expired", "Expires: 0\r\n", 0, 0},
    {"and two dates too", "Expires: Sun, 06 Nov 1995 08:49:47 GMT\r\nExpires: Sun, 06 Nov 1995 08:49:47 GMT\r\n", 0, 0},
    {"Expires in the past", "Expires: Sun, 06 Nov 1993 08:49:37 GMT\r\n", 0, 0},
    {"a number that is none", "Cache-Control: max-age=ten\r\nExpires: Sun, 06 Nov 1995 08:49:47 GMT\r\n", 0, 0},
    {"two numbers: the shorter", "Cache-Control: max-age=60, max-age=5\r\n", 5, 0},
    {"more than fits", "Cache-Control: max-age=99999999999999999999\r\n", INT32_MAX, 0},
    {"no-cache leaves nothing", "Cache-Control: no-cache, max-age=60\r\n", 0, 0},
    {"Age counts", "Cache-Control: max-age=60\r\nAge: 7\r\n", 60, 7},
    {"an Age that is none does not", "Cache-Control: max-age=60\r\nAge: -7\r\n", 60, 0},
    {"of several Ages the first", "Cache-Control: max-age=60\r\nAge: 7200, 0\r\n", 60, 7200},
    {"also in several lines", "Cache-Control: max-age=60\r\nAge: 5\r\nAge: 9\r\n", 60, 5},
    {"an Expires of an unknown weekday has passed", "Expires: Xyz, 06 Nov 1995 08:49:47 GMT\r\n", 0, 0},
    {"an old Date is an age", "Cache-Control: max-age=60\r\nDate: Sun, 06 Nov 1994 08:49:07 GMT\r\n", 60, 30},
    {"the larger of both", "Cache-Control: max-age=60\r\nAge: 40\r\nDate: Sun, 06 Nov 1994 08:49:07 GMT\r\n", 60, 40},
    {"a Date to come is none", "Cache-Control: max-age=60\r\nDate: Sun, 06 Nov 1994 09:49:37 GMT\r\n", 60, 0},
    {"a tenth of the time since the change", "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT\r\n", 100, 0},
    {"a day at most", "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n", 86400, 0},
    {"a change to come", "Last-Modified: Sun, 06 Nov 1995 08:32:57 GMT\r\n", 0, 0},
    {"no guess about a redirection of now", "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n", 0, 0, "302 Found"},
    {"but about what is not found", "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n", 86400, 0, "404 Not Found"},
};

TEST(Freshness, Lifetimes) {
  for (const LifetimeRow& row : kLifetimes) {
    const Answer answer(row.status, row.headers);
    const Freshness freshness = freshness_of(*answer, kNow);
    EXPECT_EQ(freshness.lifetime, row.lifetime) << row.about;
    EXPECT_EQ(freshness.age, row.age) << row.about;
  }
}

struct JudgementRow {
  const char* about;
  const char* response;
  const char* request;
  int64_t later;  // seconds
  Result result;
  bool may_serve_stale = false, while_revalidating = false;
};

constexpr Result kHit = Result::kHit, kStale = Result::kStale;
const JudgementRow kJudgements[] = {
    {"fresh", "Cache-Control: max-age=60\r\n", "", 59, kHit, true},
    {"its lifetime is over with its last second", "Cache-Control: max-age=60\r\n", "", 60, kStale, true},
    {"an hour of failures is bridged unasked", "Cache-Control: max-age=60\r\n", "", 3660, kStale, true},
    {"not more", "Cache-Control: max-age=60\r\n", "", 3661, kStale},
    {"as long as it is said", "Cache-Control: max-age=60, stale-if-error=5\r\n", "", 65, kStale, true},
    {"and no longer", "Cache-Control: max-age=60, stale-if-error=5\r\n", "", 66, kStale},
    {"must-revalidate", "Cache-Control: max-age=60, must-revalidate\r\n", "", 60, kStale},
    {"against its own words", "Cache-Control: max-age=60, must-revalidate, stale-if-error=60\r\n", "", 61, kStale},
    {"proxy-revalidate", "Cache-Control: max-age=60, proxy-revalidate\r\n", "", 60, kStale},
    {"s-maxage is proxy-revalidate", "Cache-Control: s-maxage=60\r\n", "", 60, kStale},
    {"unless something else is said", "Cache-Control: s-maxage=60, stale-if-error=9\r\n", "", 69, kStale, true},
    {"while it is revalidated", "Cache-Control: s-maxage=60, stale-while-revalidate=9\r\n", "", 69, kStale, false,
     true},
    {"not longer", "Cache-Control: s-maxage=60, stale-while-revalidate=9\r\n", "", 70, kStale},
    {"the client wants a new one", "Cache-Control: max-age=60\r\n", "Cache-Control: no-cache\r\n", 0, kStale},
    {"in the words of 1996", "Cache-Control: max-age=60\r\n", "Pragma: no-cache\r\n", 0, kStale},
    {"which Cache-Control replaces", "Cache-Control: max-age=60\r\n",
     "Pragma: no-cache\r\nCache-Control: max-age=9\r\n", 0, kHit, true},
    {"younger than it is", "Cache-Control: max-age=60\r\n", "Cache-Control: max-age=10\r\n", 10, kStale, true},
    {"as young as it is", "Cache-Control: max-age=60\r\n", "Cache-Control: max-age=10\r\n", 9, kHit, true},
    {"reload", "Cache-Control: max-age=60\r\n", "Cache-Control: max-age=0\r\n", 0, kStale, true},
    {"fresh for a while yet", "Cache-Control: max-age=60\r\n", "Cache-Control: min-fresh=10\r\n", 50, kHit, true},
    {"not for so long", "Cache-Control: max-age=60\r\n", "Cache-Control: min-fresh=10\r\n", 51, kStale, true},
    {"stale is good enough", "Cache-Control: max-age=60\r\n", "Cache-Control: max-stale=5\r\n", 65, kHit, true},
    {"not so stale", "Cache-Control: max-age=60\r\n", "Cache-Control: max-stale=5\r\n", 66, kStale, true},
    {"however stale", "Cache-Control: max-age=60\r\n", "Cache-Control: max-stale\r\n", 9999, kHit},
    {"the backend's word is stronger", "Cache-Control: max-age=60, must-revalidate\r\n", "Cache-Control: max-stale\r\n",
     61, kStale},
    {"a clock that went back", "Cache-Control: max-age=60\r\n", "", -100, kHit, true},
};

TEST(Freshness, Judgements) {
  for (const JudgementRow& row : kJudgements) {
    const Answer answer("200 OK", row.response);
    const Asked asked("GET /", row.request);
    const Judgement judgement = judge(freshness_of(*answer, kNow), wish_of(asked.head().headers), kNow + row.later);
    EXPECT_EQ(word(judgement.result), word(row.result)) << row.about;
    EXPECT_EQ(judgement.may_serve_stale, row.may_serve_stale) << row.about;
    EXPECT_EQ(judgement.while_revalidating, row.while_revalidating) << row.about;
  }
}

// What is fresh hides a failure of the backend that the client wanted asked, though nobody allows it what is stale.
TEST(Freshness, AFailureIsHiddenByWhatIsFresh) {
  const Answer answer("200 OK", "Cache-Control: max-age=60\r\n");
  const Asked asked("GET /", "Cache-Control: max-age=0\r\n");
  for (const auto& [later, hidden] : {std::pair{59, true}, {60, false}}) {
    const Judgement judgement = judge(freshness_of(*answer, kNow, 0), wish_of(asked.head().headers), kNow + later);
    EXPECT_EQ(judgement.result, kStale);
    EXPECT_EQ(judgement.may_serve_stale, hidden) << later;
  }
}

}  // namespace
}  // namespace cardea::l7::cache
