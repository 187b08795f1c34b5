#include "l7/proxy/keep_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "l7/proxy/exchange.h"
#include "l7/proxy/variables.h"

namespace cardea::l7::proxy {
namespace {

using policy::RateLimit;
using Verdict = policy::RateTable::Verdict;

int64_t whole_seconds(std::chrono::nanoseconds in) {
  return std::chrono::ceil<std::chrono::seconds>(in).count();
}

// Of IPv6 its /64: a client has as many addresses there as it likes.
IpAddress counted(IpAddress client) {
  if (!client.is_v4()) std::fill(client.bytes.begin() + 8, client.bytes.end(), decltype(client.bytes)::value_type{});
  return client;
}

// Also where the key names the address among others.
std::string_view key_text(Exchange& x, const RateLimit& limit) {
  const IpAddress client = std::exchange(x.record.client.address, counted(x.record.client.address));
  const std::string_view text = write_text(x, limit.key);
  x.record.client.address = client;
  return text;
}

uint64_t key_of(Exchange& x, const RateLimit& limit, std::string_view text) {
  const HashKey key = x.plan->plan->hash_key;
  if (!text.empty()) return text_hash(key, text, limit.name);
  const IpAddress client = counted(x.record.client.address);
  return text_hash(key, {reinterpret_cast<const char*>(client.bytes.data()), client.bytes.size()}, limit.name);
}

// Seconds, whole ones, as RFC 9110 10.2.3 has it.
std::string_view retry_after(Exchange& x, std::chrono::nanoseconds in) {
  constexpr size_t kRoom = 40;
  char* const text = x.arena().characters(kRoom);
  return {text, fmt::format_to_n(text, kRoom, "Retry-After: {}\r\n", whole_seconds(in)).size};
}

void tell(Exchange& x, const RateLimit& limit, const Verdict& verdict) {
  if (limit.policy_line.empty()) return;
  const size_t room = limit.name.size() + 64;
  char* const text = x.arena().characters(room);
  const auto line = fmt::format_to_n(text, room, "RateLimit: \"{}\";r={};t={}\r\n", limit.name, verdict.left, whole_seconds(verdict.whole_in));
  x.limit_lines = x.arena().join({x.limit_lines, limit.policy_line, std::string_view(text, line.size)});
}

bool take_place(Exchange& x, const RateLimit& limit, uint64_t key) {
  if (limit.concurrent == 0) return true;
  if (!limit.places->enter(key, limit.concurrent)) return false;
  auto* const place = static_cast<HeldPlace*>(x.arena().allocate(sizeof(HeldPlace)));
  x.held = ::new (place) HeldPlace{limit.places.get(), key, x.held};
  return true;
}

Failure refuse(Exchange& x, const RateLimit& limit, Reason reason, std::chrono::nanoseconds retry_in) {
  count(x.shard(), limit.rows.limited);
  x.reply_line = retry_after(x, retry_in);
  return failure(reason, limit.name);
}

Failure keep_limit(Exchange& x, const RateLimit& limit) {
  std::string_view text;
  const bool by_text = !limit.key.is_fixed() || !limit.key.pieces().front().text.empty();
  if (by_text && (text = key_text(x, limit)).empty()) return {};
  const uint64_t key = key_of(x, limit, text);
  if (!take_place(x, limit, key)) return refuse(x, limit, Reason::kTooManyAtOnce, std::chrono::seconds(1));
  if (limit.requests == 0) return {};
  const Verdict verdict = limit.table->take(key, limit.rate, x.now().time_since_epoch());
  if (verdict.unknown) count(x.shard(), limit.rows.unknown);
  tell(x, limit, verdict);
  return verdict.allowed ? Failure{} : refuse(x, limit, Reason::kRateLimited, verdict.retry_in);
}

}  // namespace

Failure keep_limits(Exchange& x, const policy::Policies& policies, bool by_identity) {
  for (const auto& limit : policies.rate_limits) {
    if (limit->by_identity != by_identity) continue;
    if (const Failure over = keep_limit(x, *limit)) return over;
  }
  return {};
}

}  // namespace cardea::l7::proxy
