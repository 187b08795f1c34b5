// What the kernel's own files tell of a host and of the devices its ports name, as values. Nothing is judged here
// (examine.h does that), nothing is changed, and what a file does not say is left at its default.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cardea::mgmt::doctor {

struct HugePages {
  uint64_t page_bytes = 0, total = 0, free = 0;
  int node = 0;
};

struct HostFacts {
  std::vector<HugePages> huge_pages;  // of each size on each node
  bool has_iommu = false;
  std::vector<uint16_t> isolated;                           // CPUs that the scheduler leaves alone (isolcpus=)
  std::map<uint16_t, int> node_of_cpu;                      // CPUs there are
  std::map<uint16_t, std::string> governors;                // of CPUs whose frequency is governed
  std::map<uint16_t, std::vector<std::string>> interrupts;  // by the one CPU that they go to: whose they are
};

enum class DeviceKind : uint8_t { kPci, kInterface, kOther };

// One of a card's functions, as PCI knows it.
struct PciFacts {
  std::string address, driver;  // no driver: empty
  int node = -1;                // -1: the host has no nodes, or does not say
  std::optional<std::string> iommu_group;
  std::vector<std::string> group_in_use;  // others of its group that a kernel driver has
  double link_gts = 0, link_gts_max = 0;  // GT/s a lane; 0: not told
  uint32_t link_lanes = 0, link_lanes_max = 0;
  bool may_sleep = false;  // runtime power management is on
};

struct InterfaceFacts {
  std::string name;
  bool is_up = false, has_carrier = false;
  bool has_default_route = false;
  uint32_t mtu = 0, receive_queues = 0, speed_mbits = 0;  // speed 0: not told
};

struct DeviceFacts {
  std::string port, device;  // as configured
  DeviceKind kind = DeviceKind::kOther;
  std::optional<PciFacts> pci;              // also of an interface on a card; none: there is no such device
  std::optional<InterfaceFacts> interface;  // also of a card that the kernel drives; none: there is no such interface
};

class Facts {
 public:
  // `root`: "" on a host, a folder in tests.
  explicit Facts(std::string root) : root_(std::move(root)) {}

  HostFacts host() const;
  DeviceFacts device(const std::string& port, const std::string& device) const;
  std::vector<std::string> network_cards() const;  // PCI addresses

 private:
  std::vector<HugePages> huge_pages() const;
  std::map<uint16_t, std::vector<std::string>> interrupts() const;
  std::optional<PciFacts> pci(const std::string& address) const;
  std::vector<std::string> others_of_group(const std::string& address) const;
  std::string card_of(const std::string& interface) const;
  bool has_default_route(const std::string& interface) const;
  std::optional<InterfaceFacts> interface(const std::string& name) const;

  std::string line(const std::string& path) const;    // the file's first line; empty when there is none
  uint64_t number(const std::string& path) const;     // 0 when there is none
  std::string target(const std::string& link) const;  // the last part of where a link leads
  std::vector<std::string> names_in(const std::string& folder) const;  // sorted

  std::string root_;
};

// "net_af_xdp,iface=eth1" → "eth1"; nothing where no interface is named.
std::optional<std::string> interface_of_device(const std::string& device);

}  // namespace cardea::mgmt::doctor
