#include "tests/tcp/packetdrill_adapter/segment_offload.h"

#include "l7/tcp/segment.h"

namespace cardea::packetdrill {
namespace {

using l7::tcp::Segment;

constexpr size_t kMost = 65'000;

bool are_alike(const Segment& a, const Segment& b) {
  const auto& x = a.options;
  const auto& y = b.options;
  return a.tuple == b.tuple && a.end() == b.seq && a.ack == b.ack && a.window == b.window && a.ecn == b.ecn &&
         x.sack_count == 0 && y.sack_count == 0 && x.has_timestamps == y.has_timestamps && x.ts_value == y.ts_value &&
         x.ts_echo == y.ts_echo;
}

bool is_data(const Segment& s) {
  return !s.payload.empty() && !s.has(l7::tcp::kSyn) && !s.has(l7::tcp::kRst) && s.has(l7::tcp::kAck);
}

}  // namespace

bool merge(std::vector<std::byte>& packet, Bytes next) {
  const auto first = l7::tcp::read_segment(packet), second = l7::tcp::read_segment(next);
  if (!first || !second || !is_data(*first) || !is_data(*second) || first->has(l7::tcp::kFin)) return false;
  if (!are_alike(*first, *second) || packet.size() + second->payload.size() > kMost) return false;
  const auto& t = first->tuple;
  const l7::tcp::Outgoing whole{.tuple = {t.remote, t.local, t.remote_port, t.local_port},
                                .seq = first->seq,
                                .ack = first->ack,
                                .flags = uint8_t(first->flags | second->flags | l7::tcp::kPsh),
                                .ecn = first->ecn,
                                .window = first->window,
                                .options = first->options};
  packet.insert(packet.end(), second->payload.begin(), second->payload.end());
  write_headers(whole, packet);
  return true;
}

}  // namespace cardea::packetdrill
