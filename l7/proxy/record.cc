#include "l7/proxy/record.h"

#include "l7/log/access_log.h"
#include "l7/proxy/connection.h"
#include "l7/proxy/failure.h"
#include "l7/proxy/flight_recorder.h"
#include "l7/proxy/log_line.h"
#include "l7/proxy/shard.h"
#include "l7/proxy/tail.h"

namespace cardea::l7::proxy {
namespace {

constexpr uint32_t kAll = 1'000'000;  // what samples are a part of

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

void write_line(Shard& shard, const LogPlan& plan, const Record& record) {
  if (plan.when) {
    RecordFields unmasked(record);
    if (!plan.when->matches([&](ExchangeField field) { return unmasked.value(field); })) return;
  }
  if (plan.sampled < kAll && shard.chance().below(kAll) >= plan.sampled) return;
  RecordFields fields(record, plan.masks);
  LogLine line;
  const bool taken = plan.log->put(shard.number(), write_line(line, plan.format, fields));
  count(shard, taken ? plan.rows.lines : plan.rows.dropped);
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
  for (const auto& log : record.service->logs) write_line(shard, *log, record);
  if (const Shard::Tails* looking = shard.tails()) [[unlikely]]
    for (const auto& tail : *looking) tail->see(shard, record);
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
  copy(record.user_agent, kHeaderMax);
  copy(record.referer, kHeaderMax);
}

void write(Shard& shard, const Record& record) {
  count_service(shard, record);
  if (record.route) count_route(shard, record);
  if (record.cache_plan) count_cache(shard, record);
  count_shortage(shard, record);
  write_line(shard, record);
  shard.recorder().note(record);
}

}  // namespace cardea::l7::proxy
