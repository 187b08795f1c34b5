#include "mgmt/doctor/examine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace cardea::mgmt::doctor {
namespace {

// A few findings about one thing.
class Notes {
 public:
  explicit Notes(std::string about) : about_(std::move(about)) {}
  void error(std::string message, std::string mend) { add(Finding::kError, std::move(message), std::move(mend)); }
  void warning(std::string message, std::string mend) { add(Finding::kWarning, std::move(message), std::move(mend)); }
  void hint(std::string message, std::string mend) { add(Finding::kHint, std::move(message), std::move(mend)); }
  Findings take() { return std::move(findings_); }

 private:
  void add(Finding::Level level, std::string message, std::string mend) {
    findings_.push_back({level, about_, std::move(message), std::move(mend)});
  }
  std::string about_;
  Findings findings_;
};

uint64_t bytes_of(const std::vector<HugePages>& pages, int node) {
  uint64_t bytes = 0;
  for (const HugePages& of : pages)
    if (node < 0 || of.node == node) bytes += of.page_bytes * of.total;
  return bytes;
}

bool is_isolated(const HostFacts& host, uint16_t cpu) {
  return std::ranges::count(host.isolated, cpu) > 0;
}

// A kernel that tells of no CPUs has been asked in vain: nothing is held against it.
bool there_is(const HostFacts& host, uint16_t cpu) {
  return host.node_of_cpu.empty() || host.node_of_cpu.contains(cpu);
}

// Those to be isolated and those that are: the new line takes the old one's place.
std::vector<uint16_t> together(std::vector<uint16_t> cpus, const std::vector<uint16_t>& isolated) {
  cpus.insert(cpus.end(), isolated.begin(), isolated.end());
  std::ranges::sort(cpus);
  return cpus;
}

bool is_nvidia(const PciFacts& card) {  // works beside its kernel driver
  return card.driver == "mlx5_core" || card.driver == "mlx4_core";
}

void look_at_memory(Notes& notes, const HostFacts& host, const std::vector<DeviceFacts>& devices) {
  if (bytes_of(host.huge_pages, -1) == 0) {
    const bool needed = std::ranges::any_of(devices, [](const DeviceFacts& d) { return d.kind == DeviceKind::kPci; });
    const char* mend = "cardea-host-setup --hugepages 1024";
    if (needed) return notes.error("there are no huge pages, without which no card can be driven", mend);
    return notes.warning("there are no huge pages: packets and flows lie in pages of 4 KB, which costs time", mend);
  }
  const bool all_taken = std::ranges::all_of(host.huge_pages, [](const HugePages& p) { return p.free == 0; });
  if (all_taken) notes.hint("all huge pages are in use, by the dataplane that runs or by somebody else", "");
}

// The kernel takes each of these words once: one line for all workers.
void look_at_isolation(Notes& notes, const HostFacts& host, const std::vector<uint16_t>& workers) {
  std::vector<uint16_t> shared;
  for (const uint16_t cpu : workers)
    if (there_is(host, cpu) && !is_isolated(host, cpu)) shared.push_back(cpu);
  if (shared.empty()) return;
  const bool one = shared.size() == 1;
  notes.hint(fmt::format("{} {} {} not isolated: the kernel runs other things on {} too",
                         one ? "worker's CPU" : "workers' CPUs", fmt::join(shared, ", "), one ? "is" : "are",
                         one ? "it" : "them"),
             fmt::format("add isolcpus={0} nohz_full={0} rcu_nocbs={0} to the kernel's command line",
                         fmt::join(together(shared, host.isolated), ",")));
}

void look_at_worker(Notes& notes, const HostFacts& host, uint16_t cpu) {
  if (!there_is(host, cpu))
    return notes.error(fmt::format("there is no CPU {} for a worker", cpu),
                       "choose workers among those lscpu -e shows");
  if (const auto governor = host.governors.find(cpu);
      governor != host.governors.end() && governor->second != "performance")
    notes.warning(fmt::format("CPU {} is governed by \"{}\": it slows down when packets are few, and wakes late", cpu,
                              governor->second),
                  fmt::format("echo performance > /sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor", cpu));
  if (const auto interrupts = host.interrupts.find(cpu); interrupts != host.interrupts.end())
    notes.hint(fmt::format("interrupts go to worker's CPU {}: {}", cpu, fmt::join(interrupts->second, ", ")),
               "give them to another CPU: /proc/irq/N/smp_affinity_list, or irqaffinity= on the kernel's command line");
}

void look_at_driver(Notes& notes, const DeviceFacts& device, const HostFacts& host) {
  const PciFacts& card = *device.pci;
  if (is_nvidia(card)) return;
  if (device.interface && device.interface->has_default_route)
    return notes.error(fmt::format("this host's default route goes by it, as {}", device.interface->name),
                       "give Cardea another card; the host would be gone from its network");
  const std::string bind = "cardea-host-setup --nic " + card.address;
  if (card.driver.empty()) return notes.error("no driver has the card", bind);
  if (card.driver == "uio_pci_generic" || card.driver == "igb_uio")
    return notes.warning(fmt::format("{} drives the card, which may write anywhere in memory", card.driver), bind);
  if (card.driver != "vfio-pci")
    return notes.error(fmt::format("the kernel's driver {} has the card", card.driver), bind);
  if (!host.has_iommu || !card.iommu_group)
    notes.error(
        "vfio-pci has the card, but this host uses no IOMMU",
        "switch it on in the firmware (VT-d, AMD-Vi) and boot with intel_iommu=on or amd_iommu=on; a cloud guest "
        "without one takes device = \"net_af_xdp,iface=...\"");
}

void look_at_card(Notes& notes, const PciFacts& card) {
  if (card.driver == "vfio-pci" && !card.group_in_use.empty())
    notes.error(fmt::format("its IOMMU group {} has others that the kernel drives: {}", card.iommu_group.value_or("?"),
                            fmt::join(card.group_in_use, ", ")),
                "bind these to vfio-pci too, or move the card to a slot with a group of its own");
  if (card.link_gts < card.link_gts_max || card.link_lanes < card.link_lanes_max)
    notes.warning(fmt::format("its slot gives it {} GT/s on {} lanes, of {} GT/s on {} that it can", card.link_gts,
                              card.link_lanes, card.link_gts_max, card.link_lanes_max),
                  "move it to a wider slot, or look at the firmware's settings of this one");
  if (card.may_sleep)
    notes.hint("the kernel may put the card to sleep",
               fmt::format("echo on > /sys/bus/pci/devices/{}/power/control", card.address));
}

void look_at_nodes(Notes& notes, const PciFacts& card, const HostFacts& host, const std::vector<uint16_t>& workers) {
  if (card.node < 0) return;
  if (bytes_of(host.huge_pages, -1) > 0 && bytes_of(host.huge_pages, card.node) == 0)
    notes.warning(
        fmt::format("NUMA node {}, where the card is, has no huge pages", card.node),
        fmt::format("echo 512 > /sys/devices/system/node/node{}/hugepages/hugepages-2048kB/nr_hugepages", card.node));
  for (const uint16_t cpu : workers) {
    const auto node = host.node_of_cpu.find(cpu);
    if (node != host.node_of_cpu.end() && node->second != card.node)
      notes.warning(
          fmt::format("worker's CPU {} is on NUMA node {}, the card on node {}", cpu, node->second, card.node),
          fmt::format("choose workers of node {}: lscpu -e shows them", card.node));
  }
}

void look_at_interface(Notes& notes, const DeviceFacts& device, const conf::Port& port, size_t workers) {
  const InterfaceFacts& its = *device.interface;
  if (!its.is_up) return notes.warning(fmt::format("{} is down", its.name), fmt::format("ip link set {} up", its.name));
  if (!its.has_carrier)
    notes.warning(fmt::format("{} has no carrier", its.name), "look at the cable, the module and the switch's port");
  if (its.mtu < port.mtu)
    notes.error(fmt::format("{} has an MTU of {}, the port one of {}", its.name, its.mtu, port.mtu),
                fmt::format("ip link set {} mtu {}", its.name, port.mtu));
  if (device.device.starts_with("net_af_xdp") && its.receive_queues < workers)
    notes.hint(fmt::format("{} has {} receive queue{} for {} workers", its.name, its.receive_queues,
                           its.receive_queues == 1 ? "" : "s", workers),
               fmt::format("ethtool -L {} combined {}, where the card can", its.name, workers));
}

}  // namespace

Findings examine_host(const HostFacts& host, const conf::Dataplane& dataplane,
                      const std::vector<DeviceFacts>& devices) {
  Notes notes("host");
  look_at_memory(notes, host, devices);
  look_at_isolation(notes, host, dataplane.workers);
  for (const uint16_t cpu : dataplane.workers) look_at_worker(notes, host, cpu);
  return notes.take();
}

Findings examine_port(const DeviceFacts& device, const conf::Port& port, const HostFacts& host,
                      const conf::Dataplane& dataplane, const std::vector<std::string>& cards) {
  Notes notes(device.port);
  if (device.kind == DeviceKind::kPci && !device.pci) {
    notes.error(fmt::format("there is no PCI device {}", device.device),
                cards.empty() ? "this host has no network card on PCI"
                              : fmt::format("the network cards of this host: {}", fmt::join(cards, ", ")));
    return notes.take();
  }
  if (device.kind == DeviceKind::kInterface && !device.interface) {
    notes.error(fmt::format("there is no interface {}", interface_of_device(device.device).value_or("")),
                "ip link shows those there are");
    return notes.take();
  }
  if (device.kind == DeviceKind::kPci) look_at_driver(notes, device, host);
  if (device.pci) {
    look_at_card(notes, *device.pci);
    look_at_nodes(notes, *device.pci, host, dataplane.workers);
  }
  if (device.kind == DeviceKind::kInterface) look_at_interface(notes, device, port, dataplane.workers.size());
  return notes.take();
}

}  // namespace cardea::mgmt::doctor
