#include "l7/control/tcp_rows.h"

#include <algorithm>
#include <string_view>

#include "base/stats.h"

namespace cardea::l7 {
namespace {

struct Counted {
  std::string_view name, help;
  uint64_t tcp::Counters::* value;
};
constexpr Counted kCounted[] = {
#define CARDEA_TCP_COUNTER(name, help) {#name, help, &tcp::Counters::name},
#include "l7/tcp/counters.def"
#undef CARDEA_TCP_COUNTER
};

// Those that cost a peer or this host something that more room would have spared.
constexpr std::string_view kRefusals[] = {"no_connection_left", "syns_dropped",    "no_block_left", "gaps_given_up",
                                          "no_memory_for_syn",  "no_segment_left", "no_reply_left"};

constexpr const char* kEventsHelp = "What our own TCP met, by event";
constexpr const char* kRefusedHelp = "What our own TCP had no room for, by reason";

}  // namespace

TcpRows TcpRows::add(stats::RowAdder& add) {
  using enum stats::Kind;
  TcpRows rows;
  const auto refused = [&](uint32_t& cell, std::string_view reason) {
    add(cell, kCounter, "cardea_l7_tcp_refused_total", "", stats::label("reason", reason), kRefusedHelp);
  };
  for (const Counted& one : kCounted) {
    uint32_t& cell = rows.counted.emplace_back(0);
    if (std::ranges::find(kRefusals, one.name) != std::end(kRefusals))
      refused(cell, one.name);
    else
      add(cell, kCounter, "cardea_l7_tcp_events_total", "", stats::label("event", one.name), kEventsHelp);
  }
  refused(rows.no_source_port, "no_source_port");
  refused(rows.pipe_full, "pipe_full");
  add(rows.connections, kGauge, "cardea_l7_tcp_connections", "", "", "Connections of our own TCP, in any state");
  add(rows.time_waits, kGauge, "cardea_l7_tcp_time_waits", "", "",
      "Connections of our own TCP that are over and remembered for a minute");
  add(rows.unacknowledged, kGauge, "cardea_l7_tcp_unacknowledged_bytes", "bytes", "",
      "Memory in use for what our own TCP has sent, or will, and peers have not acknowledged");
  add(rows.attached, kGauge, "cardea_l7_tcp_door_attached", "", "", "Shards whose door to the dataplane is attached");
  return rows;
}

void TcpRows::write(const door::ShardDoor& door, uint64_t* cells) const {
  const tcp::Stack* stack = door.stack_or_null();
  if (!stack) return;
  for (size_t i = 0; i < counted.size(); ++i) stats::set(cells + counted[i], stack->counters().*kCounted[i].value);
  stats::set(cells + no_source_port, door.dials_without_port());
  stats::set(cells + pipe_full, door.lost_at_full_pipe());
  stats::set(cells + connections, stack->connections());
  stats::set(cells + time_waits, stack->time_waits());
  stats::set(cells + unacknowledged, door.bytes_lent());
  stats::set(cells + attached, door.attached());
}

}  // namespace cardea::l7
