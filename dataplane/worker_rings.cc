// Making the rings, and their few operations behind DPDK's header.
#include "dataplane/worker_rings.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/l7_door_socket.h"

namespace cardea::dataplane {

// Relaxed tail: a producer that the scheduler takes the core from in the middle of a push (the door, control, a worker
// that shares its core) would make every other one wait for it. How far they may run ahead of it: the whole ring.
Result<PacketRing> PacketRing::create(const std::string& name, uint32_t packets) {
  rte_ring* ring = rte_ring_create(name.c_str(), packets, SOCKET_ID_ANY, RING_F_SC_DEQ | RING_F_MP_RTS_ENQ);
  if (ring == nullptr) return fail(fmt::format("make the ring {}: {}", name, rte_strerror(rte_errno)));
  rte_ring_set_prod_htd_max(ring, rte_ring_get_capacity(ring));
  return PacketRing(ring);
}

PacketRing::~PacketRing() {
  if (ring_ == nullptr) return;
  rte_mbuf* packet;
  while (pop(&packet, 1) == 1) rte_pktmbuf_free(packet);
  rte_ring_free(ring_);
}

uint16_t PacketRing::push(rte_mbuf** packets, uint16_t count) {
  return uint16_t(rte_ring_enqueue_burst(ring_, reinterpret_cast<void**>(packets), count, nullptr));
}
uint16_t PacketRing::pop(rte_mbuf** packets, uint16_t count) {
  return uint16_t(rte_ring_dequeue_burst(ring_, reinterpret_cast<void**>(packets), count, nullptr));
}
bool PacketRing::empty() const {
  return rte_ring_empty(ring_) != 0;
}
uint32_t PacketRing::size() const {
  return rte_ring_count(ring_);
}
uint32_t PacketRing::capacity() const {
  return rte_ring_get_capacity(ring_);
}
uint32_t PacketRing::room() const {
  return rte_ring_free_count(ring_);
}

namespace {

Result<std::unique_ptr<DoorRings>> make_door(const std::string& prefix, uint32_t number, uint32_t doors) {
  auto door = std::make_unique<DoorRings>();
  for (uint32_t i = 0; i < kDoorClasses; ++i) {
    auto queue = PacketRing::create(fmt::format("{}door{}.{}", prefix, number, i), door_packets(i, doors));
    if (!queue) return std::unexpected(std::move(queue).error());
    door->queues.push_back(std::move(*queue));
  }
  return door;
}

}  // namespace

Result<std::unique_ptr<Rings>> Rings::create(uint32_t workers, const std::string& prefix) {
  auto rings = std::make_unique<Rings>();
  const uint32_t doors = std::max(workers, 1u);
  for (uint32_t i = 0; i < doors; ++i) {
    auto door = make_door(prefix, i, doors);
    if (!door) return std::unexpected(std::move(door).error());
    rings->doors.push_back(std::move(*door));
  }
  for (uint32_t i = 0; i < workers; ++i) {
    auto inbox = PacketRing::create(fmt::format("{}inbox{}", prefix, i), kRingPackets);
    if (!inbox) return std::unexpected(std::move(inbox).error());
    auto outbox = PacketRing::create(fmt::format("{}outbox{}", prefix, i), kRingPackets);
    if (!outbox) return std::unexpected(std::move(outbox).error());
    auto l7_bells = make_bells(kInstances);
    if (!l7_bells) return std::unexpected(std::move(l7_bells).error());
    rings->workers.push_back(std::make_unique<WorkerRings>(std::move(*inbox), std::move(*outbox)));
    rings->workers.back()->l7_bells = std::move(*l7_bells);
  }
  return rings;
}

}  // namespace cardea::dataplane
