// What of a shared interface's frames is the dataplane's: a plan's share of them as a value, and the maps of the
// program that tells them apart in the kernel (share.bpf.c), kept in step with plans. Control thread only, but for what
// says otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "base/flow_hash.h"
#include "base/ip.h"
#include "dataplane/state/live_plan.h"
#include "dataplane/xdp/maps.h"

namespace cardea::dataplane::xdp {

struct TakenPort {
  IpAddress address;
  uint16_t port_be = 0;
  Protocol protocol = Protocol::kTcp;
  auto operator<=>(const TakenPort&) const = default;
};
struct TakenAddress {
  uint16_t flags = 0;                    // AddressFlag
  uint16_t nat_first = 0, nat_last = 0;  // where the NAT is on it
  uint16_t own_first = 0, own_last = 0;  // TCP, where cardea-l7 dials from it
  bool operator==(const TakenAddress&) const = default;
};
struct Share {
  std::set<TakenPort> ports;
  std::map<IpAddress, TakenAddress> addresses;
  bool operator==(const Share&) const = default;
};

// What layer 4 of this plan forwards, what is for its NAT addresses and what is said about its tunnels. Pure.
Share share_of(const LivePlan& plan);

// A sealed file with the program, for who loads programs by their file's name (DPDK's driver): "/proc/self/fd/N".
Result<FileDescriptor> program_file();

// The maps of one interface's program; they and what is in them stay as long as the program does.
class Filter {
 public:
  // Finds the maps of a loaded program. Needs CAP_SYS_ADMIN; what follows does not.
  static Result<Filter> of_program(int program);

  // Of the program that is on an interface: an Error when there is none, or not ours. Needs CAP_SYS_ADMIN too.
  static Result<Filter> of_interface(int interface_index);

  // Until then nothing is taken.
  Result<> set_link_address(const std::array<uint8_t, 6>& mac);

  // Takes what `wanted` has more than what is taken already: before a plan is adopted that has it. An Error when there
  // is no room for it: call keep_only() with what was there.
  Result<> add(const Share& wanted);
  // Gives back what `wanted` does not have: after a plan was adopted that does not.
  Result<> keep_only(const Share& wanted);

  // Whether a packet of this flow is taken for a service, as the program sees it now. By any thread.
  bool serves(const FlowTuple& tuple) const;

  // Frames by Reason since the program was loaded.
  Result<std::array<uint64_t, kReasons>> counts() const;

 private:
  Filter() = default;
  Result<> put(const TakenPort& port);
  Result<> put(const IpAddress& address, const TakenAddress& use);
  Result<> give_back_ports(const Share& wanted);
  Result<> give_back_addresses(const Share& wanted);

  FileDescriptor services_, addresses_, port_, counts_;
  Share taken_;
};

}  // namespace cardea::dataplane::xdp
