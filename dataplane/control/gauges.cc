// What the control thread writes into the stats segment once a second.
#include <rte_ethdev.h>

#include "dataplane/control/control.h"

namespace cardea::dataplane {

void Control::write_gauges() {
  const auto put = [&](uint32_t cell, uint64_t value) { stats::set(running_.control_cell(cell), value); };
  const Neighbours& neighbours = follower_.neighbours();
  put(running_.rows.neighbours_resolved, neighbours.count(Neighbours::State::kResolved));
  put(running_.rows.neighbours_asked, neighbours.count(Neighbours::State::kAsked));
  put(running_.rows.neighbours_failed, neighbours.count(Neighbours::State::kFailed));
  put(running_.rows.neighbours_refused, neighbours.refused());
  put(running_.rows.waiting_packets, waiting_.size());
  put(running_.rows.path_mtus, path_mtus_.size());
  put(running_.rows.slots, running_.registry->slots_end());
  put(running_.rows.blocked, running_.blocked.size());
  std::array<uint64_t, kInstances> shards{};
  for (const L7Attachments::Attached& one : l7_.attached()) shards[one.instance->number()] = one.instance->shards();
  for (uint32_t i = 0; i < kInstances; ++i) put(running_.rows.l7_shards[i], shards[i]);
  put(running_.rows.l7_attached, l7_.attached_ever());
  put(running_.rows.l7_broken, l7_.broken_ever());
  for (const Port& port : running_.ports) write_port_gauges(port);
  running_.shared.write_rows(running_.control_cell(0));
}

void Control::write_port_gauges(const Port& port) {
  const auto put = [&](uint32_t cell, uint64_t value) { stats::set(running_.control_cell(cell), value); };
  const PortRows& rows = running_.rows.ports[port.index];
  put(rows.up, links_up_[port.index] ? 1 : 0);
  rte_eth_stats counted{};
  if (rte_eth_stats_get(port.id, &counted) != 0) return;
  put(rows.errors_in, counted.ierrors + counted.rx_nombuf);
  put(rows.errors_out, counted.oerrors);
  socket_drops_[port.index] = socket_drops(port, socket_drops_[port.index]);
  put(rows.missed, counted.imissed + socket_drops_[port.index]);
}

}  // namespace cardea::dataplane
