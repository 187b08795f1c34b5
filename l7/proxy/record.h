// What became of one exchange: filled in by the rooms as they go, written once at the end, as counters and as one line
// of the access log. Views stay valid until the record is written; nothing in it is copied before.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/ip.h"
#include "l7/plan/live_plan.h"
#include "l7/proxy/exchange_ids.h"
#include "l7/proxy/failure.h"
#include "l7/runtime/arena.h"
#include "l7/upstream/pool.h"

namespace cardea::l7::proxy {

// A backend that was tried, and what came of it; those before it behind.
struct TriedBackend {
  const TriedBackend* before = nullptr;
  std::string_view backend, choice, reason, detail;
  bool reused = false;
  Instant began{}, ended{};
};

struct Record {
  const ServicePlan* service = nullptr;
  const RoutePlan* route = nullptr;       // null: none matched, or the request was refused before
  const PoolPlan* pool = nullptr;
  const CachePlan* cache_plan = nullptr;
  std::string_view backend;               // the last that was tried; empty: none
  uint64_t number = 0;                    // unique in this process: shard and a count
  ExchangeIds::Id made_id{};
  std::string_view kept_id;               // in place of it, where the client is trusted
  std::string_view trace;                 // the trace that it belongs to
  std::string_view traceparent;           // of one that begins here
  uint64_t generation = 0;
  Endpoint peer, client, listener;        // who is connected; for whom it speaks
  std::string_view method, host, path, query, protocol;  // as the client sent them
  std::string_view user;                  // whose password was right; empty: none was asked for
  std::string_view tls_version, tls_ja4, user_agent, referer;
  uint16_t status = 0;                    // 0: none was sent
  Origin origin = Origin::kSelf;          // whose doing it is that it ended so
  bool cut = false;                       // in the middle of a response
  std::string_view reason = "ok";         // why the exchange ended as it did: "ok", "no_backend", "client_closed", …
  std::string_view detail;                // one more word about it, where there is one
  std::string_view cache;                 // "hit", "miss", …; empty: the route has no cache
  std::string_view compression;           // "br", or why not; empty: the route has none
  std::string_view waf, waf_rules;        // "blocked", "942100,942190"; empty: it was not asked, none matched
  uint16_t waf_score = 0;
  std::string_view choice;                // why that backend: "sticky", "own", or by which balance
  uint8_t attempts = 0;                   // backends that were tried
  const TriedBackend* tried = nullptr;           // the last of them, in the exchange's arena
  bool reused = false;                    // the last attempt's connection was
  std::chrono::nanoseconds queued{0};     // waited for a place at a backend
  std::chrono::nanoseconds handshake{0};  // the client's, of TLS, before its connection's first exchange
  uint64_t bytes_in = 0, bytes_out = 0;   // heads and bodies, above TLS
  // Points in time; Instant{} where it was not reached.
  Instant began{}, head_read{}, dialled{}, connected{}, response_head{}, ended{};
  int64_t unix_ms = 0;                    // when it began

  std::string_view id() const { return kept_id.empty() ? std::string_view(made_id.data(), made_id.size()) : kept_id; }
};

class Connection;
class Shard;

// One that begins now, with what is known of its connection.
Record begin_record(Connection& connection, const ServicePlan& service, uint64_t generation);

// What it shows of the request is copied, as far as a line has room for it: the request's buffer may go.
void keep(Record& record, Arena& arena);

// Counts it and writes its line. Never waits: a line that does not fit into the log's ring is dropped and counted.
void write(Shard& shard, const Record& record);

// The same for a connection of a tcp service.
void write_flow(Shard& shard, const Record& record);

// What came before a request, or instead of one (a failed handshake), has a line but is no request.
void write_line(Shard& shard, const Record& record);

// Backends are counted as things happen: their plan may be gone when the record is written.
// No backend was chosen: counted where a limit was reached.
Failure nothing_serves(Shard& shard, const PoolPlan& pool, upstream::NoBackend why);
void count_request(Shard& shard, const BackendRows& rows);
void count_response(Shard& shard, const BackendRows& rows, uint16_t status, std::chrono::nanoseconds took);
void count(Shard& shard, uint32_t row, uint64_t times = 1);

}  // namespace cardea::l7::proxy
