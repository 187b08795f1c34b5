#include "l7/tcp/receive_queue.h"

#include <algorithm>

namespace cardea::l7::tcp {
namespace {

constexpr Seq block_start(Seq seq) {
  return seq & ~Seq{kBlockSize - 1};
}

}  // namespace

std::optional<size_t> Arrivals::add(SeqRange seqs) {
  size_t from = 0;
  while (from < count && before(ranges[from].seqs.end, seqs.start)) from++;
  size_t to = from;
  for (; to < count && !after(ranges[to].seqs.start, seqs.end); to++) {
    seqs.start = earlier(seqs.start, ranges[to].seqs.start);
    seqs.end = later(seqs.end, ranges[to].seqs.end);
  }
  if (from == to) {
    if (count == kMax) return std::nullopt;
    std::copy_backward(&ranges[from], &ranges[count], &ranges[count + 1]);
    count++;
  } else {
    std::copy(&ranges[to], &ranges[count], &ranges[from + 1]);
    count -= to - from - 1;
  }
  ranges[from] = {seqs, ++stamp};
  return from;
}

ReceiveQueue::Inserted ReceiveQueue::insert(ReceivePools& pools, Seq seq, Bytes bytes) {
  Inserted result;
  if (bytes.empty()) return result;
  SeqRange seqs{seq, seq + uint32_t(bytes.size())};
  result.duplicate = duplicate_of(pools, seqs);
  if (!after(seqs.end, next_)) return result;
  if (before(seqs.start, next_)) {
    bytes = bytes.subspan(next_ - seqs.start);
    seqs.start = next_;
  }
  const Seq was = next_;
  if (seqs.start == next_) {
    const Seq stored =
        arrivals_ == kNone ? store(pools, seqs, bytes.data(), true) : store_missing(pools, seqs, bytes.data());
    advance(pools, stored);
    result.dropped = stored != seqs.end;
  } else if (note(pools, seqs)) {
    const Seq stored = store_missing(pools, seqs, bytes.data());
    CHECK(stored == seqs.end, "room beyond a gap is made before it is noted");
  } else {
    result.dropped = true;
  }
  result.in_order = next_ - was;
  return result;
}

SeqRange ReceiveQueue::duplicate_of(const ReceivePools& pools, SeqRange seqs) const {
  if (before(seqs.start, next_)) return {seqs.start, earlier(seqs.end, next_)};
  if (arrivals_ == kNone) return {};
  const Arrivals& arrivals = pools.arrivals[arrivals_];
  for (size_t i = 0; i < arrivals.count; i++) {
    const SeqRange both{later(seqs.start, arrivals.ranges[i].seqs.start),
                        earlier(seqs.end, arrivals.ranges[i].seqs.end)};
    if (before(both.start, both.end)) return both;
  }
  return {};
}

// Makes room for a range beyond a gap, but does not add it yet to what is known: its missing bytes are stored by that.
bool ReceiveQueue::note(ReceivePools& pools, SeqRange seqs) {
  if (arrivals_ == kNone) {
    arrivals_ = pools.arrivals.take();
    if (arrivals_ == kNone) return false;
    pools.arrivals[arrivals_].count = 0;
    pools.arrivals[arrivals_].stamp = 0;
  }
  Arrivals& arrivals = pools.arrivals[arrivals_];
  const Arrivals trial = arrivals;
  bool fits = arrivals.add(seqs).has_value();
  arrivals = trial;
  for (Seq at = block_start(seqs.start); fits && before(at, seqs.end); at += kBlockSize)
    fits = block_at(pools, at, false) != kNone;
  if (!fits && arrivals.count == 0) {
    pools.arrivals.give(arrivals_);
    arrivals_ = kNone;
  }
  return fits;
}

// Stores what of the range is not here yet and adds it to the known ones; returns where storing ended.
Seq ReceiveQueue::store_missing(ReceivePools& pools, SeqRange seqs, const std::byte* bytes) {
  Arrivals& arrivals = pools.arrivals[arrivals_];
  const bool in_order = seqs.start == next_;
  Seq at = seqs.start;
  for (size_t i = 0; i < arrivals.count && before(at, seqs.end); i++) {
    const SeqRange known = arrivals.ranges[i].seqs;
    if (!after(known.end, at)) continue;
    const SeqRange missing{at, later(at, earlier(known.start, seqs.end))};
    const Seq stored = store(pools, missing, bytes + (at - seqs.start), in_order);
    if (stored != missing.end) return stored;
    at = later(at, known.end);
  }
  if (before(at, seqs.end)) at = store(pools, {at, seqs.end}, bytes + (at - seqs.start), in_order);
  at = earlier(at, seqs.end);
  if (!in_order) arrivals.add(seqs);
  return at;
}

Seq ReceiveQueue::store(ReceivePools& pools, SeqRange seqs, const std::byte* bytes, bool in_order) {
  Seq at = seqs.start;
  while (before(at, seqs.end)) {
    const uint32_t index = block_at(pools, at, in_order);
    if (index == kNone) break;
    const uint32_t within = at - pools.blocks[index].start;
    const uint32_t count = std::min(kBlockSize - within, seqs.end - at);
    std::memcpy(pools.blocks[index].bytes.data() + within, bytes, count);
    bytes += count;
    at += count;
  }
  return at;
}

// The block of this byte, made if there is none; kNone when the pool has none left.
uint32_t ReceiveQueue::block_at(ReceivePools& pools, Seq seq, bool in_order) {
  const Seq start = block_start(seq);
  if (tail_ == kNone || before(pools.blocks[tail_].start, start)) return link_block(pools, tail_, start, in_order);
  if (pools.blocks[tail_].start == start) return tail_;
  uint32_t previous = kNone, at = head_;
  while (before(pools.blocks[at].start, start)) {
    previous = at;
    at = pools.blocks[at].next;
  }
  return pools.blocks[at].start == start ? at : link_block(pools, previous, start, in_order);
}

uint32_t ReceiveQueue::link_block(ReceivePools& pools, uint32_t previous, Seq start, bool in_order) {
  if (!in_order && pools.blocks.left() <= pools.blocks.size() / 8) return kNone;
  const uint32_t index = pools.blocks.take();
  if (index == kNone) return kNone;
  uint32_t& link = previous == kNone ? head_ : pools.blocks[previous].next;
  pools.blocks[index].start = start;
  pools.blocks[index].next = link;
  link = index;
  if (previous == tail_) tail_ = index;
  blocks_++;
  return index;
}

// In-order data ends at `to` now, or behind what that reaches.
void ReceiveQueue::advance(ReceivePools& pools, Seq to) {
  next_ = to;
  if (arrivals_ == kNone) return;
  Arrivals& arrivals = pools.arrivals[arrivals_];
  size_t reached = 0;
  while (reached < arrivals.count && !after(arrivals.ranges[reached].seqs.start, next_))
    next_ = later(next_, arrivals.ranges[reached++].seqs.end);
  std::copy(&arrivals.ranges[reached], &arrivals.ranges[arrivals.count], &arrivals.ranges[0]);
  arrivals.count -= reached;
  if (arrivals.count > 0) return;
  pools.arrivals.give(arrivals_);
  arrivals_ = kNone;
}

Bytes ReceiveQueue::front(const ReceivePools& pools) const {
  if (readable() == 0) return {};
  const Block& block = pools.blocks[head_];
  const uint32_t within = read_ - block.start;
  return Bytes(block.bytes).subspan(within, std::min(kBlockSize - within, readable()));
}

void ReceiveQueue::consume(ReceivePools& pools, uint32_t count) {
  DCHECK(count <= readable());
  read_ += count;
  while (head_ != kNone) {
    const Block& block = pools.blocks[head_];
    // A block whose end was read is done; so is one that was read as far as it goes, since a connection that waits for
    // a request should hold nothing. What comes next finds its place again.
    const bool rest_unused = read_ == next_ && arrivals_ == kNone;
    if (before(read_, block.start + kBlockSize) && !rest_unused) break;
    const uint32_t gone = head_;
    head_ = block.next;
    pools.blocks.give(gone);
    blocks_--;
  }
  if (head_ == kNone) tail_ = kNone;
}

size_t ReceiveQueue::sacks(const ReceivePools& pools, SeqRange* to, size_t room) const {
  if (arrivals_ == kNone) return 0;
  const Arrivals& arrivals = pools.arrivals[arrivals_];
  size_t count = 0;
  uint32_t below = UINT32_MAX;
  for (; count < room; count++) {
    const Arrivals::Range* latest = nullptr;
    for (size_t i = 0; i < arrivals.count; i++) {
      const auto& range = arrivals.ranges[i];
      if (range.stamp < below && (!latest || range.stamp > latest->stamp)) latest = &range;
    }
    if (!latest) break;
    below = latest->stamp;
    to[count] = latest->seqs;
  }
  return count;
}

void ReceiveQueue::give_up_gap(ReceivePools& pools) {
  if (arrivals_ == kNone) return;
  pools.arrivals.give(arrivals_);
  arrivals_ = kNone;
  uint32_t last = kNone, at = head_;
  for (; at != kNone && readable() > 0 && before(pools.blocks[at].start, next_); at = pools.blocks[at].next) last = at;
  (last == kNone ? head_ : pools.blocks[last].next) = kNone;
  tail_ = last;
  while (at != kNone) {
    const uint32_t gone = at;
    at = pools.blocks[gone].next;
    pools.blocks.give(gone);
    blocks_--;
  }
}

void ReceiveQueue::clear(ReceivePools& pools) {
  for (uint32_t at = head_; at != kNone;) {
    const uint32_t next = pools.blocks[at].next;
    pools.blocks.give(at);
    at = next;
  }
  if (arrivals_ != kNone) pools.arrivals.give(arrivals_);
  head_ = tail_ = arrivals_ = kNone;
  blocks_ = 0;
  read_ = next_;
}

}  // namespace cardea::l7::tcp
