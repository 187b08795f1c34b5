// Cutting the kernel's large frames, and finishing checksums.
#include "dataplane/door/segment.h"

#include "dataplane/wire/l4_checksum.h"

namespace cardea::dataplane {
namespace {

constexpr uint8_t kTcpPsh = 0x08, kTcpCwr = 0x80;

bool is_tcp_cut(const VirtioHeader& header) {
  const uint8_t type = header.type & uint8_t(~VirtioHeader::kEcn);
  return type == VirtioHeader::kTcpV4 || type == VirtioHeader::kTcpV6;
}

bool checksum_is_inside(const VirtioHeader& header, size_t frame) {
  if ((header.flags & VirtioHeader::kNeedsChecksum) == 0) return true;
  return size_t{header.checksum_start} + header.checksum_offset + 2 <= frame;
}

}  // namespace

std::optional<Segments> Segments::of(const VirtioHeader& header, Bytes frame, const wire::Frame& read,
                                     const FlowTuple& tuple) {
  Segments segments(header, frame, read, tuple);
  if (header.type == VirtioHeader::kWhole)
    return checksum_is_inside(header, frame.size()) ? std::optional(segments) : std::nullopt;
  const bool tcp = read.fault == wire::Fault::kNone && read.l4 != 0 && read.protocol == uint8_t(Protocol::kTcp);
  if (!is_tcp_cut(header) || !tcp || header.segment == 0) return std::nullopt;
  segments.headers_ = read.l4 + (uint32_t(frame[read.l4 + 12u]) >> 4) * 4;
  segments.frame_ = frame.first(uint32_t{read.l3} + read.l3_length);
  const auto payload = uint32_t(segments.frame_.size()) - segments.headers_;
  segments.count_ = payload == 0 ? 1 : (payload + header.segment - 1) / header.segment;
  return segments;
}

uint32_t Segments::size(uint32_t index) const {
  if (headers_ == 0) return uint32_t(frame_.size());
  const auto payload = uint32_t(frame_.size()) - headers_;
  return headers_ + (index + 1 < count_ ? header_.segment : payload - index * header_.segment);
}

void Segments::write(uint32_t index, std::byte* to) const {
  if (headers_ == 0) {
    std::memcpy(to, frame_.data(), frame_.size());
    finish_checksum(to);
    return;
  }
  const uint32_t whole = size(index);
  std::memcpy(to, frame_.data(), headers_);
  std::memcpy(to + headers_, frame_.data() + headers_ + size_t{index} * header_.segment, whole - headers_);
  write_ip(index, to + read_.l3, whole - read_.l3);
  write_tcp(index, to + read_.l4, whole - read_.l4);
}

// The field holds the pseudo header's sum; the sum over everything behind checksum_start finishes it.
void Segments::finish_checksum(std::byte* frame) const {
  if ((header_.flags & VirtioHeader::kNeedsChecksum) == 0) return;
  std::byte* start = frame + header_.checksum_start;
  const auto sum = uint16_t(~wire::fold(wire::sum_bytes(start, frame_.size() - header_.checksum_start)));
  store_native<uint16_t>(start + header_.checksum_offset, sum == 0 ? 0xffff : sum);
}

void Segments::write_ip(uint32_t index, std::byte* ip, uint32_t l3_length) const {
  if (read_.family == 6) return store_be16(ip + 4, uint16_t(l3_length - 40));
  store_be16(ip + 2, uint16_t(l3_length));
  store_be16(ip + 4, uint16_t(load_be16(ip + 4) + index));
  store_native<uint16_t>(ip + 10, 0);
  store_native(ip + 10, uint16_t(~wire::fold(wire::sum_bytes(ip, (size_t(ip[0]) & 0xf) * 4))));
}

void Segments::write_tcp(uint32_t index, std::byte* tcp, uint32_t size) const {
  store_be32(tcp + 4, load_be32(tcp + 4) + index * header_.segment);
  auto flags = uint8_t(tcp[13]);
  if (index + 1 < count_) flags &= uint8_t(~(wire::kTcpFin | kTcpPsh));  // the last one's
  if (index > 0) flags &= uint8_t(~kTcpCwr);                             // the first one's (RFC 3168 6.1.2)
  tcp[13] = std::byte(flags);
  store_native<uint16_t>(tcp + 16, 0);
  const uint64_t pseudo = wire::sum_pseudo_header(tuple_, read_.family, read_.protocol, size);
  store_native(tcp + 16, uint16_t(~wire::fold(wire::sum_bytes(tcp, size, pseudo))));
}

}  // namespace cardea::dataplane
