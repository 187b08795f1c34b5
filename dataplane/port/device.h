// What stands behind a port's `device`: a PCI address or a DPDK virtual device's arguments, taken apart. Devices that
// sit on a Linux interface (af_packet, af_xdp) get the defaults that make them work for a load balancer; what the
// operator wrote wins. Pure: text in, values out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace cardea::dataplane {

struct Device {
  enum class Kind : uint8_t { kPci, kAfPacket, kAfXdp, kOther };

  Kind kind = Kind::kOther;
  std::string driver;                                          // "net_af_packet"; the full address for PCI
  std::string interface;                                       // the Linux interface under it; empty when there is none
  std::vector<std::pair<std::string, std::string>> arguments;  // as written, in order, without the driver

  bool on_host_interface() const { return kind == Kind::kAfPacket || kind == Kind::kAfXdp; }
};

// "0000:3b:00.0", "3b:00.0,mprq_en=1", "net_af_xdp,iface=eth1", "net_ring0". Refuses af_packet and af_xdp without
// `iface`.
Result<Device> parse_device(std::string_view text);

// "iface=eth1,qpairs=2".
std::string arguments_text(const std::vector<std::pair<std::string, std::string>>& arguments);
// What DPDK is told of a PCI device at its start, with what was written behind its address.
std::string allowed_pci(const Device& device);

// DPDK wants a number behind the driver's name, different for each device: the port's place in the plan.
std::string vdev_name(const Device& device, unsigned index);

struct VdevShape {
  uint32_t queues = 1;
  uint32_t mtu = 1500;
  bool busy = false;  // the workers never sleep
};

// The arguments behind the name, defaults filled in: "iface=eth1,start_queue=0,queue_count=4".
std::string vdev_arguments(const Device& device, const VdevShape& shape);

// Bytes of a frame in an af_packet device's rings, as written or by the MTU: a packet buffer has to hold one.
uint32_t af_packet_frame(const Device& device, uint32_t mtu);

}  // namespace cardea::dataplane
