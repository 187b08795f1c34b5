// The keys and values of the program's maps (share.bpf.c), as both sides lay them out: C for the kernel's machine, C++
// for who fills them. Addresses are 16 bytes, IPv4 mapped, as in base/ip.h; what ends in _be stands as in the packet.
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
namespace cardea::dataplane::xdp {
#endif

struct Address {
  __u8 bytes[16];
};

// services: what is in it is taken. The value says nothing.
struct ServiceKey {
  struct Address address;
  __u16 port_be;
  __u8 protocol;
  __u8 zero;  // keys are compared byte by byte
};

enum AddressFlag {
  kServices = 1,  // services are on it: its fragments are taken
  kNat = 2,       // the NAT's: so are its fragments, and what comes to its ports
  kTunnels = 4,   // outer headers come from it: ICMP errors about them are taken
  kOwnTcp = 8,    // cardea-l7 dials from it: its fragments are taken, and TCP to some of its ports
};

// addresses: what holds whatever the port.
struct AddressUse {
  __u16 flags;
  __u16 nat_first, nat_last;  // host order
  __u16 own_first, own_last;  // the same
};

// port: one entry. Zeros, as the map is made, are nobody's link address, and nothing is taken.
struct PortLinkAddress {
  __u8 bytes[6];
  __u16 zero;
};

enum Reason {
#define CARDEA_XDP_REASON(name, help) k_##name,
#include "dataplane/xdp/reasons.def"
#undef CARDEA_XDP_REASON
  kReasons,
};

enum Limit {
  kServicesMax = 1 << 18,   // every address, port and protocol of every service
  kAddressesMax = 1 << 16,  // of services, the NAT and tunnels
  kQueuesMax = 64,          // port/port.cc takes no more
};

#ifdef __cplusplus
}  // namespace cardea::dataplane::xdp
#endif
