#include "mgmt/doctor/facts.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "mgmt/host.h"

namespace cardea::mgmt::doctor {
namespace {

const std::string kPci = "/sys/bus/pci/devices/", kCpus = "/sys/devices/system/cpu/", kNet = "/sys/class/net/";

std::optional<uint64_t> number_of(std::string_view text, int base = 10) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return number;
}

// The number behind `prefix`, where the name is nothing but the two.
std::optional<uint64_t> numbered(const std::string& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto number = number_of(std::string_view(name).substr(prefix.size()));
  return number && name == std::string(prefix) + std::to_string(*number) ? number : std::nullopt;
}

}  // namespace

std::string Facts::line(const std::string& path) const {
  std::string text;
  std::ifstream file(root_ + path);
  std::getline(file, text);
  return text;
}

uint64_t Facts::number(const std::string& path) const {
  return number_of(line(path)).value_or(0);
}

std::string Facts::target(const std::string& link) const {
  std::error_code none;
  return std::filesystem::read_symlink(root_ + link, none).filename().string();
}

std::vector<std::string> Facts::names_in(const std::string& folder) const {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(root_ + folder, none))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

// ---- the host

HostFacts Facts::host() const {
  HostFacts host{.huge_pages = huge_pages(),
                 .has_iommu = !names_in("/sys/kernel/iommu_groups").empty(),
                 .isolated = cpus_of_list(line(kCpus + "isolated")).value_or(std::vector<uint16_t>{}),
                 .node_of_cpu = {},
                 .governors = {},
                 .interrupts = interrupts()};
  for (const uint16_t cpu : cpus_of_list(line(kCpus + "online")).value_or(std::vector<uint16_t>{})) {
    const std::string folder = kCpus + "cpu" + std::to_string(cpu);
    host.node_of_cpu[cpu] = 0;
    for (const std::string& name : names_in(folder))
      if (const auto node = numbered(name, "node")) host.node_of_cpu[cpu] = int(*node);
    if (const std::string governor = line(folder + "/cpufreq/scaling_governor"); !governor.empty())
      host.governors[cpu] = governor;
  }
  return host;
}

std::vector<HugePages> Facts::huge_pages() const {
  std::vector<HugePages> found;
  const std::string nodes = "/sys/devices/system/node/";
  for (const std::string& node : names_in(nodes)) {
    const auto number_of_node = numbered(node, "node");
    if (!number_of_node) continue;
    for (const std::string& size : names_in(nodes + node + "/hugepages")) {
      const std::string folder = nodes + node + "/hugepages/" + size;
      const auto kilobytes = number_of(std::string_view(size).substr(std::min(size.size(), size.find('-') + 1)));
      if (!kilobytes) continue;
      found.push_back({.page_bytes = *kilobytes * 1024,
                       .total = number(folder + "/nr_hugepages"),
                       .free = number(folder + "/free_hugepages"),
                       .node = int(*number_of_node)});
    }
  }
  return found;
}

// Those that can go to one CPU only: wherever else they went, they would not be in a worker's way.
std::map<uint16_t, std::vector<std::string>> Facts::interrupts() const {
  std::map<uint16_t, std::vector<std::string>> by_cpu;
  for (const std::string& irq : names_in("/proc/irq")) {
    const std::string folder = "/proc/irq/" + irq;
    const auto cpus = cpus_of_list(line(folder + "/effective_affinity_list"));
    if (!cpus || cpus->size() != 1) continue;
    for (const std::string& owner : names_in(folder))
      if (std::filesystem::is_directory(root_ + folder + "/" + owner)) by_cpu[cpus->front()].push_back(owner);
  }
  return by_cpu;
}

// ---- devices

std::optional<std::string> interface_of_device(const std::string& device) {
  const size_t at = device.find("iface=");
  if (at == device.npos) return std::nullopt;
  const size_t begin = at + 6;
  return device.substr(begin, device.find(',', begin) - begin);
}

std::vector<std::string> Facts::network_cards() const {
  std::vector<std::string> cards = names_in(kPci);
  std::erase_if(cards,
                [&](const std::string& address) { return !line(kPci + address + "/class").starts_with("0x02"); });
  return cards;
}

std::vector<std::string> Facts::others_of_group(const std::string& address) const {
  std::vector<std::string> in_use;
  for (const std::string& other : names_in(kPci + address + "/iommu_group/devices")) {
    const std::string driver = target(kPci + other + "/driver");
    // A bridge passes its group's traffic on and may keep its driver (Linux's vfio documentation).
    const bool is_bridge = line(kPci + other + "/class").starts_with("0x0604");
    if (other != address && !driver.empty() && driver != "vfio-pci" && driver != "pci-stub" && !is_bridge)
      in_use.push_back(other + " (" + driver + ")");
  }
  return in_use;
}

std::optional<PciFacts> Facts::pci(const std::string& address) const {
  const std::string folder = kPci + address;
  if (line(folder + "/class").empty()) return std::nullopt;
  PciFacts card{.address = address, .driver = target(folder + "/driver")};
  if (const std::string node = line(folder + "/numa_node"); !node.empty()) card.node = std::atoi(node.c_str());
  if (const std::string group = target(folder + "/iommu_group"); !group.empty()) card.iommu_group = group;
  card.group_in_use = others_of_group(address);
  card.link_gts = std::atof(line(folder + "/current_link_speed").c_str());
  card.link_gts_max = std::atof(line(folder + "/max_link_speed").c_str());
  card.link_lanes = uint32_t(number(folder + "/current_link_width"));
  card.link_lanes_max = uint32_t(number(folder + "/max_link_width"));
  card.may_sleep = line(folder + "/power/control") == "auto";
  return card;
}

// Of the main table; what else leads here cardea-host-setup finds, which refuses to take such a card.
bool Facts::has_default_route(const std::string& interface) const {
  std::ifstream v4(root_ + "/proc/net/route"), v6(root_ + "/proc/net/ipv6_route");
  const std::string all_v6 = std::string(32, '0') + " 00 ";
  for (std::string row; std::getline(v4, row);)
    if (row.starts_with(interface + "\t00000000\t")) return true;
  for (std::string row; std::getline(v6, row);)
    if (row.starts_with(all_v6) && row.ends_with(" " + interface)) return true;
  return false;
}

std::optional<InterfaceFacts> Facts::interface(const std::string& name) const {
  const std::string folder = kNet + name;
  if (line(folder + "/mtu").empty()) return std::nullopt;
  const std::string flags = line(folder + "/flags");  // "0x1003"
  const auto queues = names_in(folder + "/queues");
  return InterfaceFacts{
      .name = name,
      .is_up = (number_of(std::string_view(flags).substr(std::min<size_t>(2, flags.size())), 16).value_or(0) & 1) != 0,
      .has_carrier = line(folder + "/carrier") == "1",
      .has_default_route = has_default_route(name),
      .mtu = uint32_t(number(folder + "/mtu")),
      .receive_queues =
          uint32_t(std::ranges::count_if(queues, [](const std::string& queue) { return queue.starts_with("rx-"); })),
      .speed_mbits = uint32_t(number(folder + "/speed"))};
}

// The nearest PCI function above it: a virtio interface hangs on a device of its own below its card.
std::string Facts::card_of(const std::string& interface) const {
  std::error_code none;
  auto at = std::filesystem::canonical(root_ + kNet + interface + "/device", none);
  while (at.has_relative_path() && line(kPci + at.filename().string() + "/class").empty()) at = at.parent_path();
  return at.filename().string();
}

DeviceFacts Facts::device(const std::string& port, const std::string& device) const {
  DeviceFacts facts{.port = port, .device = device};
  if (const auto name = interface_of_device(device)) {
    facts.kind = DeviceKind::kInterface;
    facts.interface = interface(*name);
    facts.pci = pci(card_of(*name));
  } else if (!device.starts_with("net_")) {
    facts.kind = DeviceKind::kPci;
    const std::string address = device.substr(0, device.find(','));
    facts.pci = pci(address);
    for (const std::string& other : names_in(kNet))
      if (facts.pci && card_of(other) == address) facts.interface = interface(other);
  }
  return facts;
}

}  // namespace cardea::mgmt::doctor
