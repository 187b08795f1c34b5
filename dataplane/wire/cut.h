// Cutting an IP packet into fragments: one of IPv4 as any router may (RFC 791 3.2), one of IPv6 as its source may
// (RFC 8200 4.5), whose first header the fragment header follows. Pure: bytes in, bytes out.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cardea::dataplane::wire {

class Cut {
 public:
  // `ip`: a whole packet of `length` bytes with a sound header, for IPv6 one without extension headers, which outlives
  // the object. `id` names the datagram where its header does not (IPv6). A fragment may be cut again.
  Cut(const std::byte* ip, uint8_t family, uint16_t length, uint16_t mtu, uint32_t id);

  uint32_t count() const { return count_; }  // 0: not even eight bytes of it fit
  uint16_t size(uint32_t index) const;
  void write(uint32_t index, std::byte* to) const;  // size(index) bytes, sums and lengths right

 private:
  uint16_t header_of(uint32_t index) const { return index == 0 ? header_ : later_header_; }
  uint16_t payload_of(uint32_t index) const;
  void write_v4(uint32_t index, std::byte* to) const;
  void write_v6(uint32_t index, std::byte* to) const;

  const std::byte* ip_;
  uint8_t family_;
  uint16_t length_;
  uint32_t id_;
  uint16_t own_header_ = 0;                 // of the packet as it is
  uint16_t header_ = 0, later_header_ = 0;  // of the first piece, of the others
  uint16_t step_ = 0;                       // payload of each but the last
  uint32_t count_ = 0;
};

}  // namespace cardea::dataplane::wire
