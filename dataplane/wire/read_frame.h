// Reading a frame's headers: each length is compared with what is left before anything behind it is touched. Bodies
// stand in a header because `parse` reads every packet with them, and a call for each header costs more than the
// reading.
#pragma once

#include "dataplane/wire/frame.h"
#include "dataplane/wire/mapped_address.h"

namespace cardea::dataplane::wire {
namespace frame_detail {

inline constexpr uint8_t kTcp = 6, kUdp = 17;
inline constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragmentHeader = 44, kDestinationOptions = 60,
                         kAuthentication = 51;

inline Frame& refuse(Frame& frame, Fault fault) {
  frame.fault = fault;
  return frame;
}

// Ports and the payload header's own lengths. `end` is one past the IP packet.
inline __attribute__((always_inline)) Frame& read_l4(Frame& frame, const std::byte* base, uint32_t at, uint32_t end,
                                                     FlowTuple& tuple) {
  const std::byte* header = base + at;
  if (frame.protocol == kTcp) {
    if (end - at < 20) return refuse(frame, Fault::kL4Header);
    const uint32_t length = (uint32_t(header[12]) >> 4) * 4;
    if (length < 20 || length > end - at) return refuse(frame, Fault::kL4Header);
    frame.tcp_flags = uint8_t(header[13]);
  } else {
    if (end - at < 8) return refuse(frame, Fault::kL4Header);
    const uint16_t length = load_be16(header + 4);
    const bool first_fragment = frame.flags & kFragment;
    if (length < 8 || (length > end - at && !first_fragment)) return refuse(frame, Fault::kL4Header);
  }
  tuple.source_port_be = load_native<uint16_t>(header);
  tuple.destination_port_be = load_native<uint16_t>(header + 2);
  tuple.protocol = Protocol(frame.protocol);
  if (tuple.source_port_be == 0 || tuple.destination_port_be == 0) return refuse(frame, Fault::kL4Header);
  frame.l4 = uint16_t(at);
  return frame;
}

inline __attribute__((always_inline)) Frame& read_ipv4(Frame& frame, Bytes bytes, FlowTuple& tuple) {
  const uint32_t left = uint32_t(bytes.size()) - frame.l3;
  if (left < 20) return refuse(frame, Fault::kTruncated);
  const std::byte* ip = bytes.data() + frame.l3;
  const uint32_t header = (uint32_t(ip[0]) & 0xf) * 4;
  const uint32_t total = load_be16(ip + 2);
  if (uint32_t(ip[0]) >> 4 != 4 || header < 20 || total < header) return refuse(frame, Fault::kIpHeader);
  if (total > left) return refuse(frame, Fault::kTruncated);
  frame.family = 4;
  frame.l3_length = uint16_t(total);
  frame.protocol = uint8_t(ip[9]);
  frame.ttl = uint8_t(ip[8]);
  const uint16_t fragment = load_be16(ip + 6);
  if (fragment & 0x4000) frame.flags |= kDontFragment;
  if (fragment & 0x3fff) frame.flags |= kFragment;
  set_v4(tuple.source, ip + 12);
  set_v4(tuple.destination, ip + 16);
  if (frame.protocol != kTcp && frame.protocol != kUdp) return refuse(frame, Fault::kNotTcpUdp);
  if (fragment & 0x1fff) return frame;
  return read_l4(frame, bytes.data(), frame.l3 + header, frame.l3 + total, tuple);
}

inline __attribute__((always_inline)) Frame& read_ipv6(Frame& frame, Bytes bytes, FlowTuple& tuple) {
  const uint32_t left = uint32_t(bytes.size()) - frame.l3;
  if (left < 40) return refuse(frame, Fault::kTruncated);
  const std::byte* ip = bytes.data() + frame.l3;
  const uint32_t total = 40u + load_be16(ip + 4);
  if (uint32_t(ip[0]) >> 4 != 6 || total > 0xffff) return refuse(frame, Fault::kIpHeader);
  if (total > left) return refuse(frame, Fault::kTruncated);
  frame.family = 6;
  frame.l3_length = uint16_t(total);
  frame.ttl = uint8_t(ip[7]);
  set_v6(tuple.source, ip + 8);
  set_v6(tuple.destination, ip + 24);
  uint8_t next = uint8_t(ip[6]);
  uint32_t at = frame.l3 + 40u;
  const uint32_t end = frame.l3 + total;
  for (int walked = 0;; ++walked) {
    frame.protocol = next;
    if (next == kTcp || next == kUdp) return read_l4(frame, bytes.data(), at, end, tuple);
    const bool extension = next == kHopByHop || next == kRouting || next == kDestinationOptions ||
                           next == kFragmentHeader || next == kAuthentication;
    if (!extension) return refuse(frame, Fault::kNotTcpUdp);
    if (walked == kExtensionHeadersMax || end - at < 8) return refuse(frame, Fault::kExtension);
    const std::byte* header = bytes.data() + at;
    const uint32_t units = uint32_t(header[1]);
    const uint32_t length = next == kFragmentHeader ? 8 : next == kAuthentication ? (units + 2) * 4 : (units + 1) * 8;
    if (length > end - at) return refuse(frame, Fault::kExtension);
    // Places still to be visited: the destination and the checksum are another's (RFC 8200 4.4; type 0: RFC 5095).
    if (next == kRouting && header[3] != std::byte{0}) return refuse(frame, Fault::kExtension);
    if (next == kFragmentHeader) {
      const uint16_t offset_and_more = load_be16(header + 2) & 0xfff9;
      if (offset_and_more != 0) frame.flags |= kFragment;
      if (offset_and_more & 0xfff8) {
        frame.protocol = uint8_t(header[0]);
        return frame.protocol == kTcp || frame.protocol == kUdp ? frame : refuse(frame, Fault::kNotTcpUdp);
      }
    }
    next = uint8_t(header[0]);
    at += length;
  }
}

}  // namespace frame_detail

// Writes each field where it stays: a frame put together elsewhere and copied would wait for its own narrow stores.
inline __attribute__((always_inline)) const Frame& read_frame_into(Frame& frame, Bytes bytes, FlowTuple& tuple) {
  using namespace frame_detail;
  frame = Frame{};
  if (bytes.size() < kEtherHeader) return refuse(frame, Fault::kTruncated);
  frame.l3 = kEtherHeader;
  const uint16_t type = load_be16(bytes.data() + 12);
  if (type == kEtherIpv4) [[likely]]
    return read_ipv4(frame, bytes, tuple);
  if (type == kEtherIpv6) return read_ipv6(frame, bytes, tuple);
  return refuse(frame, type == kEtherVlan || type == kEtherQinq ? Fault::kVlan : Fault::kNotIp);
}

}  // namespace cardea::dataplane::wire
