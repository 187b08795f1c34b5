// Keeping, sending and dropping frames whose next hop is being resolved.
#include "dataplane/control/waiting_packets.h"

#include <rte_ether.h>
#include <rte_mbuf.h>

#include <cstring>

namespace cardea::dataplane {
namespace {

void write_link_addresses(rte_mbuf* packet, const Neighbours::Entry& neighbour, const PortLink& link) {
  auto* header = rte_pktmbuf_mtod(packet, rte_ether_hdr*);
  std::memcpy(header->dst_addr.addr_bytes, neighbour.mac.data(), neighbour.mac.size());
  std::memcpy(header->src_addr.addr_bytes, link.mac.data(), link.mac.size());
}

}  // namespace

WaitingPackets::~WaitingPackets() {
  for (auto& [hop, queue] : queues_)
    for (rte_mbuf* packet : queue.packets) rte_pktmbuf_free(packet);
}

bool WaitingPackets::add(const Neighbours::Key& hop, rte_mbuf* packet, Instant now) {
  if (total_ >= kTotalMax) return false;
  const auto [at, fresh] = queues_.try_emplace(hop);
  Queue& queue = at->second;
  if (fresh) queue.since = now;
  if (queue.packets.size() >= kHopMax) return false;
  queue.packets.push_back(packet);
  ++total_;
  return true;
}

uint64_t WaitingPackets::settle(const Neighbours& neighbours, std::span<const PortLink> links, Instant now,
                                const Send& send) {
  uint64_t failed = 0;
  for (auto at = queues_.begin(); at != queues_.end();) {
    auto& [hop, queue] = *at;
    const Neighbours::Entry* known = neighbours.find(hop);
    const bool resolved = known != nullptr && known->state == Neighbours::State::kResolved;
    const bool hopeless =
        (known != nullptr && known->state == Neighbours::State::kFailed) || now - queue.since >= kPatience;
    if (!resolved && !hopeless) {
      ++at;
      continue;
    }
    for (rte_mbuf* packet : queue.packets) {
      if (resolved)
        write_link_addresses(packet, *known, links[hop.port]), send(hop.port, packet);
      else
        rte_pktmbuf_free(packet), ++failed;
    }
    total_ -= queue.packets.size();
    at = queues_.erase(at);
  }
  return failed;
}

std::vector<Neighbours::Key> WaitingPackets::hops() const {
  std::vector<Neighbours::Key> found;
  for (const auto& [hop, queue] : queues_) found.push_back(hop);
  return found;
}

}  // namespace cardea::dataplane
