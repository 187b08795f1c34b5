#include "l7/tcp/syn_cookies.h"

#include <algorithm>
#include <array>

#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

constexpr std::array<uint16_t, 4> kSizes = {536, 1220, 1380, 1460};  // of the first not above the peer's counts
constexpr auto kPeriod = std::chrono::seconds(64);
constexpr unsigned kHashBits = 29, kSizeShift = 30;
constexpr uint32_t kOptionBits = 6;
// In our timestamp: the peer's scale, 15 for none; SACK; ECN.
constexpr uint32_t kNoScale = 15, kSackBit = 16, kEcnBit = 32;

uint64_t period_of(Instant now) {
  return uint64_t(now.time_since_epoch() / kPeriod);
}

// The peer's first number and the period are part of what is signed.
uint32_t hash_of(const Settings& settings, const Tuple& t, Seq irs, uint64_t period) {
  HashKey key = settings.cookie_key;
  key.k1 ^= uint64_t{irs} << 32 | uint32_t(period);
  const uint64_t hash =
      flow_hash_v6(key, t.local.bytes.data(), t.remote.bytes.data(), t.local_port, t.remote_port, Protocol::kTcp);
  return uint32_t(hash) & ((1u << kHashBits) - 1);
}

uint32_t size_index(uint16_t mss) {
  const auto above = std::upper_bound(kSizes.begin(), kSizes.end(), std::max(mss, kSizes[0]));
  return uint32_t(above - kSizes.begin() - 1);
}

uint32_t option_bits(const Segment& syn) {
  const Options& o = syn.options;
  const bool ecn = syn.has(kEce) && syn.has(kCwr);
  return (o.has_window_scale ? o.window_scale : kNoScale) | (o.sack_permitted ? kSackBit : 0) | (ecn ? kEcnBit : 0);
}

// The latest timestamp that is not ahead of the clock and ends in those bits.
uint32_t stamp_with(uint32_t clock, uint32_t bits) {
  constexpr uint32_t kMask = (1u << kOptionBits) - 1;
  const uint32_t stamp = (clock & ~kMask) | bits;
  return int32_t(stamp - clock) > 0 ? stamp - (kMask + 1) : stamp;
}

}  // namespace

Outgoing cookie_answer(const Settings& settings, const Segment& syn, Instant now) {
  const uint64_t period = period_of(now);
  Outgoing answer{.tuple = syn.tuple, .ack = syn.seq + 1, .flags = kSyn | kAck, .window = 65535};
  answer.window = uint16_t(std::min(settings.receive_window, 65535u));
  answer.seq = size_index(syn.options.mss) << kSizeShift | uint32_t(period & 1) << kHashBits |
               hash_of(settings, syn.tuple, syn.seq, period);
  Options& options = answer.options;
  options.mss = uint16_t(settings.mtu - kTcpHeader - (syn.tuple.local.is_v4() ? kIpv4Header : kIpv6Header));
  if (!settings.timestamps || !syn.options.has_timestamps) return answer;
  options.has_timestamps = true;
  options.ts_value = stamp_with(timestamp_clock(now) + timestamp_offset(settings, syn.tuple), option_bits(syn));
  options.ts_echo = syn.options.ts_value;
  options.sack_permitted = settings.sack && syn.options.sack_permitted;
  options.has_window_scale = settings.window_scale && syn.options.has_window_scale;
  options.window_scale = receive_scale(settings);
  if (syn.has(kEce) && syn.has(kCwr)) answer.flags |= kEce;
  return answer;
}

std::optional<Segment> syn_of_cookie(const Settings& settings, const Segment& s, Instant now) {
  const uint32_t cookie = s.ack - 1;
  const Seq irs = s.seq - 1;
  uint64_t period = period_of(now);
  if ((period & 1) != (cookie >> kHashBits & 1)) period--;
  if ((cookie & ((1u << kHashBits) - 1)) != hash_of(settings, s.tuple, irs, period)) return std::nullopt;
  Segment syn{.tuple = s.tuple, .seq = irs, .flags = kSyn, .window = s.window};
  syn.options.mss = kSizes[cookie >> kSizeShift];
  if (!s.options.has_timestamps) return syn;
  const uint32_t bits = s.options.ts_echo;
  syn.options.has_timestamps = true;
  syn.options.ts_value = s.options.ts_value;
  syn.options.has_window_scale = (bits & 15) != kNoScale;
  syn.options.window_scale = syn.options.has_window_scale ? uint8_t(bits & 15) : 0;
  syn.options.sack_permitted = bits & kSackBit;
  if (bits & kEcnBit) syn.flags |= kEce | kCwr;
  return syn;
}

}  // namespace cardea::l7::tcp
