// The walk over TCP options for segments that carry more than timestamps.
#include "dataplane/wire/tcp_shift.h"

namespace cardea::dataplane::wire {
namespace {

constexpr uint8_t kEnd = 0, kNop = 1, kSack = 5, kTimestamps = 8;
constexpr uint32_t kHeaderMax = 60, kSackBlock = 8, kTimestampsSize = 10;
// A number a microsecond: beyond what a connection sent when it sent less than 1 MB/s, and not yet half way round for
// 35 minutes after its start. Timestamps decide for the others; where the client has none, one in two is not in luck.
constexpr uint32_t kSequencesPerMillisecond = 1000;

// Calls visit(kind, at, size) for each option that is whole.
template <typename Visit>
void walk_options(const std::byte* tcp, uint32_t size, Visit&& visit) {
  for (uint32_t at = shift_detail::kOptionsAt; at < size;) {
    const auto kind = uint8_t(tcp[at]);
    if (kind == kEnd) return;
    if (kind == kNop) {
      ++at;
      continue;
    }
    if (at + 1 >= size) return;
    const auto length = uint32_t(tcp[at + 1]);
    if (length < 2 || at + length > size) return;
    visit(kind, at, length);
    at += length;
  }
}

// At an odd place a number's bytes count in each other's half of the sum's words.
uint32_t add_anywhere(std::byte* tcp, uint32_t at, uint32_t by) {
  const uint32_t sum = shift_detail::add(tcp + at, by);
  return at % 2 == 0 ? sum : __builtin_bswap16(uint16_t(sum));
}

}  // namespace

namespace shift_detail {

uint32_t shift_own_options(std::byte* tcp, uint32_t size, uint32_t timestamp) {
  uint32_t sum = 0;
  walk_options(tcp, size, [&](uint8_t kind, uint32_t at, uint32_t length) {
    if (kind == kTimestamps && length == kTimestampsSize) sum += add_anywhere(tcp, at + 2, timestamp);
  });
  return sum;
}

uint32_t shift_echoed_options(std::byte* tcp, uint32_t size, const TcpShift& by) {
  uint32_t sum = 0;
  walk_options(tcp, size, [&](uint8_t kind, uint32_t at, uint32_t length) {
    if (kind == kTimestamps && length == kTimestampsSize) sum += add_anywhere(tcp, at + 6, by.timestamp);
    if (kind != kSack) return;
    for (uint32_t edge = at + 2; edge + kSackBlock <= at + length; edge += kSackBlock)
      sum += add_anywhere(tcp, edge, by.sequence) + add_anywhere(tcp, edge + 4, by.sequence);
  });
  return sum;
}

}  // namespace shift_detail

TcpShift opening_shift(const std::byte* tcp, uint64_t hash, uint32_t now_ms) {
  TcpShift shift;
  shift.sequence =
      uint32_t(hash >> 32) + now_ms * kSequencesPerMillisecond - load_be32(tcp + shift_detail::kSequenceAt);
  walk_options(tcp, tcp_header_in(tcp, kHeaderMax), [&](uint8_t kind, uint32_t at, uint32_t length) {
    if (kind == kTimestamps && length == kTimestampsSize)
      shift.timestamp = uint32_t(hash) + now_ms - load_be32(tcp + at + 2);
  });
  return shift;
}

}  // namespace cardea::dataplane::wire
