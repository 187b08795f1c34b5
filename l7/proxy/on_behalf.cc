#include "l7/proxy/on_behalf.h"

#include "l7/proxy/exchange.h"

namespace cardea::l7::proxy {

Record record_on_behalf(const Exchange& x, Arena& arena) {
  Record record;
  record.service = x.record.service;
  record.number = x.record.number;
  record.made_id = x.record.made_id;
  record.kept_id = arena.copy(x.record.kept_id);
  record.traceparent = arena.copy(x.record.traceparent);
  record.client = x.record.client;
  record.peer = x.record.peer;
  record.listener = x.record.listener;
  record.protocol = x.record.protocol;
  record.tls_version = x.record.tls_version;
  record.tls_ja4 = arena.copy(x.record.tls_ja4);
  record.user = arena.copy(x.record.user);
  record.began = x.now();
  record.unix_ms = x.shard().unix_ms();
  return record;
}

policy::ToldByProxy told_on_behalf(const Exchange& x, Arena& arena) {
  return {x.told.client, arena.copy(x.told.scheme), arena.copy(x.told.host), arena.copy(x.told.port)};
}

ClientOnBehalf::ClientOnBehalf(const Exchange& x, Arena& arena)
    : claims(x.claims),
      permission(x.permission),
      authorized(x.authorized),
      stranger(x.stranger),
      api_key(arena.copy(x.api_key)),
      told(told_on_behalf(x, arena)),
      version(x.head.version) {}

void ClientOnBehalf::give_to(Exchange& x) const {
  x.claims = claims, x.permission = permission, x.authorized = authorized, x.stranger = stranger;
  x.api_key = api_key, x.told = told, x.head.version = version;
}

std::string_view head_as_it_came(const Exchange& x) {
  const Buffer& buffer = x.head_buffer ? x.head_buffer : x.caller.input.buffer;
  const char* const begin = x.head.method_text.data();
  return {begin, buffer.span().data() + x.body_at};
}

void leave_backend(Exchange& x) {
  if (x.failure) return x.lease.close(Close::kReset);
  keep_backend(x);
}

}  // namespace cardea::l7::proxy
