// A TCP segment of an IPv4 or IPv6 packet, read once: who reads a Segment need not look at the packet's bytes again,
// but for the payload, which lies in the packet. Whatever is not one whole TCP segment with right checksums is a fault
// with a name. Fragments are not put together here: the dataplane does that.
#pragma once

#include <expected>

#include "base/ip.h"
#include "l7/tcp/options.h"

namespace cardea::l7::tcp {

// One connection's four numbers, from this host's point of view. Ports in host order.
struct Tuple {
  IpAddress local, remote;
  uint16_t local_port = 0, remote_port = 0;

  bool operator==(const Tuple&) const = default;
};

// Whether a host can have it: no group, nobody's, no loopback off a wire (RFC 9293 3.9.2.3, RFC 1122 3.2.1.3).
bool may_be_peer(const IpAddress& address);

enum Flag : uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32, kEce = 64, kCwr = 128 };
enum class Ecn : uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };  // RFC 3168 5

struct Segment {
  Tuple tuple;
  Seq seq = 0, ack = 0;
  uint8_t flags = 0;
  Ecn ecn = Ecn::kNotEct;
  uint16_t window = 0;  // as it stands there: not scaled
  Options options;
  Bytes payload;

  bool has(uint8_t flag) const { return flags & flag; }
  // In sequence numbers (RFC 9293 3.4).
  uint32_t length() const { return uint32_t(payload.size()) + has(kSyn) + has(kFin); }
  Seq end() const { return seq + length(); }
};

enum class SegmentFault : uint8_t { kCut, kNotTcp, kFragment, kChecksum, kAddress };
// Whether a device has found the TCP checksum right already. IPv4's own is always looked at.
enum class Checksum : uint8_t { kUnknown, kGood };

std::expected<Segment, SegmentFault> read_segment(Bytes packet, Checksum checksum = Checksum::kUnknown);

// A segment to be written. The tuple is the sender's: `local` is the source.
struct Outgoing {
  Tuple tuple;
  Seq seq = 0, ack = 0;
  uint8_t flags = 0;
  Ecn ecn = Ecn::kNotEct;
  uint16_t window = 0;
  uint16_t ip_id = 0;
  Options options;
};

inline constexpr size_t kIpv4Header = 20, kIpv6Header = 40, kTcpHeader = 20;
inline constexpr size_t kHeadersMax = kIpv6Header + kTcpHeader + kOptionsMax;

// Bytes before the payload.
size_t headers_size(const Outgoing& segment);
// `packet` is headers_size() and the payload, which is already there; writes the headers and all checksums. IPv4 with
// "don't fragment" (RFC 1191), IPv6 without extension headers.
void write_headers(const Outgoing& segment, MutableBytes packet);

}  // namespace cardea::l7::tcp
