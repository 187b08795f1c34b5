// Which pool of its route's a request goes to, and what it is there: the path and host as its backend sees them. Behind
// a failure it stays with that pool.
#include <algorithm>

#include "l7/proxy/connection.h"
#include "l7/proxy/exchange.h"
#include "l7/route/location.h"

namespace cardea::l7::proxy {
namespace {

std::string_view host_of(const Exchange& x, const route::Proxy& proxy) {
  std::string_view host = proxy.host;
  if (host.empty()) return x.head.authority.host;
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

std::string_view path_of(Exchange& x, const route::Proxy& proxy) {
  if (x.made) return x.made->path;
  if (proxy.prefix.empty()) return x.admitted.path.forward;
  const route::JoinedPath joined = replace_prefix(x.admitted.path, x.admitted.match.prefix(), proxy.prefix);
  char* const text = x.arena().characters(joined.size());
  std::ranges::copy(joined.rest, std::ranges::copy(joined.front, text).out);
  return {text, joined.size()};
}

}  // namespace

const route::Share& choose_share(const Exchange& x, const route::Proxy& proxy) {
  if (proxy.shares.size() == 1) return proxy.shares.front();
  // Its client is known there by its connection, and nowhere else.
  for (const route::Share& share : proxy.shares)
    if (x.caller.own_backend(*x.plan->pools[share.pool], host_of(x, proxy)) != nullptr) return share;
  const HashKey key = x.plan->plan->hash_key;
  return proxy.share(proxy.by_client ? route::client_number(key, x.record.client.address)
                                     : route::request_number(key, x.record.number));
}

Failure make(Exchange& x, const PathTemplate& by, std::string_view query) {
  const size_t room = made_size(by, x.admitted.path, query);
  const auto made = make_target({x.arena().characters(room), room}, by, x.record.route->pattern(), x.admitted.path, query);
  if (!made) return failure(made.error());
  x.made = *made;
  return {};
}

Failure take_way(Exchange& x, const route::Proxy& proxy, const route::Share& share) {
  if (!proxy.made.empty())
    if (const Failure unmade = make(x, proxy.made, x.head.query)) return unmade;
  x.share = &share;
  x.record.pool = x.plan->plan->pools[share.pool].get();
  x.pool = x.plan->pools[share.pool].get();
  x.backend_host = host_of(x, proxy);
  x.backend_path = path_of(x, proxy);
  return {};
}

}  // namespace cardea::l7::proxy
