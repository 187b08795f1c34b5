// One row a line: what is counted, and how it is called.
#include "dataplane/control/control_rows.h"

#include <fmt/format.h>

#include "base/stats_rows.h"

namespace cardea::dataplane {

Result<ControlRows> ControlRows::add(stats::Segment& segment, std::span<const std::string> port_names) {
  using enum stats::Kind;
  ControlRows rows;
  stats::RowAdder row(segment);
  row(rows.busy_ns, kCounter, "cardea_core_busy_nanoseconds_total", "ns", "", "Time the worker spent on packets");
  row(rows.sleeping_ns, kCounter, "cardea_core_sleeping_nanoseconds_total", "ns", "",
      "Time the worker slept until packets came");
  row(rows.wakeups, kCounter, "cardea_core_wakeups_total", "", "", "Times the worker woke from sleep");
  row(rows.from_kernel, kCounter, "cardea_kernel_packets_total", "packets", "direction=\"from\"",
      "Packets through the kernel door");
  row(rows.from_kernel_lost, kCounter, "cardea_kernel_packets_lost_total", "packets", "direction=\"from\"",
      "Packets of the kernel that found no buffer or a full ring");
  row(rows.conversations_forgotten, kCounter, "cardea_conversations_forgotten_total", "", "",
      "Connections of this host's programs whose answers count as strangers' again, too many others being remembered");
  row(rows.flows_max, kGauge, "cardea_flows_max", "", "", "Flows that the flow tables of all workers hold");
  row(rows.plan_generation, kGauge, "cardea_plan_generation", "", "", "Generation of the plan that runs");
  row(rows.plans_adopted, kCounter, "cardea_plans_adopted_total", "", "", "Plans and pool updates adopted");
  row(rows.plans_refused, kCounter, "cardea_plans_refused_total", "", "", "Plans and pool updates refused");
  const char* neighbours = "Neighbours known on the ports, by what is known of them";
  row(rows.neighbours_resolved, kGauge, "cardea_neighbours", "", "state=\"resolved\"", neighbours);
  row(rows.neighbours_asked, kGauge, "cardea_neighbours", "", "state=\"asked\"", neighbours);
  row(rows.neighbours_failed, kGauge, "cardea_neighbours", "", "state=\"failed\"", neighbours);
  row(rows.neighbours_refused, kCounter, "cardea_neighbours_refused_total", "", "",
      "Neighbours not remembered: dataplane.neighbours_max reached");
  row(rows.waiting_packets, kGauge, "cardea_waiting_packets", "packets", "",
      "Packets that wait for a next hop's link address");
  row(rows.path_mtus, kGauge, "cardea_path_mtus", "", "",
      "Ways to backends that a router said are narrower than their port");
  row(rows.slots, kGauge, "cardea_backend_slots", "", "", "Backends that plans or flows use");
  row(rows.blocked, kGauge, "cardea_blocked_sources", "", "",
      "Addresses, and /64 networks, that nothing is taken from for a while (rate_limits[].block_for)");
  for (uint32_t i = 0; i < kInstances; ++i)
    row(rows.l7_shards[i], kGauge, "cardea_l7_door_shards", "", fmt::format("instance=\"{}\"", i),
        "Shards of cardea-l7 that have a door of our own TCP, by instance; 0: no such instance");
  row(rows.l7_attached, kCounter, "cardea_l7_door_attached_total", "", "", "Times that a cardea-l7 was given a door");
  row(rows.l7_broken, kCounter, "cardea_l7_door_broken_total", "", "",
      "Doors that were taken away because cardea-l7 had written nonsense into their memory");
  for (const std::string& name : port_names) {
    PortRows& port = rows.ports.emplace_back();
    const std::string in = fmt::format("port=\"{}\",direction=\"in\"", name),
                      out = fmt::format("port=\"{}\",direction=\"out\"", name);
    row(port.up, kGauge, "cardea_port_up", "", fmt::format("port=\"{}\"", name), "1 while the port has link");
    row(port.errors_in, kCounter, "cardea_port_errors_total", "packets", in, "Packets that the device gave up");
    row(port.errors_out, kCounter, "cardea_port_errors_total", "packets", out, "Packets that the device gave up");
    row(port.missed, kCounter, "cardea_port_missed_packets_total", "packets", fmt::format("port=\"{}\"", name),
        "Packets that found the device's receive queue full");
  }
  if (!row.done) return std::unexpected(std::move(row.done).error());
  return rows;
}

}  // namespace cardea::dataplane
