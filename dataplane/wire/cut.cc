// Lengths, offsets and options of the pieces.
#include "dataplane/wire/cut.h"

#include <cstring>

#include "base/bytes.h"
#include "dataplane/wire/checksum.h"

namespace cardea::dataplane::wire {
namespace {

constexpr uint16_t kFragmentHeader = 8;
constexpr uint8_t kFragment = 44, kCopied = 0x80, kEndOfOptions = 0, kNoOption = 1;
constexpr uint16_t kMore = 0x2000, kOffset = 0x1fff;

// The header of the pieces behind the first: of the options only those that say they go with each (RFC 791 3.1). `to`
// may be null. Returns its length. Options that make no sense end the list.
uint16_t later_header(const std::byte* ip, uint16_t header, std::byte* to) {
  uint16_t size = 20;
  if (to != nullptr) std::memcpy(to, ip, 20);
  for (uint16_t at = 20; at < header && uint8_t(ip[at]) != kEndOfOptions;) {
    if (uint8_t(ip[at]) == kNoOption) {
      ++at;
      continue;
    }
    const auto length = at + 1 < header ? uint8_t(ip[at + 1]) : uint8_t{0};
    if (length < 2 || at + length > header) break;
    if (uint8_t(ip[at]) & kCopied) {
      if (to != nullptr) std::memcpy(to + size, ip + at, length);
      size = uint16_t(size + length);
    }
    at = uint16_t(at + length);
  }
  const auto padded = uint16_t((size + 3) & ~3);
  if (to != nullptr) std::memset(to + size, kEndOfOptions, padded - size);
  return padded;
}

}  // namespace

Cut::Cut(const std::byte* ip, uint8_t family, uint16_t length, uint16_t mtu, uint32_t id)
    : ip_(ip), family_(family), length_(length), id_(id) {
  own_header_ = family == 4 ? uint16_t((uint16_t(ip[0]) & 0xf) * 4) : uint16_t{40};
  header_ = family == 4 ? own_header_ : uint16_t(own_header_ + kFragmentHeader);
  later_header_ = family == 4 ? later_header(ip, own_header_, nullptr) : header_;
  if (mtu < header_ + 8) return;
  step_ = uint16_t((mtu - header_) & ~7);
  count_ = (uint32_t{length} - own_header_ + step_ - 1) / step_;
}

uint16_t Cut::payload_of(uint32_t index) const {
  const uint32_t left = uint32_t{length_} - own_header_ - index * step_;
  return uint16_t(left < step_ ? left : step_);
}

uint16_t Cut::size(uint32_t index) const {
  return uint16_t(header_of(index) + payload_of(index));
}

void Cut::write(uint32_t index, std::byte* to) const {
  family_ == 4 ? write_v4(index, to) : write_v6(index, to);
  std::memcpy(to + header_of(index), ip_ + own_header_ + size_t{index} * step_, payload_of(index));
}

void Cut::write_v4(uint32_t index, std::byte* to) const {
  const uint16_t header = header_of(index);
  if (index == 0)
    std::memcpy(to, ip_, header);
  else
    later_header(ip_, own_header_, to);
  to[0] = std::byte(0x40 | header / 4);
  store_be16(to + 2, size(index));
  const uint16_t field = load_be16(ip_ + 6);
  const bool more = index + 1 < count_ || field & kMore;
  const auto offset = uint16_t((field & kOffset) + index * step_ / 8);
  store_be16(to + 6, uint16_t(offset | (more ? kMore : 0)));
  store_native<uint16_t>(to + 10, 0);
  store_native(to + 10, uint16_t(~fold(sum_bytes(to, header))));
}

void Cut::write_v6(uint32_t index, std::byte* to) const {
  std::memcpy(to, ip_, 40);
  store_be16(to + 4, uint16_t(size(index) - 40));
  to[6] = std::byte{kFragment};
  to[40] = ip_[6], to[41] = std::byte{0};
  store_be16(to + 42, uint16_t(index * step_ | (index + 1 < count_ ? 1 : 0)));
  store_be32(to + 44, id_);
}

}  // namespace cardea::dataplane::wire
