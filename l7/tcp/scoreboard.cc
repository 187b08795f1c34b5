#include "l7/tcp/scoreboard.h"

namespace cardea::l7::tcp {

uint32_t Scoreboard::append(Pool<Sent>& pool, SeqRange seqs, Instant now) {
  const uint32_t index = pool.take();
  if (index == kNone) return kNone;
  pool[index] = {.seqs = seqs, .at = now, .previous = tail_};
  (tail_ == kNone ? head_ : pool[tail_].next) = index;
  tail_ = index;
  count_++;
  flight_.outstanding += seqs.size();
  list(pool, index);
  return index;
}

void Scoreboard::list(Pool<Sent>& pool, uint32_t index) {
  Sent& sent = pool[index];
  sent.listed = true;
  sent.sent_previous = sent_tail_;
  sent.sent_next = kNone;
  (sent_tail_ == kNone ? sent_head_ : pool[sent_tail_].sent_next) = index;
  sent_tail_ = index;
}

// To its place by time: seldom, and mostly near the end.
void Scoreboard::list_by_time(Pool<Sent>& pool, uint32_t index) {
  Sent& sent = pool[index];
  uint32_t before_it = sent_tail_;
  while (before_it != kNone && pool[before_it].at > sent.at) before_it = pool[before_it].sent_previous;
  sent.listed = true;
  sent.sent_previous = before_it;
  uint32_t& link = before_it == kNone ? sent_head_ : pool[before_it].sent_next;
  sent.sent_next = link;
  link = index;
  (sent.sent_next == kNone ? sent_tail_ : pool[sent.sent_next].sent_previous) = index;
}

void Scoreboard::unlist(Pool<Sent>& pool, uint32_t index) {
  Sent& sent = pool[index];
  if (!sent.listed) return;
  sent.listed = false;
  (sent.sent_previous == kNone ? sent_head_ : pool[sent.sent_previous].sent_next) = sent.sent_next;
  (sent.sent_next == kNone ? sent_tail_ : pool[sent.sent_next].sent_previous) = sent.sent_previous;
}

void Scoreboard::sent_again(Pool<Sent>& pool, uint32_t index, Instant now) {
  Sent& sent = pool[index];
  unlist(pool, index);
  if (sent.lost) flight_.lost -= sent.seqs.size();
  sent.lost = false;
  sent.retransmitted = true;
  sent.at = now;
  list(pool, index);
}

void Scoreboard::mark_lost(Pool<Sent>& pool, uint32_t index) {
  Sent& sent = pool[index];
  if (sent.lost || sent.sacked) return;
  unlist(pool, index);
  sent.lost = true;
  flight_.lost += sent.seqs.size();
  if (lost_from_ != kNone && before(sent.seqs.start, pool[lost_from_].seqs.start)) lost_from_ = index;
}

void Scoreboard::mark_sacked(Pool<Sent>& pool, uint32_t index) {
  Sent& sent = pool[index];
  unlist(pool, index);
  if (sent.lost) flight_.lost -= sent.seqs.size();
  sent.lost = false;
  sent.sacked = true;
  sacked_count_++;
  flight_.sacked += sent.seqs.size();
}

void Scoreboard::forget_sacks(Pool<Sent>& pool) {
  for (uint32_t at = head_; at != kNone; at = pool[at].next) {
    if (!pool[at].sacked) continue;
    pool[at].sacked = false;
    flight_.sacked -= pool[at].seqs.size();
    mark_lost(pool, at);
  }
  sacked_count_ = 0;
  lost_from_ = kNone;
}

void Scoreboard::forget_losses(Pool<Sent>& pool) {
  for (uint32_t at = head_; at != kNone; at = pool[at].next) {
    if (!pool[at].lost) continue;
    pool[at].lost = false;
    flight_.lost -= pool[at].seqs.size();
    list_by_time(pool, at);
  }
  lost_from_ = kNone;
}

uint32_t Scoreboard::first_lost(const Pool<Sent>& pool) {
  if (flight_.lost == 0) return kNone;
  if (lost_from_ == kNone) lost_from_ = head_;
  while (lost_from_ != kNone && !pool[lost_from_].lost) lost_from_ = pool[lost_from_].next;
  return lost_from_;
}

bool Scoreboard::split(Pool<Sent>& pool, uint32_t index, Seq at) {
  const uint32_t rest = pool.take();
  if (rest == kNone) return false;
  Sent& first = pool[index];
  Sent& second = pool[rest];
  second = first;
  first.seqs.end = second.seqs.start = at;
  second.previous = index;
  first.next = rest;
  (second.next == kNone ? tail_ : pool[second.next].previous) = rest;
  if (first.listed) {
    second.sent_previous = index;
    first.sent_next = rest;
    (second.sent_next == kNone ? sent_tail_ : pool[second.sent_next].sent_previous) = rest;
  }
  count_++;
  if (first.sacked) sacked_count_++;
  return true;
}

// Blocks mostly begin near the end of what was sent or near what was acknowledged: looked for from both ends at once.
uint32_t Scoreboard::start_of(const Pool<Sent>& pool, Seq seq) const {
  uint32_t low = head_, high = tail_;
  while (low != kNone) {
    if (!before(pool[low].seqs.start, seq)) return low;
    if (before(pool[high].seqs.start, seq)) return pool[high].next;
    low = pool[low].next;
    high = pool[high].previous;
  }
  return kNone;
}

void Scoreboard::remove_head(Pool<Sent>& pool) {
  const uint32_t gone = head_;
  const Sent& sent = pool[gone];
  unlist(pool, gone);
  flight_.outstanding -= sent.seqs.size();
  if (sent.sacked) flight_.sacked -= sent.seqs.size(), sacked_count_--;
  if (sent.lost) flight_.lost -= sent.seqs.size();
  if (lost_from_ == gone) lost_from_ = sent.next;
  head_ = sent.next;
  (head_ == kNone ? tail_ : pool[head_].previous) = kNone;
  count_--;
  pool.give(gone);
}

void Scoreboard::trim_head(Pool<Sent>& pool, Seq una) {
  Sent& sent = pool[head_];
  const uint32_t gone = una - sent.seqs.start;
  sent.seqs.start = una;
  flight_.outstanding -= gone;
  if (sent.sacked) flight_.sacked -= gone;
  if (sent.lost) flight_.lost -= gone;
}

void Scoreboard::clear(Pool<Sent>& pool) {
  while (head_ != kNone) remove_head(pool);
}

Flight Scoreboard::recount(const Pool<Sent>& pool) const {
  Flight flight;
  for (uint32_t at = head_; at != kNone; at = pool[at].next) {
    const uint32_t size = pool[at].seqs.size();
    flight.outstanding += size;
    if (pool[at].sacked) flight.sacked += size;
    if (pool[at].lost) flight.lost += size;
  }
  return flight;
}

}  // namespace cardea::l7::tcp
