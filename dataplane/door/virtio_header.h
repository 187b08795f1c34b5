// What stands before each frame on a TAP with offloads: the virtio_net_hdr of VIRTIO 1.1, 5.1.6 (linux/virtio_net.h has
// it, but no C++ compiler reads that file). In the host's byte order.
#pragma once

#include <cstdint>

namespace cardea::dataplane {

struct VirtioHeader {
  static constexpr uint8_t kNeedsChecksum = 1;                               // flags
  static constexpr uint8_t kWhole = 0, kTcpV4 = 1, kTcpV6 = 4, kEcn = 0x80;  // type

  uint8_t flags = 0;
  uint8_t type = kWhole;
  uint16_t headers = 0;          // bytes of Ethernet, IP and TCP
  uint16_t segment = 0;          // bytes of payload behind them in each packet that is cut off
  uint16_t checksum_start = 0;   // sum from here to the end
  uint16_t checksum_offset = 0;  // and put it there, counted from the start
};
static_assert(sizeof(VirtioHeader) == 10);

}  // namespace cardea::dataplane
