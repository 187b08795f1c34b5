// A Linux interface that is handed to the dataplane (af_packet, af_xdp devices). The kernel still sees its packets, so
// it is told to keep quiet: no ARP, no IPv6, strict reverse path filter, and no offloads that would hand over
// half-finished packets. One that is shared with the kernel keeps nearly all of its settings. All of it in the
// process's own network namespace.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"

namespace cardea::dataplane {

struct HostInterface {
  int index = 0;
  uint32_t mtu = 0;
  std::array<uint8_t, 6> mac{};
  uint32_t queues = 1;           // receive queues that the kernel fills
  uint32_t combined_queues = 1;  // of these, those that transmit as well; a single one counts as such
  bool spreads_flows = false;    // its receive queues are chosen by a flow hash of the NIC's
};

Result<HostInterface> read_host_interface(const std::string& name);

// Up, promiscuous, silent, MTU at least `mtu`, and without an XDP program left by a process that was killed.
Result<> prepare_host_interface(const std::string& name, uint32_t mtu);

// What is changed of an interface that stays the kernel's: its tags have to stand in the frames, and an address that we
// take off must not take with it those of its network that others set after it.
struct RaisedMtu {
  uint32_t from = 0, to = 0;
};
struct SharedBefore {
  std::optional<uint32_t> flags;   // ethtool's; nothing when none were changed
  bool loses_secondaries = false;  // it did (net.ipv4.conf.IF.promote_secondaries)
  std::optional<RaisedMtu> mtu;    // where it was less than the port's
};
// Up, with VLAN tags where they came in the frame, MTU at least `mtu`, no longer silent and without offloads if a port
// that was not shared left it so. Link address and promiscuity are as they are. An XDP program that is there stays.
Result<SharedBefore> share_host_interface(const std::string& name, uint32_t mtu);
void give_back_host_interface(const std::string& name, const SharedBefore& before);

// It is up and its cable carries.
bool has_link(const std::string& name);

Result<> detach_xdp(int interface_index);

}  // namespace cardea::dataplane
