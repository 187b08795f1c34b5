// What was sent and is not acknowledged, segment by segment: when it was sent last, whether the peer holds it (SACK),
// whether it is held for lost, whether it is under way again. In order of sequence numbers, and those that are under
// way also in order of sending, which is the order in which RACK (RFC 8985) looks at them. Nothing is kept that cannot
// be recomputed: the sums are checked against the list in tests (`recount`).
#pragma once

#include "base/clock.h"
#include "l7/tcp/pool.h"
#include "l7/tcp/sequence.h"

namespace cardea::l7::tcp {

struct Sent {
  SeqRange seqs;                                      // a FIN is one number
  Instant at{};                                       // when it was sent last
  uint32_t next = kNone, previous = kNone;            // by sequence
  uint32_t sent_next = kNone, sent_previous = kNone;  // by time of sending; only while under way
  bool sacked = false;
  bool lost = false;           // held for lost and not sent again since: not under way
  bool retransmitted = false;  // was sent more than once
  bool listed = false;         // stands in the list of what is under way
};

// Bytes, or numbers: a FIN counts as one.
struct Flight {
  uint32_t outstanding = 0;  // all that is not acknowledged
  uint32_t sacked = 0, lost = 0;

  // What is believed to be in the network: "pipe" of RFC 6675, with each lost segment that was sent again back in.
  uint32_t in_flight() const { return outstanding - sacked - lost; }
  bool operator==(const Flight&) const = default;
};

class Scoreboard {
 public:
  const Flight& flight() const { return flight_; }
  bool empty() const { return head_ == kNone; }
  uint32_t head() const { return head_; }
  uint32_t tail() const { return tail_; }
  uint32_t first_sent() const { return sent_head_; }  // of what is under way, that which was sent first
  uint32_t count() const { return count_; }
  uint32_t sacked_count() const { return sacked_count_; }

  // A new segment at the end; kNone when the pool is empty.
  uint32_t append(Pool<Sent>& pool, SeqRange seqs, Instant now);
  // It is under way once more.
  void sent_again(Pool<Sent>& pool, uint32_t index, Instant now);
  void mark_lost(Pool<Sent>& pool, uint32_t index);
  // On a retransmission timeout what the peer said it holds may be gone (RFC 2018 8).
  void forget_sacks(Pool<Sent>& pool);
  // What was held for lost is not, after all: it is under way since it was sent.
  void forget_losses(Pool<Sent>& pool);
  // The first segment that is lost and not under way again, or kNone.
  uint32_t first_lost(const Pool<Sent>& pool);
  // Cuts a segment in two behind `at`, which lies inside; false when the pool is empty.
  bool split(Pool<Sent>& pool, uint32_t index, Seq at);

  // Everything before `una` leaves. delivered(const Sent&) for each segment that goes whole and was not SACKed.
  template <typename Delivered>
  void acknowledge(Pool<Sent>& pool, Seq una, Delivered&& delivered) {
    while (head_ != kNone && !after(pool[head_].seqs.end, una)) {
      if (!pool[head_].sacked) delivered(pool[head_]);
      remove_head(pool);
    }
    if (head_ != kNone && before(pool[head_].seqs.start, una)) trim_head(pool, una);
  }
  // Marks the segments that lie whole in the block; the same for delivered.
  template <typename Delivered>
  void sack(Pool<Sent>& pool, SeqRange block, Delivered&& delivered) {
    for (uint32_t at = start_of(pool, block.start); at != kNone; at = pool[at].next) {
      if (after(pool[at].seqs.end, block.end)) return;
      if (pool[at].sacked || before(pool[at].seqs.start, block.start)) continue;
      delivered(pool[at]);
      mark_sacked(pool, at);
    }
  }

  void clear(Pool<Sent>& pool);
  // The sums, made of the list.
  Flight recount(const Pool<Sent>& pool) const;

 private:
  uint32_t start_of(const Pool<Sent>& pool, Seq seq) const;
  void mark_sacked(Pool<Sent>& pool, uint32_t index);
  void remove_head(Pool<Sent>& pool);
  void trim_head(Pool<Sent>& pool, Seq una);
  void list(Pool<Sent>& pool, uint32_t index);
  void list_by_time(Pool<Sent>& pool, uint32_t index);
  void unlist(Pool<Sent>& pool, uint32_t index);

  uint32_t head_ = kNone, tail_ = kNone, sent_head_ = kNone, sent_tail_ = kNone;
  uint32_t lost_from_ = kNone;  // no segment before this one waits to be sent again; kNone: look from the head
  uint32_t count_ = 0, sacked_count_ = 0;
  Flight flight_;
};

}  // namespace cardea::l7::tcp
