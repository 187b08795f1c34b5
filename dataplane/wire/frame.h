// One Ethernet frame's headers, checked once: where they stand, how long they are, and whether they make sense. Pure:
// bytes in, value out; whoever has a Frame without a fault may read every field it names without another bounds check.
// IPv4 with options; IPv6 with a bounded walk over extension headers (RFC 8200); TCP and UDP. A VLAN tag is
// recognised, and looked behind only by who asks for it.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/flow_hash.h"

namespace cardea::dataplane::wire {

enum class Fault : uint8_t {
  kNone,
  kNotIp,      // fine, but nothing more is known about it
  kVlan,       // the same
  kNotTcpUdp,  // IP header checked, payload of another protocol
  kTruncated,  // the frame ends before its headers, or before its IP length
  kIpHeader,   // version or lengths make no sense
  kExtension,  // IPv6 extension headers broken, too many, or with a route still to go
  kL4Header,   // TCP or UDP lengths make no sense, or a port is 0
};

enum FrameFlag : uint8_t {
  kFragment = 1,
  kDontFragment = 2,
  kQuote = 4,  // an ICMP error: the tuple is that of the packet it quotes, turned round (wire/quote.h)
};

struct Frame {
  Fault fault = Fault::kNone;
  uint8_t family = 0;      // 4, 6, or 0 when not IP
  uint8_t protocol = 0;    // of the payload: the last header's
  uint8_t tcp_flags = 0;   // 0 for UDP
  uint8_t flags = 0;       // FrameFlag
  uint8_t ttl = 0;         // or hop limit
  uint16_t l3 = 0;         // offset of the IP header
  uint16_t l4 = 0;         // offset of the TCP, UDP or quoting ICMP header; 0 in fragments but the first
  uint16_t l3_length = 0;  // the whole IP packet: header and payload, without the frame's padding
};

inline constexpr uint8_t kTcpFin = 0x01, kTcpSyn = 0x02, kTcpRst = 0x04, kTcpAck = 0x10;
inline constexpr uint16_t kEtherIpv4 = 0x0800, kEtherIpv6 = 0x86dd, kEtherVlan = 0x8100, kEtherQinq = 0x88a8;
inline constexpr uint16_t kEtherHeader = 14;
inline constexpr int kExtensionHeadersMax = 8;

inline constexpr uint16_t kVlanTag = 4;
inline constexpr uint32_t kVlanTagsMax = 2;

// Bytes of the VLAN tags between the link addresses and the EtherType; 0 when there are none, or more than two.
uint16_t vlan_tags(Bytes bytes);

// The same frame behind its VLAN tags: every offset counts from the start of `bytes`.
Frame read_behind_tags(Bytes bytes, FlowTuple& tuple);

// Reads the frame's headers and fills `tuple` as far as they are known (addresses when IP; ports when l4 != 0).
Frame read_frame(Bytes bytes, FlowTuple& tuple);

}  // namespace cardea::dataplane::wire
