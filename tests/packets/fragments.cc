// Byte by byte.
#include "tests/packets/fragments.h"

#include <algorithm>
#include <cstring>

#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

bool is_v4(const Frame& frame) {
  return load_be16(frame.data() + 12) == 0x0800;
}

void sum_v4(Frame& frame) {
  store_be16(frame.data() + 24, 0);
  const size_t header = (size_t(frame[14]) & 0xf) * 4;
  store_be16(frame.data() + 24, internet_checksum(std::span(frame).subspan(14, header)));
}

void set_length(Frame& frame) {
  const size_t ip = frame.size() - 14;
  if (is_v4(frame))
    store_be16(frame.data() + 16, uint16_t(ip)), sum_v4(frame);
  else
    store_be16(frame.data() + 18, uint16_t(ip - 40));
}

struct Part {
  uint32_t id;
  size_t first, header;
  bool more;
};
std::optional<Part> part_of(const Frame& frame) {
  if (is_v4(frame)) {
    if (internet_checksum(std::span(frame).subspan(14, (size_t(frame[14]) & 0xf) * 4)) != 0) return std::nullopt;
    const uint16_t field = load_be16(frame.data() + 20);
    return Part{load_be16(frame.data() + 18), (field & 0x1fffu) * 8u, 14 + (size_t(frame[14]) & 0xf) * 4,
                (field & 0x2000) != 0};
  }
  if (frame[20] != std::byte{44}) return Part{0, 0, 54, false};
  const uint16_t field = load_be16(frame.data() + 56);
  return Part{load_be32(frame.data() + 58), field & 0xfff8u, 62, (field & 1) != 0};
}

}  // namespace

std::vector<Frame> fragments_of(const Frame& whole, size_t step, uint32_t id) {
  const bool v4 = is_v4(whole);
  const size_t header = v4 ? 34 : 54;
  std::vector<Frame> fragments;
  for (size_t at = header; at < whole.size(); at += step) {
    const size_t size = std::min(step, whole.size() - at);
    const bool more = at + size < whole.size();
    Frame one(whole.begin(), whole.begin() + std::ptrdiff_t(header));
    if (v4) {
      store_be16(one.data() + 18, uint16_t(id));
      store_be16(one.data() + 20, uint16_t((at - header) / 8 | (more ? 0x2000 : 0)));
    } else {
      one.resize(header + 8);
      one[header] = std::exchange(one[20], std::byte{44});
      one[header + 1] = {};
      store_be16(one.data() + header + 2, uint16_t((at - header) | (more ? 1 : 0)));
      store_be32(one.data() + header + 4, id);
    }
    one.insert(one.end(), whole.begin() + std::ptrdiff_t(at), whole.begin() + std::ptrdiff_t(at + size));
    set_length(one);
    fragments.push_back(std::move(one));
  }
  return fragments;
}

std::optional<Datagram> reassembled(std::vector<Frame> fragments) {
  const auto first = [](const Frame& frame) { return part_of(frame).value_or(Part{0, 99999, 0, false}).first; };
  std::ranges::sort(fragments, {}, first);
  Datagram datagram;
  size_t at = 0;
  for (size_t i = 0; i < fragments.size(); ++i) {
    const auto part = part_of(fragments[i]);
    if (!part || part->first != at || part->more != (i + 1 < fragments.size())) return std::nullopt;
    if (i == 0) {
      datagram.id = part->id;
      const size_t header = is_v4(fragments[0]) ? part->header : 54;
      datagram.frame.assign(fragments[0].begin(), fragments[0].begin() + std::ptrdiff_t(header));
      if (part->header == 62) datagram.frame[20] = fragments[0][54];
    } else if (part->id != datagram.id || !std::equal(fragments[i].begin() + 26, fragments[i].begin() + 34,
                                                      datagram.frame.begin() + 26)) {
      return std::nullopt;
    }
    datagram.frame.insert(datagram.frame.end(), fragments[i].begin() + std::ptrdiff_t(part->header),
                          fragments[i].end());
    at += fragments[i].size() - part->header;
  }
  datagram.frame = without_id(std::move(datagram.frame));
  return datagram;
}

Frame without_id(Frame whole) {
  if (is_v4(whole)) store_be32(whole.data() + 18, 0);
  set_length(whole);
  return whole;
}

}  // namespace cardea::dataplane::test
