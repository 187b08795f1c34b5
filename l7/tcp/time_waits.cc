#include "l7/tcp/time_waits.h"

#include <algorithm>
#include <bit>

#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

constexpr auto kLookedAtEvery = std::chrono::seconds(1);
constexpr auto kDialledAnewAfter = std::chrono::seconds(1);
constexpr uint32_t kWindow = 65535;  // what is still taken for late rather than strange

Outgoing answer(const Settings& settings, const TimeWait& w, Instant now) {
  Outgoing out{.tuple = w.tuple, .seq = w.snd_nxt, .ack = w.rcv_nxt, .flags = kAck, .window = w.window};
  if (w.timestamps) {
    const uint32_t clock = timestamp_clock(now) + timestamp_offset(settings, w.tuple);
    out.options = {.has_timestamps = true, .ts_value = clock, .ts_echo = w.ts_recent};
  }
  return out;
}

std::optional<Outgoing> challenge(const Settings& settings, TimeWait& w, Counters& counters, Instant now) {
  if (!w.last_challenge.never() && w.last_challenge.since(now) < settings.challenge_interval) {
    counters.challenges_withheld++;
    return std::nullopt;
  }
  counters.challenges++;
  w.last_challenge = Moment(now);
  return answer(settings, w, now);
}

bool is_old(const TimeWait& w, const Segment& s) {
  return w.timestamps && s.options.has_timestamps && int32_t(s.options.ts_value - w.ts_recent) < 0;
}

}  // namespace

TimeWaits::TimeWaits(uint32_t size, HashKey key)
    : key_(key), pool_(size), buckets_(std::bit_ceil(std::max(size, 1u)), kNone) {}

uint32_t& TimeWaits::bucket_of(const Tuple& t) {
  const uint64_t hash = flow_hash_v6(key_, t.local.bytes.data(), t.remote.bytes.data(), t.local_port, t.remote_port,
                                     Protocol::kTcp);
  return buckets_[hash & (buckets_.size() - 1)];
}

void TimeWaits::add(const Connection& c, const Settings& settings, Counters& counters) {
  const Instant until = c.deadlines[size_t(Deadline::kEnd)];
  expire(until - settings.time_wait);
  if (pool_.left() == 0 && oldest_ != kNone) {
    counters.time_waits_forgotten++;
    forget(pool_[oldest_]);
  }
  const uint32_t index = pool_.take();
  if (index == kNone) return;
  uint32_t& bucket = bucket_of(c.tuple);
  const uint32_t window = after(c.rcv_edge, c.rcv_nxt()) ? (c.rcv_edge - c.rcv_nxt()) >> c.rcv_scale : 0;
  pool_[index] = {.tuple = c.tuple,
                  .snd_nxt = c.snd_nxt,
                  .rcv_nxt = c.rcv_nxt(),
                  .ts_recent = c.ts_recent,
                  .until = Moment(until),
                  .last_challenge = c.last_challenge,
                  .bucket_next = bucket,
                  .window = uint16_t(std::min(window, 65535u)),
                  .timestamps = c.timestamps};
  bucket = index;
  append(index);
  if (due_ == kNever) due_ = until;
}

void TimeWaits::append(uint32_t index) {
  pool_[index].older = youngest_;
  pool_[index].younger = kNone;
  (youngest_ == kNone ? oldest_ : pool_[youngest_].younger) = index;
  youngest_ = index;
}

void TimeWaits::take_out(uint32_t index) {
  const TimeWait& w = pool_[index];
  (w.older == kNone ? oldest_ : pool_[w.older].younger) = w.younger;
  (w.younger == kNone ? youngest_ : pool_[w.younger].older) = w.older;
}

TimeWait* TimeWaits::find(const Tuple& tuple, Instant now) {
  if (oldest_ == kNone) return nullptr;
  uint32_t index = bucket_of(tuple);
  while (index != kNone && pool_[index].tuple != tuple) index = pool_[index].bucket_next;
  if (index == kNone) return nullptr;
  if (!pool_[index].until.not_after(now)) return &pool_[index];
  forget(pool_[index]);
  return nullptr;
}

void TimeWaits::forget(TimeWait& wait) {
  uint32_t* link = &bucket_of(wait.tuple);
  while (&pool_[*link] != &wait) link = &pool_[*link].bucket_next;
  const uint32_t index = *link;
  *link = wait.bucket_next;
  take_out(index);
  pool_.give(index);
}

void TimeWaits::begin_anew(TimeWait& wait, Instant until) {
  const uint32_t index = wait.older == kNone ? oldest_ : pool_[wait.older].younger;
  wait.until = Moment(until);
  take_out(index);
  append(index);
}

void TimeWaits::expire(Instant now) {
  while (oldest_ != kNone && pool_[oldest_].until.not_after(now)) forget(pool_[oldest_]);
  due_ = oldest_ == kNone ? kNever : now + std::max<Duration>(pool_[oldest_].until.left(now), kLookedAtEvery);
}

// Resets are not believed (RFC 1337).
std::optional<Outgoing> late_segment_arrives(const Settings& settings, TimeWaits& waits, TimeWait& w, const Segment& s,
                                             Counters& counters, Instant now) {
  if (s.has(kRst)) {
    counters.resets_ignored++;
    return std::nullopt;
  }
  if (is_old(w, s)) {
    counters.old_timestamps++;
    return challenge(settings, w, counters, now);
  }
  if (s.has(kFin) && !s.has(kSyn) && s.end() == w.rcv_nxt) {
    waits.begin_anew(w, now + settings.time_wait);
    return answer(settings, w, now);
  }
  const bool bare = s.length() == 0 && !before(s.seq, w.rcv_nxt) && !after(s.seq, w.rcv_nxt + kWindow);
  if (bare && !after(s.ack, w.snd_nxt)) return std::nullopt;  // an acknowledgement that was under way
  return challenge(settings, w, counters, now);
}

bool is_newer(const TimeWait& w, const Segment& syn) {
  if (w.timestamps && syn.options.has_timestamps && int32_t(syn.options.ts_value - w.ts_recent) > 0) return true;
  return after(syn.seq, w.rcv_nxt);
}

bool may_dial_anew(const Settings& settings, const TimeWait& w, Instant now) {
  if (!settings.timestamps || !w.timestamps) return false;
  return w.until.not_after(now + settings.time_wait - kDialledAnewAfter);
}

}  // namespace cardea::l7::tcp
