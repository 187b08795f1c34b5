// What came and was not read yet, in order or ahead of a gap: each byte is written to its place in blocks of 2 KB at
// once, so that memory is what the window covers and not what the segments' sizes make of it, and the byte that came
// first stays (RFC 9293 leaves it open; two opinions are an attacker's). What lies beyond a gap is known as at most 32
// ranges (`Arrivals`, lent while there is a gap); what would be one more is dropped, since the peer has to send it
// again anyhow. Data beyond a gap never takes the last eighth of the pool's blocks: in-order data fits as long as any
// does.
#pragma once

#include <array>
#include <optional>

#include "base/bytes.h"
#include "l7/tcp/options.h"
#include "l7/tcp/pool.h"
#include "l7/tcp/sequence.h"

namespace cardea::l7::tcp {

inline constexpr uint32_t kBlockSize = 2048;

struct Block {
  Seq start = 0;
  uint32_t next = kNone;
  std::array<std::byte, kBlockSize> bytes;
};

// The ranges beyond a gap, sorted, disjoint and not touching each other.
struct Arrivals {
  static constexpr size_t kMax = 32;
  struct Range {
    SeqRange seqs;
    uint32_t stamp = 0;  // larger: touched later
  };
  std::array<Range, kMax> ranges;
  size_t count = 0;
  uint32_t stamp = 0;

  // The index of the range that holds or touches all of [start, end) after it was added; nothing when there is no room.
  std::optional<size_t> add(SeqRange seqs);
};

struct ReceivePools {
  Pool<Block> blocks;
  Pool<Arrivals> arrivals;

  // Three quarters lent: windows grow no more. Fifteen sixteenths: what lies beyond gaps is given up, and nobody new is
  // answered.
  bool tight() const { return blocks.left() <= blocks.size() / 4; }
  bool short_of_blocks() const { return blocks.left() <= blocks.size() / 16; }
};

class ReceiveQueue {
 public:
  struct Inserted {
    uint32_t in_order = 0;  // bytes by which the in-order data grew
    SeqRange duplicate;     // the first bytes that were here already (RFC 2883), or empty
    bool dropped = false;   // some of it found no room
  };

  void begin(Seq next) { read_ = next_ = next; }
  Seq next() const { return next_; }  // RCV.NXT, a FIN not counted
  uint32_t readable() const { return next_ - read_; }
  Seq read() const { return read_; }  // the next byte that the owner reads
  bool has_gap() const { return arrivals_ != kNone; }

  // `bytes` lie inside the window: not beyond read() + 2^30.
  Inserted insert(ReceivePools& pools, Seq seq, Bytes bytes);
  // The first bytes that may be read, as far as they lie together; empty when there are none.
  Bytes front(const ReceivePools& pools) const;
  void consume(ReceivePools& pools, uint32_t count);
  // What is reported (RFC 2018 4): the range touched last first, at most `room`.
  size_t sacks(const ReceivePools& pools, SeqRange* to, size_t room) const;
  // Drops what lies beyond a gap, as a receiver may that is short of memory (RFC 2018 8): the peer still has it.
  void give_up_gap(ReceivePools& pools);
  void clear(ReceivePools& pools);
  // Blocks that are lent to this queue: what it costs.
  uint32_t blocks() const { return blocks_; }

 private:
  SeqRange duplicate_of(const ReceivePools& pools, SeqRange seqs) const;
  uint32_t block_at(ReceivePools& pools, Seq seq, bool in_order);
  uint32_t link_block(ReceivePools& pools, uint32_t before, Seq start, bool in_order);
  Seq store(ReceivePools& pools, SeqRange seqs, const std::byte* bytes, bool in_order);
  Seq store_missing(ReceivePools& pools, SeqRange seqs, const std::byte* bytes);
  void advance(ReceivePools& pools, Seq to);
  bool note(ReceivePools& pools, SeqRange seqs);

  Seq read_ = 0, next_ = 0;
  uint32_t head_ = kNone, tail_ = kNone, blocks_ = 0;
  uint32_t arrivals_ = kNone;
};

}  // namespace cardea::l7::tcp
