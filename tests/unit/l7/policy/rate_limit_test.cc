// What of a limit goes on when a configuration is read anew.
#include "l7/policy/rate_limit.h"

#include <gtest/gtest.h>

namespace cardea::l7::policy {
namespace {

using namespace std::chrono_literals;

settings::RateLimitT limit(const char* key) {
  settings::RateLimitT limit;
  limit.name = "api", limit.key = key;
  limit.requests = 10, limit.period_ms = 1000, limit.keys_max = 100;
  return limit;
}

TEST(RateLimit, OffendersAreThoseOfItsKey) {
  const auto running = RateLimit::read(limit("${header:X-Shop}"), nullptr);
  ASSERT_TRUE(running);
  running->offenders->note(1, "shop", 1s);
  const auto same = RateLimit::read(limit("${header:X-Shop}"), &*running);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->offenders, running->offenders);
  const auto another = RateLimit::read(limit("${client_address}"), &*running);
  ASSERT_TRUE(another);
  EXPECT_TRUE(another->offenders->top(2s).empty());
}

}  // namespace
}  // namespace cardea::l7::policy
