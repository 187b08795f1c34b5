#include "l7/tcp/rack.h"

#include <algorithm>

namespace cardea::l7::tcp {
namespace {
constexpr uint32_t kDuplicateThreshold = 3;
constexpr uint8_t kRecoveriesKept = 16;  // RFC 8985 6.2: how long a widened window lasts
}  // namespace

void Rack::delivered(const Sent& sent, Instant now, Duration smallest, bool echoed_first) {
  const Duration sample = now - sent.at;
  if (any_ && before(sent.seqs.end, furthest_) && !sent.retransmitted) reordering_seen_ = true;
  if (!any_ || after(sent.seqs.end, furthest_)) furthest_ = sent.seqs.end;
  // Which of its sendings arrived is not known; one that would have been too fast was not the last.
  if (sent.retransmitted && (echoed_first || sample < smallest)) return;
  rtt_ = uint32_t(std::min<Duration>(sample, std::chrono::minutes(20)) / std::chrono::microseconds(1));
  if (any_ && !sent_after(sent.at, sent.seqs.end)) return;
  any_ = true;
  sent_at_ = sent.at;
  end_ = sent.seqs.end;
}

void Rack::duplicate_seen(Seq una, Seq nxt) {
  if (in_round_ && before(una, round_end_)) return;
  in_round_ = true;
  round_end_ = nxt;
  quarters_ = uint8_t(std::min(quarters_ + 1, 255));
  kept_for_ = kRecoveriesKept;
}

void Rack::recovery_over() {
  if (kept_for_ > 0 && --kept_for_ == 0) quarters_ = 1;
}

Duration Rack::window(const RoundTrip& rtt, uint32_t sacked_count, bool in_recovery) const {
  if (!reordering_seen_ && (in_recovery || sacked_count >= kDuplicateThreshold)) return Duration{0};
  return std::min(rtt.smallest() * quarters_ / 4, rtt.smoothed());
}

Duration Rack::detect(Scoreboard& scoreboard, Pool<Sent>& pool, const RoundTrip& rtt, bool in_recovery, Instant now,
                      uint32_t* newly_lost) const {
  *newly_lost = 0;
  if (!any_) return Duration{0};
  const Duration allowed = this->rtt() + window(rtt, scoreboard.sacked_count(), in_recovery);
  for (uint32_t at = scoreboard.first_sent(); at != kNone;) {
    const Sent& sent = pool[at];
    if (sent_after(sent.at, sent.seqs.end)) break;
    const Duration left = sent.at + allowed - now;
    if (left > Duration{0}) return left;  // those behind it were sent later
    const uint32_t next = sent.sent_next;
    *newly_lost += sent.seqs.size();
    scoreboard.mark_lost(pool, at);
    at = next;
  }
  return Duration{0};
}

}  // namespace cardea::l7::tcp
