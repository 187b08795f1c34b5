// From plan to plan, on every shared port alike: a service's packets may come in by any.
#include "dataplane/control/shared_ports.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/stats_rows.h"
#include "dataplane/port/device.h"
#include "dataplane/port/host_interface.h"

namespace cardea::dataplane {
namespace {

constexpr std::string_view kNames[] = {
#define CARDEA_XDP_REASON(name, help) #name,
#include "dataplane/xdp/reasons.def"
#undef CARDEA_XDP_REASON
};

Result<HostInterface> interface_of(const PlanPort& port) {
  auto device = parse_device(port.device);
  if (!device) return std::unexpected(std::move(device).error());
  return read_host_interface(device->interface);
}

// Of a program that a killed process left, if it is one of ours.
uint64_t unattended_so_far(int interface_index) {
  const auto filter = xdp::Filter::of_interface(interface_index);
  if (!filter) return 0;
  const auto counts = filter->counts();
  return counts ? (*counts)[xdp::k_unattended] : 0;
}

}  // namespace

Result<> SharedPorts::fill(uint16_t port, int program, const LivePlan& plan) {
  auto filter = xdp::Filter::of_program(program);
  if (!filter) return std::unexpected(std::move(filter).error());
  const auto host = interface_of(plan.ports[port]);
  if (!host) return std::unexpected(host.error());
  if (auto done = filter->add(xdp::share_of(plan)); !done) return done;
  if (auto done = filter->set_link_address(host->mac); !done) return done;
  ports_.insert_or_assign(port, Shared{std::move(*filter), unattended_so_far(host->index), {}});
  return {};
}

std::set<uint16_t> SharedPorts::indexes() const {
  std::set<uint16_t> all;
  for (const auto& [port, shared] : ports_) all.insert(port);
  return all;
}

const xdp::Filter* SharedPorts::of(uint16_t port) const {
  const auto at = ports_.find(port);
  return at == ports_.end() ? nullptr : &at->second.filter;
}

Result<> SharedPorts::set_link_address(uint16_t port, const std::array<uint8_t, 6>& mac) {
  return ports_.at(port).filter.set_link_address(mac);
}

Result<> SharedPorts::take(const LivePlan& now, const LivePlan& next) {
  if (ports_.empty()) return {};
  const xdp::Share wanted = xdp::share_of(next);
  for (auto& [port, shared] : ports_)
    if (auto done = shared.filter.add(wanted); !done) {
      if (auto back = give_back(now); !back) log::warning("{}", back.error().message);
      return std::unexpected(std::move(done).error().in("port " + next.ports[port].name));
    }
  return {};
}

Result<> SharedPorts::give_back(const LivePlan& now) {
  if (ports_.empty()) return {};
  const xdp::Share kept = xdp::share_of(now);
  Result<> first;
  for (auto& [port, shared] : ports_)
    if (auto done = shared.filter.keep_only(kept); !done && first)
      first = std::unexpected(std::move(done).error().in("port " + now.ports[port].name));
  return first;
}

Result<> SharedPorts::add_rows(stats::Segment& segment, std::span<const std::string> names) {
  stats::RowAdder row(segment);
  for (auto& [port, shared] : ports_) {
    const std::string label = stats::label("port", names[port]);
    for (uint32_t reason = 0; reason < xdp::k_unattended; ++reason)
      row(shared.rows[reason], stats::Kind::kCounter, "cardea_shared_packets_total", "packets",
          fmt::format("{},reason=\"{}\"", label, kNames[reason]),
          "Packets that came in by a port shared with the kernel, by what they were taken for; kernel: left to it");
    row(shared.rows[xdp::k_unattended], stats::Kind::kCounter, "cardea_shared_unattended_packets_total", "packets",
        label, "Packets for layer 4 on a port shared with the kernel that were dropped because no dataplane ran");
  }
  return std::move(row.done);
}

void SharedPorts::write_rows(stats::Cell cells) const {
  for (const auto& [port, shared] : ports_) {
    const auto counts = shared.filter.counts();
    if (!counts) continue;
    for (uint32_t reason = 0; reason < xdp::kReasons; ++reason)
      stats::set(cells + shared.rows[reason],
                 (*counts)[reason] + (reason == xdp::k_unattended ? shared.unattended_before : 0));
  }
}

}  // namespace cardea::dataplane
