// Finding the fragment's fields and changing one of them.
#include "dataplane/wire/fragment.h"

#include "base/bytes.h"
#include "dataplane/wire/checksum.h"

namespace cardea::dataplane::wire {
namespace {

constexpr uint8_t kFragmentHeader = 44, kAuthentication = 51;

// The chain was checked as far as the fragment header when the frame was read.
uint16_t fragment_header(const std::byte* data, const Frame& frame) {
  auto next = uint8_t(data[frame.l3 + 6u]);
  uint32_t at = frame.l3 + 40u;
  for (int walked = 0; next != kFragmentHeader && walked < kExtensionHeadersMax; ++walked) {
    const auto units = uint32_t(data[at + 1]);
    const bool authentication = next == kAuthentication;
    next = uint8_t(data[at]);
    at += authentication ? (units + 2) * 4 : (units + 1) * 8;
  }
  return uint16_t(at);
}

}  // namespace

Fragment read_fragment(const std::byte* data, const Frame& frame) {
  if (frame.family == 4) {
    const std::byte* ip = data + frame.l3;
    const uint16_t field = load_be16(ip + 6);
    return {load_be16(ip + 4), uint16_t(frame.l3 + 6), uint16_t((field & 0x1fff) * 8), (field & 0x2000) != 0};
  }
  const uint16_t at = fragment_header(data, frame);
  const uint16_t field = load_be16(data + at + 2);
  return {load_be32(data + at + 4), at, uint16_t(field & 0xfff8), (field & 1) != 0};
}

void write_fragment_id(std::byte* data, const Frame& frame, uint32_t id) {
  if (frame.family == 6) return store_be32(data + fragment_header(data, frame) + 4, id);
  std::byte* ip = data + frame.l3;
  const auto before = load_native<uint16_t>(ip + 4);
  store_be16(ip + 4, uint16_t(id));
  store_native(ip + 10, updated(load_native<uint16_t>(ip + 10), delta_of(&before, ip + 4, 2)));
}

}  // namespace cardea::dataplane::wire
