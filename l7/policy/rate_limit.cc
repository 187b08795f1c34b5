#include "l7/policy/rate_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/limit_key.h"

namespace cardea::l7::policy {

namespace {

bool says_who(const Template& key) {
  return std::ranges::any_of(key.pieces(), [](const Template::Piece& piece) {
    return piece.variable.id == VariableId::kUser || piece.variable.id == VariableId::kJwtClaim ||
           piece.variable.id == VariableId::kApiKey;
  });
}

// By their names, which are all there is to go by.
bool may_be_secret(std::string_view name) {
  std::string small(name);
  std::ranges::transform(small, small.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  constexpr std::string_view kWords[] = {"auth", "key", "token", "secret", "session", "cookie", "pass", "credential", "signature"};
  return std::ranges::any_of(kWords, [&small](std::string_view word) { return small.contains(word); });
}

bool shows_secrets(const Template& key) {
  return std::ranges::any_of(key.pieces(), [](const Template::Piece& piece) {
    const VariableId id = piece.variable.id;
    if (id == VariableId::kQuery || id == VariableId::kUri || id == VariableId::kCookie) return true;
    return (id == VariableId::kHeader || id == VariableId::kQueryParameter) && may_be_secret(piece.variable.name);
  });
}

bool allows_nothing(const settings::RateLimitT& from) {
  return from.requests == 0 && from.concurrent == 0 && from.connections == 0 && from.request_bytes == 0 && from.response_bytes == 0;
}

void take_rates(RateLimit& to, const settings::RateLimitT& from) {
  const std::chrono::milliseconds period = to.period = std::chrono::milliseconds(from.period_ms);
  to.requests = from.requests, to.concurrent = from.concurrent, to.connections = from.connections;
  to.rate = Rate::of(std::max(from.requests, 1u), period, from.burst);
  to.connection_rate = Rate::of(std::max(from.connections, 1u), period, from.burst);
  to.refusal_rate = Rate::of(std::max(from.block_after, 1u), period, 0);
  to.block_ms = to.by_address ? from.block_ms : 0;
  to.request_rate = ByteRate::of(from.request_bytes, period, from.bytes_burst);
  to.response_rate = ByteRate::of(from.response_bytes, period, from.bytes_burst);
}

using Table = std::shared_ptr<RateTable>;

// What is owed is time: by another rate it would be for other bytes.
bool is_same(const ByteRate& one, const ByteRate& other) {
  return one.bytes == other.bytes && one.period == other.period;
}

void take_tables(RateLimit& to, const RateLimit* running) {
  const bool goes_on = running != nullptr && running->keys_max == to.keys_max;
  const auto table = [&to, running, goes_on](bool wanted, Table RateLimit::*of, bool fits = true) {
    if (!wanted) return Table();
    return goes_on && fits && running->*of ? running->*of : std::make_shared<RateTable>(to.keys_max);
  };
  to.table = table(to.requests != 0, &RateLimit::table);
  to.connection_table = table(to.connections != 0, &RateLimit::connection_table);
  to.request_table = table(to.request_rate.bytes != 0, &RateLimit::request_table,
                           goes_on && is_same(running->request_rate, to.request_rate));
  to.response_table = table(to.response_rate.bytes != 0, &RateLimit::response_table,
                            goes_on && is_same(running->response_rate, to.response_rate));
  to.refusal_table = table(to.block_ms != 0, &RateLimit::refusal_table);
  to.places = running != nullptr ? running->places : std::make_shared<PlaceTable>();
  // By another key they are others, and of those nobody would be refused any more.
  const bool same_key = running != nullptr && running->key_text == to.key_text;
  to.offenders = same_key ? running->offenders : std::make_shared<Offenders>();
}

// draft-ietf-httpapi-ratelimit-headers-10, 3: a quota, and the seconds that it is for.
std::string policy_text(const settings::RateLimitT& from) {
  return fmt::format("RateLimit-Policy: \"{}\";q={};w={}\r\n", from.name, from.requests, (from.period_ms + 999) / 1000);
}

}  // namespace

Result<RateLimit> RateLimit::read(const settings::RateLimitT& from, const RateLimit* running) {
  if (allows_nothing(from) || from.period_ms == 0)
    return fail(fmt::format("rate limit \"{}\" allows nothing", from.name));
  auto key = Template::parse(from.key, Moment::kRequest);
  if (!key) return std::unexpected(std::move(key.error()).in(fmt::format("rate limit \"{}\"", from.name)));
  RateLimit to;
  to.name = from.name;
  to.key = std::move(*key);
  to.key_text = from.key.empty() ? "${client_address}" : from.key;
  to.by_identity = says_who(to.key);
  to.by_address = goes_by_address(to.key);
  to.secret = shows_secrets(to.key);
  take_rates(to, from);
  if (from.headers && from.requests != 0) to.policy_line = policy_text(from);
  to.keys_max = from.keys_max;
  take_tables(to, running);
  return to;
}

std::shared_ptr<const RateLimit> find(const RateLimits& limits, std::string_view name) {
  const auto found = std::ranges::find_if(limits, [name](const auto& limit) { return limit->name == name; });
  return found == limits.end() ? nullptr : *found;
}

}  // namespace cardea::l7::policy
