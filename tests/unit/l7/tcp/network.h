// A network between two stacks that does to packets what networks do, by a seed: delay, loss, duplication, reordering,
// corruption, and a bottleneck with a queue. Time is its own: nothing waits.
#pragma once

#include <map>
#include <vector>

#include "base/random.h"
#include "l7/tcp/stack.h"

namespace cardea::l7::tcp {

struct Impairments {
  Duration delay = std::chrono::milliseconds(10);      // one way
  Duration jitter{0};                                  // up to that much more, each packet for itself: reorders
  unsigned loss = 0, duplication = 0, corruption = 0;  // of 1000 packets
  double bytes_per_second = 0;                         // of a bottleneck, each way; 0: none
  uint32_t queue = 64 * 1024;                          // bytes in front of it
};

class Network {
 public:
  Network(Stack& left, Stack& right, const Impairments& impairments, uint64_t seed, Instant start)
      : stacks_{&left, &right}, impairments_(impairments), random_(seed), now_(start) {}

  Instant now() const { return now_; }
  void set(const Impairments& impairments) { impairments_ = impairments; }
  // Fetches what the stacks want to send.
  void collect();
  // Goes on to the next thing that happens; false when nothing will.
  bool step();
  uint64_t packets() const { return packets_; }
  uint64_t bytes_sent(size_t side) const { return bytes_[side]; }

 private:
  struct Packet {
    size_t to = 0;
    std::vector<std::byte> bytes;
  };
  void trace(size_t from, Bytes packet) const;
  void carry(size_t from, Bytes packet);
  Instant through_bottleneck(size_t from, size_t size);

  Stack* stacks_[2];
  Impairments impairments_;
  Random random_;
  Instant now_;
  Instant free_at_[2] = {};
  std::multimap<Instant, Packet> under_way_;
  uint64_t packets_ = 0, bytes_[2] = {};
};

}  // namespace cardea::l7::tcp
