#include "l7/control/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>
#include <vector>

#include "l7/policy/place_table.h"

namespace cardea::l7 {
namespace {

using Json = nlohmann::ordered_json;
using policy::RateLimit;

// Of all limits together: 3 ms of the control thread.
constexpr size_t kBucketsMax = 1 << 17, kBucketsLeast = 64;
constexpr size_t kOffendersMax = 4096, kOffendersLeast = 3;

double seconds(std::chrono::nanoseconds of) {
  return double(of.count() / 1'000'000) / 1e3;
}

std::vector<policy::RateTable*> tables_of(const RateLimit& limit) {
  std::vector<policy::RateTable*> tables;
  for (const auto& table : {limit.table, limit.connection_table, limit.request_table, limit.response_table})
    if (table) tables.push_back(table.get());
  return tables;
}

// Those of the table that knows most: what one of them knows the others mostly do too.
Json keys_json(const RateLimit& limit, std::chrono::nanoseconds now, size_t buckets_max) {
  policy::RateTable::Count most;
  for (policy::RateTable* table : tables_of(limit)) {
    const auto count = table->count(now, buckets_max);
    if (count.keys >= most.keys) most = count;
  }
  return {{"known", most.keys},
          {"exact", most.exact},
          {"max", limit.keys_max},
          {"under_way", limit.concurrent == 0 ? Json(nullptr) : Json(limit.places->keys())}};
}

Json offenders_json(const RateLimit& limit, std::chrono::nanoseconds now, size_t most) {
  Json all = Json::array();
  for (const policy::Offender& one : limit.offenders->top(now) | std::views::take(most))
    all.push_back({{"key", one.key},
                   {"refused", one.refused},
                   {"refused_per_second", double(int64_t(one.rate * 10 + 0.5)) / 10},
                   {"since_seconds", seconds(now - one.since)},
                   {"last_seconds", seconds(now - one.last)}});
  return all;
}

}  // namespace

std::string what_it_limits(const RateLimit& limit) {
  std::vector<std::string> rates, words;
  const auto say = [&rates](uint64_t number, const char* of) {
    if (number != 0) rates.push_back(fmt::format("{} {}", number, of));
  };
  say(limit.requests, "requests");
  say(limit.connections, "new connections");
  say(limit.request_rate.bytes, "bytes of requests");
  say(limit.response_rate.bytes, "bytes of responses");
  if (!rates.empty()) words.push_back(fmt::format("{} in {} s", fmt::join(rates, ", "), seconds(limit.period)));
  if (limit.concurrent != 0) words.push_back(fmt::format("{} at once", limit.concurrent));
  return fmt::format("{}", fmt::join(words, ", "));
}

Json limits_json(const LivePlan& plan, Instant at) {
  const auto now = at.time_since_epoch();
  size_t tables = 1;
  for (const auto& limit : plan.rate_limits) tables += tables_of(*limit).size();
  const size_t buckets = std::max(kBucketsMax / tables, kBucketsLeast);
  const size_t offenders = std::max(kOffendersMax / (plan.rate_limits.size() + 1), kOffendersLeast);
  Json limits = Json::array();
  for (const auto& limit : plan.rate_limits)
    limits.push_back({{"name", limit->name},
                      {"key", limit->key_text},
                      {"limits", what_it_limits(*limit)},
                      {"keys", keys_json(*limit, now, buckets)},
                      {"refused", limit->offenders->refused()},
                      {"offenders", offenders_json(*limit, now, offenders)}});
  return {{"limits", std::move(limits)}};
}

}  // namespace cardea::l7
