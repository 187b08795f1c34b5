#include "l7/proxy/record.h"

#include "l7/proxy/connection.h"
#include "l7/proxy/endpoint_text.h"
#include "l7/proxy/failure.h"
#include "l7/proxy/log_line.h"
#include "l7/proxy/shard.h"

namespace cardea::l7::proxy {
namespace {

uint64_t microseconds(std::chrono::nanoseconds took) {
  return took.count() > 0 ? uint64_t(took.count()) / 1000 : 0;
}

void add(Shard& shard, uint32_t row, uint64_t n) {
  stats::add(shard.cells() + row, n);
}

void count_status(Shard& shard, const std::array<uint32_t, 5>& rows, uint16_t status) {
  if (status >= 100 && status < 600) count(shard, rows[size_t(status / 100 - 1)]);
}

void count_bytes(Shard& shard, const Record& record) {
  const ServiceRows& rows = record.service->rows;
  add(shard, rows.bytes_in, record.bytes_in);
  add(shard, rows.bytes_out, record.bytes_out);
}

// This host, or the cap on buffers, ended it.
void count_shortage(Shard& shard, const Record& record) {
  const ShardRows& rows = shard.shared().rows;
  if (record.reason == word(Reason::kMemory)) count(shard, rows.memory_refused);
  if (record.reason == word(Reason::kLocalFailure)) count(shard, rows.local_failures);
}

void count_service(Shard& shard, const Record& record) {
  const ServiceRows& rows = record.service->rows;
  count(shard, rows.requests);
  count_status(shard, rows.responses, record.status);
  count_bytes(shard, record);
  if (!record.route) count(shard, rows.refused_requests);
  stats::observe(shard.cells() + rows.duration, microseconds(record.ended - record.began));
}

void count_route(Shard& shard, const Record& record) {
  const RouteRows& rows = record.route->rows;
  count(shard, rows.requests);
  count_status(shard, rows.responses, record.status);
  stats::observe(shard.cells() + rows.duration, microseconds(record.ended - record.began));
}

void count_cache(Shard& shard, const Record& record) {
  const CacheRows& rows = record.cache_plan->rows;
  const std::string_view what = record.cache;
  if (what.empty()) return;
  count(shard, what == "hit"           ? rows.hits
               : what == "stale"       ? rows.stale
               : what == "revalidated" ? rows.revalidated
               : what == "bypass"      ? rows.bypassed
                                       : rows.misses);
}

// Bytes of what a client sent that a line has room for.
constexpr size_t kHostMax = 256, kMethodMax = 32, kPathMax = 1024, kQueryMax = 512, kUserAgentMax = 256, kRefererMax = 256;

// A field only where there is something to say.
void optional(LogLine& line, std::string_view name, std::string_view value, size_t max = 64) {
  if (!value.empty()) line.text(name, value, max);
}

void since(LogLine& line, std::string_view name, const Record& record, Instant when) {
  if (when != Instant{}) line.milliseconds(name, when - record.began);
}

void put_request(LogLine& line, const Record& record) {
  optional(line, "host", record.host, kHostMax);
  optional(line, "method", record.method, kMethodMax);
  optional(line, "path", record.path, kPathMax);
  optional(line, "query", record.query, kQueryMax);
  optional(line, "proto", record.protocol);
  optional(line, "tls", record.tls_version);
  optional(line, "user", record.user, 128);
}

void put_way(LogLine& line, const Record& record) {
  if (record.route) line.text("route", record.route->name);
  if (record.pool) line.text("pool", record.pool->name);
  optional(line, "backend", record.backend);
  optional(line, "choice", record.choice);
  if (record.attempts != 0) {
    line.number("attempts", record.attempts);
    line.truth("reused", record.reused);
  }
  optional(line, "cache", record.cache);
  optional(line, "compression", record.compression);
}

void put_times(LogLine& line, const Record& record) {
  if (record.handshake.count() != 0) line.milliseconds("t_tls_ms", record.handshake);
  since(line, "t_head_ms", record, record.head_read);
  if (record.queued.count() != 0) line.milliseconds("t_queue_ms", record.queued);
  if (record.dialled != Instant{} && record.connected >= record.dialled)
    line.milliseconds("t_dial_ms", record.connected - record.dialled);
  since(line, "t_connect_ms", record, record.connected);
  since(line, "t_first_ms", record, record.response_head);
  since(line, "t_total_ms", record, record.ended);
}

}  // namespace

Record begin_record(Connection& connection, const ServicePlan& service, uint64_t generation) {
  Record record;
  record.service = &service;
  record.generation = generation;
  record.number = connection.shard().next_exchange();
  record.made_id = connection.shard().ids().next();
  record.handshake = std::chrono::microseconds(std::exchange(connection.handshake_us, 0));
  record.peer = record.client = connection.client();
  record.listener = connection.listener();
  record.began = connection.loop().now();
  record.unix_ms = connection.shard().unix_ms();
  return record;
}

void count(Shard& shard, uint32_t row, uint64_t times) {
  stats::add(shard.cells() + row, times);
}

Failure nothing_serves(Shard& shard, const PoolPlan& pool, upstream::NoBackend why) {
  if (why == upstream::NoBackend::kNone) return failure(Reason::kNoBackend);
  count(shard, pool.rows.busy);
  return failure(Reason::kBackendsBusy);
}

void count_request(Shard& shard, const BackendRows& rows) {
  count(shard, rows.requests);
}

void count_response(Shard& shard, const BackendRows& rows, uint16_t status, std::chrono::nanoseconds took) {
  count_status(shard, rows.responses, status);
  stats::observe(shard.cells() + rows.duration, microseconds(took));
}

void write_line(Shard& shard, const Record& record) {
  AccessLog* log = shard.shared().log;
  if (!log || !log->enabled()) return;
  LogLine line;
  line.timestamp("ts", record.unix_ms);
  line.text("id", record.id());
  line.number("gen", record.generation);
  line.text("client", EndpointText(record.client).view());
  if (record.peer != record.client) line.text("peer", EndpointText(record.peer).view());
  line.text("listener", EndpointText(record.listener).view());
  line.text("service", record.service->name);
  put_request(line, record);
  line.number("status", record.status);
  line.text("reason", record.reason);
  optional(line, "detail", record.detail, 256);
  put_way(line, record);
  line.number("bytes_in", record.bytes_in);
  line.number("bytes_out", record.bytes_out);
  put_times(line, record);
  optional(line, "user_agent", record.user_agent, kUserAgentMax);
  optional(line, "referer", record.referer, kRefererMax);
  optional(line, "trace", record.trace);
  const ShardRows& rows = shard.shared().rows;
  count(shard, log->put(shard.number(), line.finish()) ? rows.log_lines : rows.log_dropped);
}

void write_flow(Shard& shard, const Record& record) {
  count_bytes(shard, record);
  if (record.route) count_route(shard, record);
  count_shortage(shard, record);
  write_line(shard, record);
}

void keep(Record& record, Arena& arena) {
  const auto copy = [&arena](std::string_view& text, size_t max) { text = arena.copy(text.substr(0, max)); };
  copy(record.host, kHostMax);
  copy(record.method, kMethodMax);
  copy(record.path, kPathMax);
  copy(record.query, kQueryMax);
  copy(record.user_agent, kUserAgentMax);
  copy(record.referer, kRefererMax);
}

void write(Shard& shard, const Record& record) {
  count_service(shard, record);
  if (record.route) count_route(shard, record);
  if (record.cache_plan) count_cache(shard, record);
  count_shortage(shard, record);
  write_line(shard, record);
}

}  // namespace cardea::l7::proxy
