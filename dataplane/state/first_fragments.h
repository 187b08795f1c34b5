// What the first fragments of datagrams said: only they carry ports, and the others belong to the same flow. Also those
// fragments that came before their first one, which wait here for a moment. One worker's; bounded, and nothing is
// allocated after it is made. Datagrams are known by a keyed hash of 64 bits (addresses, protocol, identification), so
// nobody outside can aim two at one place. When there is no room the oldest gives way: whoever floods us with halves of
// datagrams shortens the time that others have for theirs, and does no more than that.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

struct rte_mbuf;

namespace cardea::dataplane {

// Of a datagram whose first fragment was seen.
struct KnownDatagram {
  uint32_t ports = 0;  // source and destination as they stand in the packet
  uint32_t id = 0;     // the identification that its fragments leave with
};

class FirstFragments {
 public:
  static constexpr uint32_t kDatagramsMax = 4096, kWaitingMax = 256;
  static constexpr uint32_t kPatienceMs = 1000;  // fragments leave their sender back to back

  FirstFragments() : entries_(kDatagramsMax) { waiting_.reserve(kWaitingMax); }

  // Of a first fragment; `id` is what its datagram gets, unless it got one a moment ago. `evicted` counts datagrams that
  // made room before their time was over.
  KnownDatagram learn(uint64_t datagram, uint32_t ports, uint32_t id, uint32_t now_ms, uint64_t& evicted);
  // nullptr: its first fragment was not seen.
  const KnownDatagram* find(uint64_t datagram, uint32_t now_ms) const;

  // Keeps a fragment for take(). Returns the oldest one when that had to make room, else nullptr.
  rte_mbuf* wait(uint64_t datagram, rte_mbuf* packet, uint32_t now_ms);
  // Those that wait for this datagram, in the order they came, at most as many as fit. Returns how many.
  uint32_t take(uint64_t datagram, std::span<rte_mbuf*> into);
  // The oldest one, when it has waited too long; nullptr: none has.
  rte_mbuf* give_up(uint32_t now_ms);
  uint32_t waiting() const { return uint32_t(waiting_.size()); }

 private:
  static constexpr uint32_t kWays = 4;
  struct Entry {
    uint64_t datagram = 0;
    KnownDatagram known;
    uint32_t seen_ms = 0;
    bool used = false;
  };
  struct Waiting {
    uint64_t datagram;
    rte_mbuf* packet;
    uint32_t since_ms;
  };
  std::span<const Entry> ways(uint64_t datagram) const {
    return {entries_.data() + datagram % (kDatagramsMax / kWays) * kWays, kWays};
  }
  std::span<Entry> ways(uint64_t datagram) {
    return {entries_.data() + datagram % (kDatagramsMax / kWays) * kWays, kWays};
  }
  static bool fresh(const Entry& entry, uint32_t now_ms) {
    return entry.used && now_ms - entry.seen_ms <= kPatienceMs;
  }
  rte_mbuf* take_oldest();

  std::vector<Entry> entries_;
  std::vector<Waiting> waiting_;  // oldest first
};

}  // namespace cardea::dataplane
