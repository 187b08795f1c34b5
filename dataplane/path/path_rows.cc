// Adding the path's rows to the stats segment.
#include "dataplane/path/path_rows.h"

#include <fmt/format.h>

#include "base/stats_rows.h"

namespace cardea::dataplane {
namespace {

void add_port(stats::RowAdder& add, PortCells& cells, const std::string& port) {
  const auto labels = [&](const char* direction) {
    return fmt::format("port=\"{}\",direction=\"{}\"", port, direction);
  };
  const char* const packets = "Packets that the port's workers received or sent";
  const char* const bytes = "Bytes of these packets, Ethernet header included";
  add(cells.packets_in, stats::Kind::kCounter, "cardea_port_packets_total", "packets", labels("in"), packets);
  add(cells.bytes_in, stats::Kind::kCounter, "cardea_port_bytes_total", "bytes", labels("in"), bytes);
  add(cells.packets_out, stats::Kind::kCounter, "cardea_port_packets_total", "packets", labels("out"), packets);
  add(cells.bytes_out, stats::Kind::kCounter, "cardea_port_bytes_total", "bytes", labels("out"), bytes);
}

void add_shards(stats::RowAdder& add, TrafficCells& cells) {
  const char* const packets = "Packets of our own TCP, up to cardea-l7 and down from it";
  const char* const bytes = "Bytes of these packets, without link headers";
  const char *const up = "direction=\"up\"", *const down = "direction=\"down\"";
  add(cells.packets_in, stats::Kind::kCounter, "cardea_l7_door_packets_total", "packets", up, packets);
  add(cells.bytes_in, stats::Kind::kCounter, "cardea_l7_door_bytes_total", "bytes", up, bytes);
  add(cells.packets_out, stats::Kind::kCounter, "cardea_l7_door_packets_total", "packets", down, packets);
  add(cells.bytes_out, stats::Kind::kCounter, "cardea_l7_door_bytes_total", "bytes", down, bytes);
}

}  // namespace

Result<PathCells> add_path_rows(stats::Segment& segment, std::span<const std::string> port_names) {
  PathCells cells;
  stats::RowAdder add(segment);
  for (uint32_t i = 0; i < kReasonCount; ++i) {
    const auto reason = Reason(i);
    if (!is_drop(reason)) continue;
    add(cells.drops[i], stats::Kind::kCounter, "cardea_drops_total", "packets",
        fmt::format("reason=\"{}\"", name(reason)), "Packets dropped, by reason");
  }
  add(cells.to_kernel, stats::Kind::kCounter, "cardea_kernel_packets_total", "packets", "direction=\"to\"",
      "Packets through the kernel door");
  add(cells.handed_over, stats::Kind::kCounter, "cardea_handed_over_packets_total", "packets", "",
      "Packets given to the worker that owns their flow");
  add(cells.bypassed, stats::Kind::kCounter, "cardea_flow_table_bypassed_packets_total", "packets", "",
      "Packets sent by the ring alone because the flow table was full");
  add(cells.evicted, stats::Kind::kCounter, "cardea_flows_evicted_total", "", "",
      "Flows of which only one side was heard that made room in a full table");
  add(cells.ports_taken, stats::Kind::kCounter, "cardea_nat_ports_taken_total", "", "",
      "NAT ports taken from flows that were idle or of which only one side was heard, no port being free");
  add(cells.fragments_joined, stats::Kind::kCounter, "cardea_fragments_joined_total", "packets", "",
      "Fragments whose flow was found by the first fragment of their datagram");
  add(cells.datagrams_evicted, stats::Kind::kCounter, "cardea_fragmented_datagrams_evicted_total", "", "",
      "Datagrams forgotten before their time because too many came in fragments");
  add(cells.fragments_made, stats::Kind::kCounter, "cardea_fragments_made_total", "packets", "",
      "Pieces that packets too big for their way were cut into");
  add(cells.sums_finished, stats::Kind::kCounter, "cardea_checksums_finished_total", "packets", "",
      "Packets whose TCP or UDP checksum their sender's host had left half done");
  add(cells.flows, stats::Kind::kGauge, "cardea_flows", "", "", "Live flows");
  add(cells.begun_gave_way, stats::Kind::kCounter, "cardea_l7_door_flows_forgotten_total", "", "",
      "New connections that were forgotten, too many beginning while an older cardea-l7 keeps its own: packets of theirs"
      " go to the older one, which resets them");
  add_shards(add, cells.shards);
  cells.ports.resize(port_names.size());
  for (size_t i = 0; i < port_names.size(); ++i) add_port(add, cells.ports[i], port_names[i]);
  if (!add.done) return std::unexpected(std::move(add.done).error());
  return cells;
}

}  // namespace cardea::dataplane
