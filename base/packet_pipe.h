// Packets from one process to one other through memory that both map: a ring of bytes with one writer and one reader,
// each record a small head and its packet in one piece, so that an acknowledgement takes 128 bytes and a send of 64 KB
// is one record. Neither side trusts what the other wrote: indices and heads are read once into locals and checked
// before anything is done with them, and a ring that does not add up is dead for who finds it (broken()). What a record
// holds may still change while it is read: copy what decides before looking at it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/cache_line.h"

namespace cardea {

struct PacketRecord {
  Bytes packet;        // in the shared memory, until release() or PacketReader's end
  uint16_t flags = 0;  // whatever writer and reader agreed on
};

// What both sides see; behind it lie `capacity` bytes.
struct PacketPipe {
  alignas(kCacheLinePair) std::atomic<uint32_t> tail;  // written; the writer's
  alignas(kCacheLinePair) std::atomic<uint32_t> head;  // read; the reader's
  alignas(kCacheLinePair) std::byte bytes[];           // NOLINT: as long as its capacity

  static constexpr uint32_t kAlignment = 64;
  static constexpr uint32_t kPacketMax = 65535 + 64;
  // A power of two, at least twice kPacketMax.
  static constexpr uint32_t kCapacityMin = 1 << 18;
  static constexpr bool is_capacity(uint64_t bytes) {
    return bytes >= kCapacityMin && bytes <= (uint64_t{1} << 30) && (bytes & (bytes - 1)) == 0;
  }
  static constexpr size_t bytes_needed(uint32_t capacity) { return sizeof(PacketPipe) + capacity; }
};

class PacketWriter {
 public:
  PacketWriter() = default;
  PacketWriter(PacketPipe& pipe, uint32_t capacity);

  // Room for a packet of at most `size` bytes, or nothing when the pipe is full (or broken). What was not committed is
  // forgotten by the next call.
  MutableBytes reserve(uint32_t size);
  // The first `size` bytes of what reserve() gave are a packet; it is seen after publish().
  void commit(uint32_t size, uint16_t flags = 0);
  // Once a burst. True: there was something.
  bool publish();
  bool broken() const { return broken_; }

 private:
  uint32_t used();

  PacketPipe* pipe_ = nullptr;
  uint32_t capacity_ = 0, tail_ = 0, head_seen_ = 0, published_ = 0, reserved_ = 0;
  bool broken_ = false;
};

class PacketReader {
 public:
  PacketReader() = default;
  PacketReader(PacketPipe& pipe, uint32_t capacity);

  // The next packet, its head checked; nothing: there is none (or the pipe is broken). It stays where it is until
  // release().
  std::optional<PacketRecord> next();
  // Gives everything that next() gave back to the writer. Once a burst.
  void release();
  bool empty() const;  // as the writer says now: for deciding whether to sleep
  // Of what is not released, as of the last next(): the writer may have found the pipe full.
  bool was_mostly_full() const { return tail_seen_ - released_ > capacity_ / 2; }
  bool broken() const { return broken_; }

 private:
  bool any();

  PacketPipe* pipe_ = nullptr;
  uint32_t capacity_ = 0, head_ = 0, tail_seen_ = 0, released_ = 0;
  bool broken_ = false;
};

}  // namespace cardea
