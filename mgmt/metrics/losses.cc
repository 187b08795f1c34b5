#include "mgmt/metrics/losses.h"

#include <algorithm>
#include <string_view>

#include "base/stats.h"
#include "mgmt/metrics/labels.h"

namespace cardea::mgmt::metrics {
namespace {

constexpr LossKind kKinds[] = {
    {"cardea_drops_total", "packets dropped", "reason"},
    {"cardea_port_missed_packets_total", "packets missed by port", "port"},
    {"cardea_port_errors_total", "packets given up by port", "port"},
    {"cardea_shared_unattended_packets_total", "packets while no dataplane ran by port", "port"},
    {"cardea_kernel_packets_lost_total", "packets of the kernel lost"},
    {"cardea_flow_table_bypassed_packets_total", "packets without a flow, the table being full"},
    {"cardea_flows_evicted_total", "flows gave way in a full table"},
    {"cardea_nat_ports_taken_total", "flows gave up their NAT port"},
    {"cardea_fragmented_datagrams_evicted_total", "datagrams in fragments gave way"},
    {"cardea_neighbours_refused_total", "neighbours not remembered"},
    {"cardea_conversations_forgotten_total", "connections of the host forgotten by the door"},
    {"cardea_l7_door_flows_forgotten_total", "new connections forgotten beside an older cardea-l7"},
    {"cardea_l7_door_broken_total", "doors taken away from cardea-l7, which had written nonsense"},
    {"cardea_stats_rows_refused_total", "counters not kept for want of room"},
    {"cardea_l7_service_connections_refused_total", "clients refused by service", "service"},
    {"cardea_l7_service_source_connections_refused_total", "clients refused for their address's connections by service",
     "service"},
    {"cardea_l7_service_slow_clients_total", "clients too slow for service", "service"},
    {"cardea_l7_service_proxy_headers_refused_total", "connections refused for their PROXY header by service",
     "service"},
    {"cardea_l7_service_names_refused_total", "TLS connections without a route by service", "service"},
    {"cardea_l7_service_http2_floods_total", "HTTP/2 connections ended for floods by service", "service"},
    {"cardea_l7_backend_http2_floods_total", "HTTP/2 connections ended for floods of backend", "backend"},
    {"cardea_l7_accept_failures_total", "clients not accepted"},
    {"cardea_l7_memory_refused_total", "requests refused for want of buffers"},
    {"cardea_l7_memory_waits_total", "waits for a buffer"},
    {"cardea_l7_compressions_refused_total", "answers not compressed for want of memory"},
    {"cardea_l7_stalled_ended_total", "HTTP/2 calls that took nothing gave way for want of buffers"},
    {"cardea_l7_heads_ended_total", "unfinished requests gave way for want of buffers"},
    {"cardea_l7_own_connections_replaced_total", "backend connections of one client's gave way"},
    {"cardea_l7_pool_refused_total", "requests refused, all backends at connections_max, by pool", "pool"},
    {"cardea_l7_pool_retries_denied_total", "attempts that failed with no retry left in the budget, by pool", "pool"},
    {"cardea_l7_pool_queue_full_total", "requests refused, as many waiting for a backend as may, by pool", "pool"},
    {"cardea_l7_pool_queue_timeouts_total", "requests refused that waited too long for a backend, by pool", "pool"},
    {"cardea_l7_pool_idle_closed_total", "idle backend connections closed at idle_max by pool", "pool"},
    {"cardea_l7_files_refused_total", "requests for files refused, too many waiting for a disk"},
    {"cardea_l7_rate_limit_unknown_total", "requests of keys that shared a rate, too many being known, by rate limit", "limit"},
    {"cardea_l7_rate_limit_blocks_lost_total", "refusals to clients not blocked yet, too many to be told of, by rate limit", "limit"},
    {"cardea_l7_service_auth_away_total", "requests that no service said anything about (forward_auth) by service", "service"},
    {"cardea_l7_service_waf_skipped_total", "requests not inspected (waf), or in part, by service", "service"},
    {"cardea_l7_service_waf_late_total", "requests whose inspection took too long (waf) by service", "service"},
    {"cardea_l7_service_waf_away_total", "requests that no worker inspected (waf) by service", "service"},
    {"cardea_l7_service_waf_queue_full_total", "requests not inspected (waf), too many waiting for it, by service", "service"},
    {"cardea_l7_service_mirror_skipped_total", "requests not copied (mirror) by service", "service"},
    {"cardea_l7_service_mirror_failed_total", "copies of requests that nobody answered (mirror) by service", "service"},
    {"cardea_l7_tcp_refused_total", "what our own TCP had no room for", "reason"},
    {"cardea_l7_local_failures_total", "requests failed for want of descriptors, ports or memory"},
    {"cardea_l7_tls_floods_total", "TLS clients cut off"},
    {"cardea_l7_ocsp_failures_total", "OCSP answers that could not be fetched"},
    {"cardea_l7_cache_renewals_skipped_total", "stale objects not renewed in cache", "cache"},
    {"cardea_l7_log_dropped_total", "lines dropped, the writer behind, of access log", "log"},
    {"cardea_l7_log_lost_total", "lines sent to nobody of access log", "log"},
    {"cardea_blocks_untold_total", "lists of blocked clients that the dataplane did not take"},
    {"cardea_health_own_failures_total", "health checks that this host could not make"},
    {"cardea_health_probes_postponed_total", "health checks that waited for a socket"},
};

const LossKind* kind_of(std::string_view metric) {
  const auto* const found = std::ranges::find(kKinds, metric, &LossKind::metric);
  return found == std::end(kKinds) ? nullptr : found;
}

void add(std::string_view metric, std::string_view labels, uint64_t count, std::vector<Loss>& losses) {
  const LossKind* const kind = count == 0 ? nullptr : kind_of(metric);
  if (kind == nullptr) return;
  std::string detail;
  for (const auto& [label, value] : parse_labels(labels).value_or(Labels{}))
    if (label == kind->label) detail = value;
  const auto same =
      std::ranges::find_if(losses, [&](const Loss& loss) { return loss.what == kind->what && loss.detail == detail; });
  if (same != losses.end()) {
    same->count += count;
  } else {
    losses.push_back({std::string(kind->what), std::move(detail), count});
  }
}

}  // namespace

std::span<const LossKind> loss_kinds() {
  return kKinds;
}

std::vector<Loss> losses(const std::vector<std::string>& paths, const health::Counters& checks) {
  std::vector<Loss> all;
  for (const auto& path : paths)
    if (const auto snapshot = stats::read(path))
      for (const auto& sample : snapshot->samples)
        add(sample.description.name, sample.description.labels, sample.value, all);
  add("cardea_health_own_failures_total", "", checks.own_failures, all);
  add("cardea_health_probes_postponed_total", "", checks.probes_postponed, all);
  std::ranges::stable_sort(all, std::greater(), &Loss::count);
  return all;
}

}  // namespace cardea::mgmt::metrics
