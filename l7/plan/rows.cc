// One row a line: what is counted, and how it is called.
#include "l7/plan/rows.h"

#include "l7/compress/coding.h"

namespace cardea::l7 {
namespace {

using enum stats::Kind;
using stats::label;
using stats::RowAdder;

constexpr std::array<const char*, 5> kClasses = {"1xx", "2xx", "3xx", "4xx", "5xx"};

void add_responses(RowAdder& add, std::array<uint32_t, 5>& cells, const std::string& name, const std::string& labels) {
  for (size_t i = 0; i < cells.size(); ++i)
    add(cells[i], kCounter, name, "", labels + ",code_class=\"" + kClasses[i] + '"', "Responses, by class of status");
}

void add_connections(RowAdder& add, ServiceRows& rows, const std::string& at) {
  add(rows.connections, kGauge, "cardea_l7_service_connections", "", at, "Clients' connections that are open");
  add(rows.connections_total, kCounter, "cardea_l7_service_connections_total", "", at, "Connections accepted");
  add(rows.connections_refused, kCounter, "cardea_l7_service_connections_refused_total", "", at,
      "Connections refused: connections_max reached");
  add(rows.source_refused, kCounter, "cardea_l7_service_source_connections_refused_total", "", at,
      "Connections refused: source_connections_max reached");
  add(rows.slow_clients, kCounter, "cardea_l7_service_slow_clients_total", "", at,
      "Clients given up while they sent a request or took a response: request_timeout, body_timeout or rate_min");
  add(rows.handshakes, kCounter, "cardea_l7_service_tls_handshakes_total", "", at, "TLS handshakes completed");
  add(rows.handshakes_resumed, kCounter, "cardea_l7_service_tls_resumed_total", "", at,
      "TLS handshakes that resumed a session");
  add(rows.handshakes_failed, kCounter, "cardea_l7_service_tls_failures_total", "", at, "TLS handshakes that failed");
}

void add_traffic(RowAdder& add, ServiceRows& rows, const std::string& at) {
  add(rows.requests, kCounter, "cardea_l7_service_requests_total", "", at, "Requests, answered or not");
  add_responses(add, rows.responses, "cardea_l7_service_responses_total", at);
  const char* bytes = "Bytes of heads and bodies, above TLS";
  add(rows.bytes_in, kCounter, "cardea_l7_service_bytes_total", "bytes", at + ",direction=\"in\"", bytes);
  add(rows.bytes_out, kCounter, "cardea_l7_service_bytes_total", "bytes", at + ",direction=\"out\"", bytes);
}

void add_refused_connections(RowAdder& add, ServiceRows& rows, const std::string& at) {
  add(rows.proxy_refused, kCounter, "cardea_l7_service_proxy_headers_refused_total", "", at,
      "Connections of peers that carry others' whose PROXY header was missing, malformed or late");
  add(rows.names_refused, kCounter, "cardea_l7_service_names_refused_total", "", at,
      "TLS connections that no route of a tcp service is for, or whose ClientHello could not be read");
  add(rows.http2_floods, kCounter, "cardea_l7_service_http2_floods_total", "", at,
      "HTTP/2 connections ended: their client sent too much of what costs and leads nowhere");
}

void add_guards(RowAdder& add, ServiceRows& rows, const std::string& at) {
  add(rows.denied, kCounter, "cardea_l7_service_denied_total", "", at,
      "Requests answered with 403: their client's address may not ask (access), or its token lacks a claim (jwt)");
  add(rows.unauthorized, kCounter, "cardea_l7_service_unauthorized_total", "", at,
      "Requests answered with 401: without a name and password that are known (basic_auth), a good token (jwt) or a key (api_keys)");
  add(rows.auth_asks, kCounter, "cardea_l7_service_auth_asks_total", "", at,
      "Questions that went to the service that says who may ask (forward_auth)");
  add(rows.auth_passed, kCounter, "cardea_l7_service_auth_passed_total", "", at,
      "Requests that a service let pass (forward_auth), now or lately");
  add(rows.auth_refused, kCounter, "cardea_l7_service_auth_refused_total", "", at,
      "Requests that a service refused (forward_auth), now or lately");
  add(rows.auth_away, kCounter, "cardea_l7_service_auth_away_total", "", at,
      "Requests that a service had no answer to (forward_auth)");
  add(rows.early_hints, kCounter, "cardea_l7_service_early_hints_total", "", at,
      "Requests whose client was told early_hints (103) before their backend answered");
}

void add_firewall(RowAdder& add, ServiceRows& rows, const std::string& at) {
  add(rows.waf_inspected, kCounter, "cardea_l7_service_waf_inspected_total", "", at,
      "Requests that the web application firewall had a verdict on");
  add(rows.waf_blocked, kCounter, "cardea_l7_service_waf_blocked_total", "", at, "Requests answered with 403 by its verdict");
  add(rows.waf_detected, kCounter, "cardea_l7_service_waf_detected_total", "", at,
      "Requests that it would have refused, and mode \"detect\" let pass");
  add(rows.waf_skipped, kCounter, "cardea_l7_service_waf_skipped_total", "", at,
      "Requests that it did not inspect, or in part: over body_max, arguments_max or value_max, encoded, or gRPC");
  add(rows.waf_late, kCounter, "cardea_l7_service_waf_late_total", "", at,
      "Requests whose inspection took longer than time_max, or ended the worker that made it");
  add(rows.waf_away, kCounter, "cardea_l7_service_waf_away_total", "", at,
      "Requests that nobody inspected: cardea-waf was away, had other rules, or no worker came to them in time");
  add(rows.waf_queue_full, kCounter, "cardea_l7_service_waf_queue_full_total", "", at,
      "Requests that nobody inspected, as many waiting for it as may");
  add(rows.waf_time, kCounter, "cardea_l7_service_waf_microseconds_total", "us", at, "That inspections took");
}

void add_bodies(RowAdder& add, ServiceRows& rows, const std::string& at) {
  add(rows.mirrored, kCounter, "cardea_l7_service_mirrored_total", "", at, "Requests of which a second pool was sent a copy (mirror)");
  add(rows.mirror_skipped, kCounter, "cardea_l7_service_mirror_skipped_total", "", at,
      "Requests not copied: a body over body_max, messages, under_way_max copies under way, or no memory");
  add(rows.mirror_failed, kCounter, "cardea_l7_service_mirror_failed_total", "", at,
      "Copies that no backend answered whole");
  add(rows.bodies_buffered, kCounter, "cardea_l7_service_bodies_buffered_total", "", at,
      "Requests whose body was here before a backend was chosen (request_buffering)");
  add(rows.bodies_unbuffered, kCounter, "cardea_l7_service_bodies_unbuffered_total", "", at,
      "Requests that went on as they came in spite of it: more than `bytes` of body, messages, or no memory");
}

}  // namespace

ServiceRows ServiceRows::add(RowAdder& add, std::string_view service) {
  ServiceRows rows;
  const std::string at = label("service", service);
  add_connections(add, rows, at);
  add_traffic(add, rows, at);
  add_refused_connections(add, rows, at);
  add_guards(add, rows, at);
  add_firewall(add, rows, at);
  add_bodies(add, rows, at);
  add(rows.refused_requests, kCounter, "cardea_l7_service_bad_requests_total", "", at,
      "Requests answered before a route was known: malformed, too large, too slow");
  add(rows.duration, kHistogram, "cardea_l7_service_request_duration_microseconds", "us", at,
      "From a request's first byte to its response's last");
  return rows;
}

RouteRows RouteRows::add(RowAdder& add, std::string_view service, std::string_view route) {
  RouteRows rows;
  const std::string at = label("service", service) + ',' + label("route", route);
  add(rows.requests, kCounter, "cardea_l7_route_requests_total", "", at, "Requests that matched the route");
  add_responses(add, rows.responses, "cardea_l7_route_responses_total", at);
  add(rows.duration, kHistogram, "cardea_l7_route_request_duration_microseconds", "us", at,
      "From a request's first byte to its response's last");
  return rows;
}

BackendRows BackendRows::add(RowAdder& add, std::string_view pool, std::string_view backend) {
  BackendRows rows;
  const std::string at = label("pool", pool) + ',' + label("backend", backend);
  add(rows.requests, kCounter, "cardea_l7_backend_requests_total", "", at, "Requests and tunnels sent to the backend");
  add_responses(add, rows.responses, "cardea_l7_backend_responses_total", at);
  add(rows.connects, kCounter, "cardea_l7_backend_connects_total", "", at, "Connections opened");
  add(rows.reused, kCounter, "cardea_l7_backend_reused_total", "", at, "Requests on a pooled connection");
  add(rows.connect_failures, kCounter, "cardea_l7_backend_connect_failures_total", "", at,
      "Connections that could not be opened");
  add(rows.failures, kCounter, "cardea_l7_backend_failures_total", "", at,
      "Exchanges the backend broke off, answered wrongly or not in time");
  add(rows.retries, kCounter, "cardea_l7_backend_retries_total", "", at,
      "Exchanges taken to another backend after this one failed");
  add(rows.busy, kGauge, "cardea_l7_backend_connections", "", at,
      "Exchanges and tunnels under way");
  add(rows.own, kGauge, "cardea_l7_backend_own_connections", "", at,
      "Connections that belong to one client's connection, because the backend authenticates connections (NTLM, "
      "Negotiate)");
  add(rows.http2_floods, kCounter, "cardea_l7_backend_http2_floods_total", "", at,
      "HTTP/2 connections ended: the backend sent too much of what costs and leads nowhere");
  add(rows.duration, kHistogram, "cardea_l7_backend_response_duration_microseconds", "us", at,
      "From choosing the backend to the head of its response");
  const auto ejections = [&](uint32_t& cell, const char* cause) {
    add(cell, kCounter, "cardea_l7_backend_ejections_total", "", at + ",cause=\"" + cause + '"',
        "Times the backend was left alone by this host, for so many errors or gateway errors in a row "
        "(pools[].ejection)");
  };
  ejections(rows.ejected_errors, "errors"), ejections(rows.ejected_gateway_errors, "gateway_errors");
  add(rows.ejected, kGauge, "cardea_l7_backend_ejected", "", at,
      "1 while the backend is left alone (pools[].ejection)");
  add(rows.latency, kGauge, "cardea_l7_backend_latency_microseconds", "us", at,
      "Time to the head of a response as balance = \"p2c\" weighs it, failures and slow answers more; 0: nothing known");
  return rows;
}

PoolRows PoolRows::add(RowAdder& add, std::string_view pool) {
  PoolRows rows;
  const std::string at = label("pool", pool);
  add(rows.busy, kCounter, "cardea_l7_pool_refused_total", "", at,
      "Requests and tcp connections refused: all backends that serve were at connections_max");
  add(rows.idle_closed, kCounter, "cardea_l7_pool_idle_closed_total", "", at,
      "Idle connections closed for newer ones, and such as found no room: idle_max reached");
  add(rows.queue, kGauge, "cardea_l7_pool_queue", "", at,
      "Requests that wait for a place at a backend (pools[].queue)");
  add(rows.queued, kCounter, "cardea_l7_pool_queued_total", "", at, "Requests that waited for a place at a backend");
  add(rows.queue_full, kCounter, "cardea_l7_pool_queue_full_total", "", at,
      "Requests refused: all backends at connections_max, and as many waiting as may (pools[].queue.length)");
  add(rows.queue_timeouts, kCounter, "cardea_l7_pool_queue_timeouts_total", "", at,
      "Requests refused: they waited pools[].queue.timeout for a place at a backend");
  add(rows.panic, kCounter, "cardea_l7_pool_panic_requests_total", "", at,
      "Requests and tcp connections while the pool was in panic (panic_below): backends that are down got some too");
  add(rows.standby, kCounter, "cardea_l7_pool_backup_requests_total", "", at,
      "Requests and tcp connections that went to a backup standing by, because no other backend would take them");
  add(rows.retries_denied, kCounter, "cardea_l7_pool_retries_denied_total", "", at,
      "Attempts that failed and that the pool's retry budget allowed no other for");
  add(rows.moved, kCounter, "cardea_l7_pool_moved_total", "", at,
      "Requests that went elsewhere than their hash says, because its backend had hash_load_max of its share");
  return rows;
}

RateLimitRows RateLimitRows::add(RowAdder& add, std::string_view limit) {
  RateLimitRows rows;
  const std::string at = label("limit", limit);
  add(rows.limited, kCounter, "cardea_l7_rate_limit_limited_total", "", at, "Requests answered with 429: over the limit, or too many under way");
  add(rows.connections, kCounter, "cardea_l7_rate_limit_connections_refused_total", "", at,
      "Connections closed as they came: their client's address made more than may be new (rate_limits[].connections)");
  add(rows.blocks, kCounter, "cardea_l7_rate_limit_blocks_total", "", at,
      "Refusals whose clients went on for so long that cardea-mgmt is to have them blocked (rate_limits[].block_for); how "
      "many are blocked: cardea_blocks");
  add(rows.blocks_lost, kCounter, "cardea_l7_rate_limit_blocks_lost_total", "", at,
      "Refusals whose clients were to be blocked and are not yet: more than 1024 others were waiting for cardea-mgmt to ask");
  add(rows.unknown, kCounter, "cardea_l7_rate_limit_unknown_total", "", at,
      "Requests of keys that share a rate, because as many keys as may be (rate_limits[].keys) were known");
  return rows;
}

LogRows LogRows::add(RowAdder& add, std::string_view log) {
  LogRows rows;
  const std::string at = label("log", log);
  add(rows.lines, kCounter, "cardea_l7_log_lines_total", "", at, "Lines of the access log");
  add(rows.dropped, kCounter, "cardea_l7_log_dropped_total", "", at,
      "Lines of the access log dropped: the writer was behind");
  add(rows.lost, kCounter, "cardea_l7_log_lost_total", "", at,
      "Lines of the access log that were sent and did not arrive: nobody listens, or they are too long for a datagram");
  return rows;
}

namespace {

void add_compression(RowAdder& add, ShardRows& rows) {
  for (const compress::Coding coding : compress::kCodings) {
    const auto place = size_t(coding);
    const std::string at = label("encoding", name(coding));
    add(rows.compressed[place], kCounter, "cardea_l7_compressed_responses_total", "", at,
        "Responses compressed on their way to the client");
    add(rows.compressed_in[place], kCounter, "cardea_l7_compressed_bytes_total", "bytes", at + ",direction=\"in\"",
        "Bytes of bodies into the compressors, and out of them");
    add(rows.compressed_out[place], kCounter, "cardea_l7_compressed_bytes_total", "bytes", at + ",direction=\"out\"",
        "Bytes of bodies into the compressors, and out of them");
  }
  add(rows.compressions_refused, kCounter, "cardea_l7_compressions_refused_total", "", "",
      "Responses that went out as they were: l7.compression reached");
  add(rows.compression_bytes, kGauge, "cardea_l7_compression_bytes", "bytes", "",
      "Memory of compressors, at work or kept for the next response, of l7.compression");
}

}  // namespace

ShardRows ShardRows::add(RowAdder& add) {
  ShardRows rows;
  add(rows.busy_ns, kCounter, "cardea_l7_shard_busy_nanoseconds_total", "ns", "", "Time the shard worked");
  add(rows.sleeping_ns, kCounter, "cardea_l7_shard_sleeping_nanoseconds_total", "ns", "",
      "Time the shard waited for something to do");
  add(rows.connections, kGauge, "cardea_l7_connections", "", "", "Clients' connections that are open");
  add(rows.accept_failures, kCounter, "cardea_l7_accept_failures_total", "", "",
      "Times a connection could not be accepted: this host was short of descriptors or memory");
  add(rows.local_failures, kCounter, "cardea_l7_local_failures_total", "", "",
      "Exchanges that got no connection to a backend: this host was short of descriptors, source ports or memory; the "
      "access log's detail "
      "says of what");
  add(rows.tls_floods, kCounter, "cardea_l7_tls_floods_total", "", "",
      "TLS connections cut off: more than 32 messages or records in a row without data");
  add(rows.buffer_bytes, kGauge, "cardea_l7_buffer_bytes", "bytes", "",
      "Memory in use for heads, bodies and TLS records on their way through, of l7.buffers");
  add(rows.memory_refused, kCounter, "cardea_l7_memory_refused_total", "", "", "Buffers refused: l7.buffers reached");
  add(rows.stalled_ended, kCounter, "cardea_l7_stalled_ended_total", "", "",
      "HTTP/2 calls ended: their client took nothing, and buffers were short");
  add(rows.heads_ended, kCounter, "cardea_l7_heads_ended_total", "", "",
      "Requests ended before their head was whole, the oldest first, for others that began: l7.buffers reached");
  add(rows.memory_waits, kCounter, "cardea_l7_memory_waits_total", "", "",
      "Responses and tunnels under way that had to wait for a buffer: l7.buffers reached");
  add(rows.own_replaced, kCounter, "cardea_l7_own_connections_replaced_total", "", "",
      "Backend connections of one client's (NTLM, Negotiate) that gave way to another: a client's connection owns 4 at "
      "most");
  add(rows.file_waits, kCounter, "cardea_l7_file_waits_total", "", "",
      "Openings and readings of files that waited for a disk, beside the shards");
  add(rows.files_kept, kCounter, "cardea_l7_files_kept_total", "", "",
      "Files that were open still, unchanged, and had not to be opened again");
  add(rows.files_refused, kCounter, "cardea_l7_files_refused_total", "", "",
      "Requests for files refused because 1024 others waited for a disk");
  add(rows.trailers_dropped, kCounter, "cardea_l7_trailers_dropped_total", "", "",
      "Fields behind a body that did not go on: no trailer may have that name, or who would get it takes none");
  add_compression(add, rows);
  return rows;
}

CacheRows CacheRows::add(RowAdder& add, std::string_view cache) {
  CacheRows rows;
  const std::string at = label("cache", cache);
  const auto result = [&](uint32_t& cell, const char* word) {
    add(cell, kCounter, "cardea_l7_cache_requests_total", "", at + ",result=\"" + word + '"',
        "Requests that asked the cache, by what it said");
  };
  result(rows.hits, "hit"), result(rows.misses, "miss"), result(rows.stale, "stale");
  result(rows.revalidated, "revalidated"), result(rows.bypassed, "bypass");
  add(rows.stored, kCounter, "cardea_l7_cache_stored_total", "", at, "Responses stored");
  add(rows.refused, kCounter, "cardea_l7_cache_refused_total", "", at, "Responses not stored: too large, or no room");
  add(rows.evicted, kCounter, "cardea_l7_cache_evicted_total", "", at, "Objects that made room for others");
  add(rows.purged, kCounter, "cardea_l7_cache_purged_total", "", at, "Objects purged by an operator or by a change");
  const auto renewal = [&](uint32_t& cell, const char* word) {
    add(cell, kCounter, "cardea_l7_cache_renewals_total", "", at + ",result=\"" + word + '"',
        "Stale objects asked for behind their answer (stale-while-revalidate): confirmed, replaced, or left as they "
        "were");
  };
  renewal(rows.renewals_confirmed, "confirmed"), renewal(rows.renewals_replaced, "replaced");
  renewal(rows.renewals_failed, "failed");
  add(rows.renewals_skipped, kCounter, "cardea_l7_cache_renewals_skipped_total", "", at,
      "Stale objects not asked for behind their answer: 128 others were, on this host");
  add(rows.bytes, kGauge, "cardea_l7_cache_bytes", "bytes", at, "Memory that stored objects take");
  add(rows.objects, kGauge, "cardea_l7_cache_objects", "", at, "Objects stored");
  return rows;
}

}  // namespace cardea::l7
