#include "l7/policy/balance_key.h"

#include <algorithm>

#include "l7/http/fields.h"
#include "l7/http/pairs.h"
#include "l7/route/action.h"

namespace cardea::l7::policy {
namespace {

std::optional<std::string_view> find_header(const http::Headers& headers, const HashPlan& hash) {
  if (hash.id != http::HeaderId::kOther)
    return headers.has(hash.id) ? std::optional(headers.value(hash.id)) : std::nullopt;
  for (const http::Header& header : headers)
    if (header.id() == hash.id && http::equal_without_case(header.name(), hash.name)) return header.value();
  return std::nullopt;
}

std::optional<std::string_view> named_value(const HashPlan& hash, const http::Headers& headers) {
  if (hash.on == HashOn::kHeader) return find_header(headers, hash);
  if (hash.on == HashOn::kCookie) return http::find_cookie(headers, hash.name);
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> balance_key(const PoolPlan& pool, HashKey key, const KeyOf& of) {
  if (!has_ring(pool.balance)) return 0;
  if (pool.balance == Balance::kHash && of.head != nullptr) {
    if (pool.hash.on == HashOn::kUri) return text_hash(key, of.head->path, of.head->query);
    if (const auto value = named_value(pool.hash, of.head->headers)) return text_hash(key, *value);
  }
  if (of.client == nullptr) return std::nullopt;
  if (pool.balance != Balance::kMaglev) return route::client_number(key, of.client->address);
  return flow_hash(key, {of.client->address, of.listener.address, __builtin_bswap16(of.client->port),
                         __builtin_bswap16(of.listener.port), Protocol::kTcp});
}

}  // namespace cardea::l7::policy
