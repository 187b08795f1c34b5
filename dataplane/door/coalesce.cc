// Which frames belong together, and the headers of the one they become. The conditions are those of the kernel's own
// GRO (net/ipv4/tcp_offload.c): everything equal but length, checksum, identification, sequence and PSH.
#include "dataplane/door/coalesce.h"

#include "dataplane/wire/l4_checksum.h"

namespace cardea::dataplane {
namespace {

constexpr uint8_t kTcpPsh = 0x08;
constexpr uint32_t kL3Max = 65535;

bool same(const std::byte* a, const std::byte* b, size_t size) {
  return std::memcmp(a, b, size) == 0;
}

bool same_ip(const std::byte* a, const std::byte* b, uint8_t family) {
  // IPv4: version and type of service, flags and offset to protocol, addresses. IPv6: class and label, next header and
  // hop limit, addresses.
  if (family == 4) return same(a, b, 2) && same(a + 6, b + 6, 4) && same(a + 12, b + 12, 8);
  return same(a, b, 4) && same(a + 6, b + 6, 34);
}

// Ports, acknowledged sequence, header length, flags but PSH, window, options.
bool same_tcp(const std::byte* a, const std::byte* b, uint32_t header) {
  const auto flags = [](const std::byte* tcp) { return uint8_t(uint8_t(tcp[13]) & ~kTcpPsh); };
  return same(a, b, 4) && same(a + 8, b + 8, 5) && flags(a) == flags(b) && same(a + 14, b + 14, 2) &&
         same(a + 20, b + 20, header - 20);
}

}  // namespace

Coalescer::Segment Coalescer::read(MutableBytes frame) {
  Segment segment{.frame = frame};
  segment.read = wire::read_frame(frame, segment.tuple);
  const wire::Frame& f = segment.read;
  if (f.fault != wire::Fault::kNone || f.protocol != uint8_t(Protocol::kTcp) || f.flags & wire::kFragment)
    return segment;
  if (f.l4 - f.l3 != (f.family == 4 ? 20 : 40)) return segment;  // options, extension headers
  if ((f.tcp_flags & uint8_t(~kTcpPsh)) != wire::kTcpAck) return segment;
  segment.payload_at = f.l4 + (uint32_t(frame[f.l4 + 12u]) >> 4) * 4;
  segment.payload = uint32_t{f.l3} + f.l3_length - segment.payload_at;
  return segment;
}

bool Coalescer::sum_right(const Segment& segment) const {
  const std::byte* ip = segment.frame.data() + segment.read.l3;
  if (segment.read.family == 4 && wire::fold(wire::sum_plain_ipv4_header(ip)) != 0xffff) return false;
  return wire::l4_sum_right(segment.read, segment.tuple, segment.frame.data());
}

bool Coalescer::follows(const Segment& next) const {
  const Segment& first = first_;
  if (!open_ || next.payload == 0 || next.payload > first.payload) return false;
  if (next.read.family != first.read.family || next.payload_at != first.payload_at) return false;
  const std::byte *a = first.frame.data(), *b = next.frame.data();
  const uint32_t l3 = first.read.l3, l4 = first.read.l4;
  if (first.payload_at - l3 + bytes_ + next.payload > kL3Max) return false;
  return load_be32(b + l4 + 4) == load_be32(a + l4 + 4) + bytes_ && same(a, b, l3) &&
         same_ip(a + l3, b + l3, first.read.family) && same_tcp(a + l4, b + l4, first.payload_at - l4);
}

bool Coalescer::add(MutableBytes frame) {
  Segment segment = read(frame);
  if (count_ == 0) {
    header_ = {};
    first_ = segment;
    first_sum_right_ = false;
    bytes_ = segment.payload;
    open_ = segment.payload > 0 && (segment.read.tcp_flags & kTcpPsh) == 0;
    pieces_[1] = {frame.data(), frame.size()};
    count_ = 1;
    return true;
  }
  if (count_ == kFramesMax || !follows(segment) || !sum_right(segment)) return false;
  if (!first_sum_right_ && !(first_sum_right_ = sum_right(first_))) return open_ = false;
  pieces_[++count_] = {frame.data() + segment.payload_at, segment.payload};
  bytes_ += segment.payload;
  if (segment.read.tcp_flags & kTcpPsh) first_.frame[first_.read.l4 + 13u] |= std::byte{kTcpPsh};
  open_ = segment.payload == first_.payload && (segment.read.tcp_flags & kTcpPsh) == 0;  // a short one is the last
  return true;
}

void Coalescer::write_headers() {
  const wire::Frame& f = first_.read;
  std::byte *ip = first_.frame.data() + f.l3, *tcp = first_.frame.data() + f.l4;
  const uint32_t l3_length = first_.payload_at - f.l3 + bytes_, l4_length = l3_length - uint32_t(f.l4 - f.l3);
  if (f.family == 4) {
    store_be16(ip + 2, uint16_t(l3_length));
    store_native<uint16_t>(ip + 10, 0);
    store_native(ip + 10, uint16_t(~wire::fold(wire::sum_plain_ipv4_header(ip))));
  } else {
    store_be16(ip + 4, uint16_t(l4_length));
  }
  store_native(tcp + 16, wire::fold(wire::sum_pseudo_header(first_.tuple, f.family, f.protocol, l4_length)));
  header_.flags = VirtioHeader::kNeedsChecksum;
  header_.type = f.family == 4 ? VirtioHeader::kTcpV4 : VirtioHeader::kTcpV6;
  header_.segment = uint16_t(first_.payload);
  header_.headers = uint16_t(first_.payload_at);
  header_.checksum_start = f.l4;
  header_.checksum_offset = 16;
}

std::span<const iovec> Coalescer::finish() {
  if (count_ == 0) return {};
  if (count_ > 1) {
    pieces_[1].iov_len = first_.payload_at + first_.payload;  // without the padding of a short frame
    write_headers();
  }
  pieces_[0] = {&header_, sizeof header_};
  return {pieces_.data(), std::exchange(count_, 0) + 1u};
}

}  // namespace cardea::dataplane
