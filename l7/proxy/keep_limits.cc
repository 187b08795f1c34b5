#include "l7/proxy/keep_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "l7/proxy/blame.h"
#include "l7/proxy/endpoint_text.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/limit_key.h"
#include "l7/proxy/variables.h"

namespace cardea::l7::proxy {
namespace {

using policy::RateLimit;
using Verdict = policy::RateTable::Verdict;

int64_t whole_seconds(std::chrono::nanoseconds in) {
  return std::chrono::ceil<std::chrono::seconds>(in).count();
}

// Who is counted, by one limit.
struct Key {
  uint64_t hash = 0;
  std::string_view text;  // empty: the client's address
};

// Also where the key names the address among others.
std::string_view key_text(Exchange& x, const RateLimit& limit) {
  const IpAddress client = std::exchange(x.record.client.address, counted_address(x.record.client.address));
  const std::string_view text = write_text(x, limit.key);
  x.record.client.address = client;
  return text;
}

// None: it counts nobody.
std::optional<Key> key_of(Exchange& x, const RateLimit& limit) {
  const HashKey key = limit_key();
  if (limit.by_address) return Key{address_key(key, x.record.client.address, limit), {}};
  const std::string_view text = key_text(x, limit);
  if (text.empty()) return {};
  return Key{text_hash(key, text, limit.name), text};
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

void note_offender(Exchange& x, const RateLimit& limit, const Key& key) {
  const auto now = x.now().time_since_epoch();
  if (limit.by_address) {
    limit.offenders->note(key.hash, AddressText(counted_address(x.record.client.address)).view(), now);
  } else if (limit.secret) {
    limit.offenders->note(key.hash, fmt::format("#{:08x}", uint32_t(key.hash >> 32)), now);
  } else {
    limit.offenders->note(key.hash, key.text, now);
  }
}

// Its client is who is connected. Whom a proxy names nobody has seen, and packets of the proxy are everybody's.
bool is_connected(const Exchange& x) {
  if (x.caller.is_nobody() || x.caller.connection->introduction() != nullptr) return false;
  const IpAddress& peer = x.record.peer.address;
  return x.record.client.address == peer && !x.service.policies->trusted_proxies.trusts(peer);
}

// `known`: the key is, so that what it is refused for is its own doing.
Failure refuse(Exchange& x, const RateLimit& limit, const Key& key, Reason reason, std::chrono::nanoseconds retry_in, bool known) {
  count(x.shard(), limit.rows.limited);
  note_offender(x, limit, key);
  if (known && is_connected(x)) blame(x.shard(), limit, key.hash, x.record.peer.address);
  x.reply_line = retry_after(x, retry_in);
  return failure(reason, limit.name);
}

Verdict look(Exchange& x, const RateLimit& limit, policy::RateTable* table, const policy::ByteRate& rate, uint64_t key) {
  if (table == nullptr) return {};
  const Verdict verdict = table->look(key, rate.ahead, x.now().time_since_epoch());
  if (verdict.unknown) count(x.shard(), limit.rows.unknown);
  return verdict;
}

// Whoever has had more than it may waits; whoever has not is counted as it goes.
Failure keep_bytes(Exchange& x, const RateLimit& limit, const Key& key) {
  if (!limit.counts_bytes()) return {};
  const Verdict in = look(x, limit, limit.request_table.get(), limit.request_rate, key.hash);
  const Verdict out = look(x, limit, limit.response_table.get(), limit.response_rate, key.hash);
  if (!in.allowed || !out.allowed)
    return refuse(x, limit, key, Reason::kBytesLimited, std::max(in.retry_in, out.retry_in), !in.unknown && !out.unknown);
  auto* const meter = static_cast<Meter*>(x.arena().allocate(sizeof(Meter)));
  x.meters = ::new (meter) Meter{&limit, key.hash, x.meters};
  return {};
}

Failure keep_places(Exchange& x, const RateLimit& limit, const Key& key) {
  if (limit.concurrent == 0) return {};
  if (!limit.places->enter(key.hash, limit.concurrent))
    return refuse(x, limit, key, Reason::kTooManyAtOnce, std::chrono::seconds(1), true);
  auto* const place = static_cast<HeldPlace*>(x.arena().allocate(sizeof(HeldPlace)));
  x.held = ::new (place) HeldPlace{limit.places.get(), key.hash, x.held};
  return {};
}

// A connection counts with its first request of a key. One of a proxy's is none of the clients' that it speaks for.
Failure keep_connections(Exchange& x, const RateLimit& limit, const Key& key) {
  if (!limit.connection_table || x.caller.is_nobody() || (limit.by_address && x.told.client)) return {};
  auto& counted = x.caller.connection->counted_keys;
  if (counted && counted->has(key.hash)) return {};
  const Verdict verdict = limit.connection_table->take(key.hash, limit.connection_rate, x.now().time_since_epoch());
  if (verdict.unknown) count(x.shard(), limit.rows.unknown);
  if (!verdict.allowed) return refuse(x, limit, key, Reason::kConnectionsLimited, verdict.retry_in, !verdict.unknown);
  if (!counted) counted = std::make_unique<CountedKeys>();
  counted->add(key.hash);
  return {};
}

Failure keep_rate(Exchange& x, const RateLimit& limit, const Key& key) {
  if (!limit.table) return {};
  const Verdict verdict = limit.table->take(key.hash, limit.rate, x.now().time_since_epoch());
  if (verdict.unknown) count(x.shard(), limit.rows.unknown);
  tell(x, limit, verdict);
  return verdict.allowed ? Failure{} : refuse(x, limit, key, Reason::kRateLimited, verdict.retry_in, !verdict.unknown);
}

// What is only looked at first: who is refused has used nothing up.
Failure keep_limit(Exchange& x, const RateLimit& limit) {
  const auto key = key_of(x, limit);
  if (!key) return {};
  if (const Failure over = keep_bytes(x, limit, *key)) return over;
  if (const Failure over = keep_places(x, limit, *key)) return over;
  if (const Failure over = keep_connections(x, limit, *key)) return over;
  return keep_rate(x, limit, *key);
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
