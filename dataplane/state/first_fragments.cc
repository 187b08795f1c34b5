// Looking up, making room, and the short queue of those that wait.
#include "dataplane/state/first_fragments.h"

#include <algorithm>

namespace cardea::dataplane {

KnownDatagram FirstFragments::learn(uint64_t datagram, uint32_t ports, uint32_t id, uint32_t now_ms,
                                    uint64_t& evicted) {
  const std::span<Entry> set = ways(datagram);
  const auto age = [&](const Entry& entry) { return fresh(entry, now_ms) ? now_ms - entry.seen_ms : UINT32_MAX; };
  auto at = std::ranges::find_if(set, [&](const Entry& e) { return e.used && e.datagram == datagram; });
  const bool again = at != set.end() && fresh(*at, now_ms) && at->known.ports == ports;
  if (at == set.end()) {
    at = std::ranges::max_element(set, {}, age);
    evicted += fresh(*at, now_ms);
  }
  *at = {datagram, {ports, again ? at->known.id : id}, now_ms, true};
  return at->known;
}

const KnownDatagram* FirstFragments::find(uint64_t datagram, uint32_t now_ms) const {
  for (const Entry& entry : ways(datagram))
    if (entry.datagram == datagram && fresh(entry, now_ms)) return &entry.known;
  return nullptr;
}

rte_mbuf* FirstFragments::take_oldest() {
  rte_mbuf* packet = waiting_.front().packet;
  waiting_.erase(waiting_.begin());
  return packet;
}

rte_mbuf* FirstFragments::wait(uint64_t datagram, rte_mbuf* packet, uint32_t now_ms) {
  rte_mbuf* made_room = waiting_.size() == kWaitingMax ? take_oldest() : nullptr;
  waiting_.push_back({datagram, packet, now_ms});
  return made_room;
}

uint32_t FirstFragments::take(uint64_t datagram, std::span<rte_mbuf*> into) {
  uint32_t taken = 0;
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.datagram != datagram || taken == into.size()) return false;
    into[taken++] = waiting.packet;
    return true;
  });
  return taken;
}

rte_mbuf* FirstFragments::give_up(uint32_t now_ms) {
  if (waiting_.empty() || now_ms - waiting_.front().since_ms <= kPatienceMs) return nullptr;
  return take_oldest();
}

}  // namespace cardea::dataplane
