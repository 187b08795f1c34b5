// Where each counter of L7 stands in a shard's block of the stats segment: offsets, the same for every shard, given out
// by the control thread when a plan is adopted. Rows live as long as what they count stays in the plan, whatever else a
// reload changes; an operator's names are their only labels. What did not fit is an Error of the RowAdder.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/stats_rows.h"

namespace cardea::l7 {

// cardea_l7_service_…{service="shop"}
struct ServiceRows {
  uint32_t connections = 0;              // _connections: a gauge
  uint32_t connections_total = 0;        // _connections_total
  uint32_t connections_refused = 0;      // _connections_refused_total: over connections_max
  uint32_t handshakes = 0;               // _tls_handshakes_total
  uint32_t handshakes_resumed = 0;       // _tls_resumed_total
  uint32_t handshakes_failed = 0;        // _tls_failures_total
  uint32_t requests = 0;                 // _requests_total
  std::array<uint32_t, 5> responses{};   // _responses_total{code_class="1xx".."5xx"}
  uint32_t bytes_in = 0, bytes_out = 0;  // _bytes_total{direction="in"|"out"}: of bodies and heads, above TLS
  uint32_t slow_clients = 0;             // _slow_clients_total: given up by request_timeout, body_timeout or rate_min
  uint32_t source_refused = 0;           // _source_connections_refused_total: over source_connections_max
  uint32_t proxy_refused = 0;            // _proxy_headers_refused_total: of trusted peers, that were none
  uint32_t names_refused = 0;            // _names_refused_total: TLS that was passed through to nobody
  uint32_t http2_floods = 0;             // _http2_floods_total: connections ended for what their client did too much of
  uint32_t denied = 0;                   // _denied_total: by access, jwt
  uint32_t early_hints = 0;              // _early_hints_total
  uint32_t unauthorized = 0;             // _unauthorized_total: by basic_auth, jwt, api_keys
  uint32_t auth_asks = 0;                // _auth_asks_total: questions that went to a service (forward_auth)
  uint32_t auth_passed = 0, auth_refused = 0, auth_away = 0;  // _auth_{passed,refused,away}_total: requests, by its word
  uint32_t waf_inspected = 0, waf_blocked = 0, waf_detected = 0;  // _waf_{inspected,blocked,detected}_total
  uint32_t waf_skipped = 0;              // _waf_skipped_total: not inspected, or in part, because of body_max and its kin
  uint32_t waf_late = 0;                 // _waf_late_total: whose inspection took longer than time_max
  uint32_t waf_away = 0, waf_queue_full = 0;  // _waf_{away,queue_full}_total: that nobody inspected
  uint32_t waf_time = 0;                 // _waf_microseconds_total: that inspections took
  uint32_t mirrored = 0, mirror_skipped = 0, mirror_failed = 0;  // _mirror{ed,_skipped,_failed}_total: copies of requests
  uint32_t bodies_buffered = 0, bodies_unbuffered = 0;  // _bodies_{buffered,unbuffered}_total: by request_buffering
  uint32_t refused_requests = 0;         // _bad_requests_total: answered before a route was known
  uint32_t duration = 0;                 // _request_duration_microseconds: a histogram

  static ServiceRows add(stats::RowAdder& add, std::string_view service);
};

// cardea_l7_route_…{service="shop",route="shop[0]"}
struct RouteRows {
  uint32_t requests = 0;
  std::array<uint32_t, 5> responses{};
  uint32_t duration = 0;

  static RouteRows add(stats::RowAdder& add, std::string_view service, std::string_view route);
};

// cardea_l7_backend_…{pool="web",backend="10.0.0.11:8080"}
struct BackendRows {
  uint32_t requests = 0;
  std::array<uint32_t, 5> responses{};
  uint32_t connects = 0;          // _connects_total: connections opened
  uint32_t reused = 0;            // _reused_total: requests on a pooled connection
  uint32_t connect_failures = 0;  // _connect_failures_total
  uint32_t failures = 0;          // _failures_total: exchanges it broke off or did not answer in time
  uint32_t retries = 0;           // _retries_total: exchanges that were taken elsewhere after it failed
  uint32_t busy = 0;              // _connections: a gauge, exchanges and tunnels under way
  uint32_t own = 0;               // _own_connections: a gauge, those that belong to one client's connection each
  uint32_t http2_floods = 0;      // _http2_floods_total: connections ended for what it did too much of
  uint32_t duration = 0;          // _response_duration_microseconds: until the response's head; a histogram
  uint32_t ejected_errors = 0, ejected_gateway_errors = 0;  // _ejections_total{cause="…"}
  uint32_t ejected = 0;                                     // _ejected: a gauge, set by the control thread
  uint32_t latency = 0;           // _latency_microseconds: a gauge, set by the control thread

  static BackendRows add(stats::RowAdder& add, std::string_view pool, std::string_view backend);
};

// cardea_l7_pool_…{pool="web"}
struct PoolRows {
  uint32_t busy = 0;         // _refused_total: exchanges that found every backend at connections_max
  uint32_t idle_closed = 0;  // _idle_closed_total: connections that idle_max had no room for
  uint32_t queue = 0;        // _queue: a gauge, exchanges that wait
  uint32_t queued = 0, queue_full = 0, queue_timeouts = 0;  // _queued_total, _queue_full_total, _queue_timeouts_total
  uint32_t panic = 0;        // _panic_requests_total: exchanges while too few backends were up
  uint32_t standby = 0;      // _backup_requests_total: exchanges that found no other than a backup standing by
  uint32_t retries_denied = 0;  // _retries_denied_total: failed attempts that retry.budget allowed no other for
  uint32_t moved = 0;        // _moved_total: exchanges whose backend had its bound (hash_load_max)

  static PoolRows add(stats::RowAdder& add, std::string_view pool);
};

// cardea_l7_rate_limit_…{limit="login"}
struct RateLimitRows {
  uint32_t limited = 0;  // _limited_total: requests answered with 429
  uint32_t connections = 0;  // _connections_refused_total: that came, and were closed at once
  uint32_t blocks = 0;   // _blocks_total: addresses that cardea-mgmt was told to block
  uint32_t blocks_lost = 0;  // _blocks_lost_total: and that there was no room to tell it of
  uint32_t unknown = 0;  // _unknown_total: of keys that share a rate, because keys_max others were known

  static RateLimitRows add(stats::RowAdder& add, std::string_view limit);
};

// Without labels of the plan: a shard's own.
struct ShardRows {
  uint32_t busy_ns = 0, sleeping_ns = 0;    // cardea_l7_shard_…_nanoseconds_total
  uint32_t connections = 0;                 // cardea_l7_connections: a gauge
  uint32_t accept_failures = 0;             // cardea_l7_accept_failures_total: this host was short of something
  uint32_t local_failures = 0;              // cardea_l7_local_failures_total: the same, towards a backend
  uint32_t buffer_bytes = 0;                // cardea_l7_buffer_bytes: a gauge, as of each turn's end
  uint32_t memory_refused = 0;              // cardea_l7_memory_refused_total: the cap on buffers was reached
  uint32_t tls_floods = 0;                  // cardea_l7_tls_floods_total: cut off for key updates and the like
  uint32_t stalled_ended = 0;               // cardea_l7_stalled_ended_total: calls that held buffers for who took nothing
  uint32_t heads_ended = 0;                 // cardea_l7_heads_ended_total: unfinished ones that gave their buffer up
  uint32_t memory_waits = 0;  // cardea_l7_memory_waits_total: the same, under way; refused only in the end
  uint32_t own_replaced = 0;  // cardea_l7_own_connections_replaced_total: a client's fifth came
  uint32_t trailers_dropped = 0;  // cardea_l7_trailers_dropped_total: their fields that did not go on
  uint32_t file_waits = 0;     // cardea_l7_file_waits_total: what a thread beside the shards waited for a disk for
  uint32_t files_kept = 0;     // cardea_l7_files_kept_total: open still, unchanged
  uint32_t files_refused = 0;  // cardea_l7_files_refused_total: too much waited for them
  // By coding, as in compress::kCodings: cardea_l7_compressed_responses_total{encoding="br"}, …_compressed_bytes_total
  // {encoding="br",direction="in"|"out"}
  std::array<uint32_t, 3> compressed{}, compressed_in{}, compressed_out{};
  uint32_t compressions_refused = 0;  // cardea_l7_compressions_refused_total: l7.compression reached
  uint32_t compression_bytes = 0;     // cardea_l7_compression_bytes: a gauge, as of each turn's end

  static ShardRows add(stats::RowAdder& add);
};

// cardea_l7_log_…{log="access_log"}
struct LogRows {
  uint32_t lines = 0, dropped = 0;  // _lines_total, _dropped_total: its ring was full
  uint32_t lost = 0;                // _lost_total: sent to nobody; set by the control thread

  static LogRows add(stats::RowAdder& add, std::string_view log);
};

// cardea_l7_cache_…{cache="edge"}: each shard counts what it asked for; size and objects are set by the control thread.
struct CacheRows {
  uint32_t hits = 0, misses = 0, stale = 0, revalidated = 0, bypassed = 0;  // _requests_total{result="…"}
  uint32_t stored = 0, refused = 0;  // _stored_total; _refused_total: larger than object_bytes_max
  uint32_t evicted = 0, purged = 0;  // _evicted_total, _purged_total
  uint32_t bytes = 0, objects = 0;   // gauges
  uint32_t renewals_confirmed = 0, renewals_replaced = 0, renewals_failed = 0;  // _renewals_total{result="…"}
  uint32_t renewals_skipped = 0;  // _renewals_skipped_total: kRenewalsMax reached

  static CacheRows add(stats::RowAdder& add, std::string_view cache);
};

}  // namespace cardea::l7
