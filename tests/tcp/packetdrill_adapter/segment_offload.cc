#include "tests/tcp/packetdrill_adapter/segment_offload.h"

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

l7::tcp::Outgoing outgoing(const Segment& s, uint8_t flags) {
  const auto& t = s.tuple;
  return {.tuple = {t.remote, t.local, t.remote_port, t.local_port},
          .seq = s.seq,
          .ack = s.ack,
          .flags = flags,
          .ecn = s.ecn,
          .window = s.window,
          .options = s.options};
}

}  // namespace

bool SegmentOffload::may_join(const Segment& first, const Segment& second, bool again) const {
  if (again != last_was_again_ || first.has(l7::tcp::kFin) || !is_data(first) || !is_data(second)) return false;
  return are_alike(first, second) && (!again || joints_.contains(second.seq));
}

bool SegmentOffload::merge(std::vector<std::byte>& packet, Bytes next, bool again, uint32_t mss, uint32_t most) {
  const auto first = l7::tcp::read_segment(packet), second = l7::tcp::read_segment(next);
  if (!first || !second || !may_join(*first, *second, again)) return false;
  if (first->payload.size() % mss != 0 || first->payload.size() + mss > most) return false;
  if (packet.size() + second->payload.size() > kMost) return false;
  if (!again) joints_.insert(second->seq);
  // Linux sets it on whatever a device has to cut.
  const auto whole = outgoing(*first, uint8_t(first->flags | second->flags | l7::tcp::kPsh));
  packet.insert(packet.end(), second->payload.begin(), second->payload.end());
  write_headers(whole, packet);
  if (again) cut_at_ = second->seq + uint32_t(second->payload.size());
  return true;
}

void SegmentOffload::leaves(Bytes packet, bool again) {
  last_was_again_ = again;
  if (cut_at_) joints_.erase(*cut_at_);
  cut_at_.reset();
  const auto s = l7::tcp::read_segment(packet);
  if (s && s->has(l7::tcp::kSyn)) joints_.clear();
  if (s && again) cut_at_ = s->seq + uint32_t(s->payload.size());
}

void take_push_off(std::vector<std::byte>& packet) {
  const auto s = l7::tcp::read_segment(packet);
  if (!s || !s->has(l7::tcp::kPsh)) return;
  const auto whole = outgoing(*s, uint8_t(s->flags & ~l7::tcp::kPsh));
  write_headers(whole, packet);
}

void clamp_mss(std::vector<std::byte>& packet, uint16_t most) {
  const auto s = l7::tcp::read_segment(packet);
  if (!s || !s->has(l7::tcp::kSyn) || s->options.mss <= most) return;
  auto clamped = outgoing(*s, s->flags);
  clamped.options.mss = most;
  write_headers(clamped, packet);
}

}  // namespace cardea::packetdrill
