#include "tests/unit/l7/tcp/network.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace cardea::l7::tcp {

void Network::collect() {
  std::byte room[2048];
  for (size_t from = 0; from < 2; from++)
    while (const size_t size = stacks_[from]->transmit(room, now_)) carry(from, Bytes(room, size));
}

// When the last byte has left the bottleneck; Instant::max() when its queue is full.
Instant Network::through_bottleneck(size_t from, size_t size) {
  if (impairments_.bytes_per_second == 0) return now_;
  const auto time = [&](double bytes) { return Duration(int64_t(bytes / impairments_.bytes_per_second * 1e9)); };
  Instant& free_at = free_at_[from];
  free_at = std::max(free_at, now_);
  if (free_at - now_ > time(impairments_.queue)) return kNever;
  return free_at += time(double(size));
}

// One line a packet, for whoever looks for what went wrong under a seed.
void Network::trace(size_t from, Bytes packet) const {
  const auto s = read_segment(packet);
  if (!s) return;
  std::printf("%.6f %s flags %02x seq %u +%zu ack %u win %u sacks %d\n", double(now_.time_since_epoch().count()) / 1e9,
              from ? "<-" : "->", s->flags, s->seq, s->payload.size(), s->ack, s->window, s->options.sack_count);
}

void Network::carry(size_t from, Bytes packet) {
  packets_++;
  if (std::getenv("CARDEA_TCP_TRACE")) trace(from, packet);
  bytes_[from] += packet.size();
  const Instant left = through_bottleneck(from, packet.size());
  if (left == kNever || random_.below(1000) < impairments_.loss) return;
  const unsigned copies = random_.below(1000) < impairments_.duplication ? 2 : 1;
  for (unsigned i = 0; i < copies; i++) {
    const Duration extra{impairments_.jitter.count() ? int64_t(random_.below(uint64_t(impairments_.jitter.count())))
                                                     : 0};
    Packet carried{1 - from, {packet.begin(), packet.end()}};
    if (random_.below(1000) < impairments_.corruption)
      carried.bytes[random_.below(carried.bytes.size())] ^= std::byte(1u << random_.below(8));
    under_way_.emplace(left + impairments_.delay + extra, std::move(carried));
  }
}

bool Network::step() {
  collect();
  const Instant arrives = under_way_.empty() ? kNever : under_way_.begin()->first;
  const Instant next = std::min({arrives, stacks_[0]->next(), stacks_[1]->next()});
  if (next == kNever) return false;
  now_ = std::max(now_, next);
  for (Stack* stack : stacks_) stack->advance(now_);
  while (!under_way_.empty() && under_way_.begin()->first <= now_) {
    const Packet packet = std::move(under_way_.begin()->second);
    under_way_.erase(under_way_.begin());
    stacks_[packet.to]->receive(packet.bytes, now_);
  }
  collect();
  return true;
}

}  // namespace cardea::l7::tcp
