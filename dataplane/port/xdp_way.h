// How packets get from an interface to an af_xdp port: DPDK's driver takes what it can get, and what that costs differs
// by a factor of ten.
#pragma once

#include <cstdint>
#include <string_view>

namespace cardea::dataplane {

enum class XdpWay : uint8_t {
  kNone,      // no program, or no port of this kind
  kZeroCopy,  // the card writes into our buffers
  kCopy,      // the card's driver runs the program, and the kernel copies
  kGeneric,   // the kernel makes a packet of its own of each frame first: the card's driver knows no XDP
};

// Of an interface with a program on it, and one of the port's sockets.
XdpWay xdp_way(int interface_index, int socket);

std::string_view name(XdpWay way);  // "zero-copy", "copy", "generic"; nothing of kNone

}  // namespace cardea::dataplane
