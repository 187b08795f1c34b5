// A DPDK port, opened and started: what it can do, which kernel file descriptors tell that it has packets, and how to
// close it. Everything that differs between a 100G NIC, af_xdp on any Linux NIC and af_packet on a veth is decided
// here.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "dataplane/port/device.h"
#include "dataplane/port/host_interface.h"
#include "dataplane/port/numa.h"
#include "dataplane/port/xdp_way.h"
#include "dataplane/state/steering.h"

struct rte_mempool;

namespace cardea::dataplane {

// How a worker that sleeps learns that a queue has packets.
enum class Wake : uint8_t {
  kDescriptor,  // the queue's own socket becomes readable
  kInterrupt,   // rte_eth_dev_rx_intr_enable
  kNap,         // it cannot tell: look again after a nap
};

// What its driver said became of a device.
enum class Fate : uint8_t { kThere, kReset, kRemoved };

struct Port {
  uint16_t index = 0;  // in the plan
  uint16_t id = 0;     // DPDK's
  std::string name, device_text;
  Device device;
  std::array<uint8_t, 6> mac{};
  uint16_t mtu = 1500;
  uint16_t queues = 1;         // receive and transmit, each
  bool spreads_flows = false;  // a flow always comes to the same queue, and there is one for each worker
  bool gathers = false;        // a send is a system call: worth waiting a moment for more (gather.h)
  Steering steering;           // of its flows, where it spreads them and tells how (port/rss.h)
  Wake wake = Wake::kNap;
  std::vector<int> queue_fds;  // by queue, for Wake::kDescriptor; owned by the driver
  int interface_index = 0;     // of the Linux interface under it, or 0
  bool shared = false;         // with the kernel
  XdpWay way = XdpWay::kNone;  // that its packets come, on an af_xdp port
  SharedBefore before;         // what that changed of it, to be given back
  std::shared_ptr<std::atomic<Fate>> fate = std::make_shared<std::atomic<Fate>>(Fate::kThere);
};

struct PortRequest {
  uint16_t index = 0;
  std::string name, device;
  uint16_t mtu = 1500;
  uint16_t workers = 1;
  bool busy = false;
  bool one_pool = true;  // all packets that it will send are of the pool that it receives into
  // Set: its interface stays the kernel's (af_xdp alone), and this fills the maps of the program that tells what is the
  // port's (xdp/filter.h), before a frame comes to it.
  std::function<Result<>(int program)> share;
};

// What the port will take from the packet pool, and the queues it will have; known before DPDK is started.
struct PortNeeds {
  uint32_t buffers = 0;
  uint32_t frame = 0;  // bytes that each of them has to hold, headroom aside
  uint16_t queues = 1;
  int socket = kAnySocket;  // that its device is attached to
};
Result<PortNeeds> port_needs(const PortRequest& request);

Result<Port> open_port(const PortRequest& request, rte_mempool* pool);

enum class PortState : uint8_t {
  kUp,
  kDown,      // no link, or the Linux interface under it was taken away and may come back
  kReplaced,  // the device is another one, or has reset itself: only a new start opens it
  kRemoved,   // the card was pulled out of the host, or the function out of the guest: the same, once it is back
};
PortState state_of(const Port& port);

// Packets that the queues' sockets had no room for since the start, which the drivers do not tell of; `so_far` is what
// the last call said. 0 for devices without sockets.
uint64_t socket_drops(const Port& port, uint64_t so_far);
// Stops it and takes what it left on the Linux interface away: the XDP program, and what sharing it changed.
void close_port(const Port& port);

inline constexpr uint16_t kDescriptors = 1024, kXdpDescriptors = 2048;

}  // namespace cardea::dataplane
