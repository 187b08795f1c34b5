// Counting the packet buffers and making their pools.
#include "dataplane/control/packet_buffers.h"

#include <fmt/format.h>
#include <rte_mbuf.h>

#include <algorithm>

#include "base/log.h"
#include "dataplane/control/waiting_packets.h"
#include "dataplane/path/batch.h"
#include "dataplane/port/gather.h"
#include "dataplane/port/packet_pool.h"
#include "dataplane/state/first_fragments.h"
#include "dataplane/worker_rings.h"

namespace cardea::dataplane {
namespace {

constexpr uint32_t kPoolCache = 256;  // buffers that a core keeps at hand
constexpr uint32_t kBufferHeadroom = RTE_PKTMBUF_HEADROOM;
constexpr uint32_t kFrameMin = 2048;
// ixgbe and its kin tell the card a buffer's size in whole KB: what is beyond is never filled, and a frame that needs
// it comes in two pieces.
constexpr uint32_t kBufferGrain = 1024;

// Every buffer that can be somewhere at once, devices aside: in rings, in a burst, waiting, in the cores' caches.
uint32_t buffers_on_the_way(size_t ports, uint32_t workers) {
  return workers * (2 * kRingPackets + 2 * kBurstMax + 2 * kPoolCache + Gather::kMax * uint32_t(ports)) +
         workers * (Batch::kPiecesMax + FirstFragments::kWaitingMax) + door_packets_of_all(workers) +
         uint32_t(WaitingPackets::kTotalMax);
}

Result<uint16_t> room_for(std::span<const PortNeeds> ports) {
  uint32_t frame = kFrameMin;
  for (const PortNeeds& port : ports) frame = std::max(frame, port.frame);
  const uint32_t room = ((frame + kBufferGrain - 1) & ~(kBufferGrain - 1)) + kBufferHeadroom;
  if (room <= UINT16_MAX) return uint16_t(room);
  return fail(fmt::format("ports: frames of {} bytes do not fit a packet buffer; the largest holds {}", frame,
                          UINT16_MAX / kBufferGrain * kBufferGrain - kBufferGrain),
              Origin::kOperator);
}

PoolShape& shape_on(std::vector<PoolShape>& shapes, int socket) {
  const auto found = std::ranges::find(shapes, socket, &PoolShape::socket);
  if (found != shapes.end()) return *found;
  return socket == kAnySocket && !shapes.empty() ? shapes[0] : shapes.emplace_back(PoolShape{.socket = socket});
}

Result<rte_mempool*> make_pool(const PoolShape& shape) {
  const std::string name = fmt::format("packets{}", shape.socket + 1);
  PoolRequest request{
      .name = name.c_str(), .buffers = shape.buffers, .cache = kPoolCache, .room = shape.room, .socket = shape.socket};
  auto pool = make_packet_pool(request);
  if (pool || shape.socket == kAnySocket) return pool;
  request.socket = kAnySocket;
  pool = make_packet_pool(request);
  if (pool)
    log::warning(
        "socket {} has too little memory for the packet buffers of its ports: they are on another socket,"
        " which is slower; reserve hugepages there",
        shape.socket);
  return pool;
}

}  // namespace

uint64_t PoolShape::bytes() const {
  return uint64_t{buffers} * (room + sizeof(rte_mbuf) + 128);
}

Result<std::vector<PoolShape>> pool_shapes(std::span<const PortNeeds> ports, uint32_t workers) {
  const auto room = room_for(ports);
  if (!room) return std::unexpected(room.error());
  std::vector<PoolShape> shapes;
  for (const bool known : {true, false})
    for (const PortNeeds& port : ports)
      if ((port.socket != kAnySocket) == known) shape_on(shapes, port.socket).buffers += port.buffers;
  if (shapes.empty()) shapes.emplace_back();
  for (PoolShape& shape : shapes) {
    shape.buffers += buffers_on_the_way(ports.size(), workers);
    shape.room = *room;
  }
  return shapes;
}

Result<PacketPools> PacketPools::make(std::span<const PoolShape> shapes) {
  PacketPools pools;
  for (const PoolShape& shape : shapes) {
    auto pool = make_pool(shape);
    if (!pool) return std::unexpected(std::move(pool).error());
    pools.pools_.push_back({shape.socket, *pool});
  }
  return pools;
}

rte_mempool* PacketPools::on(int socket) const {
  const auto found = std::ranges::find(pools_, socket, &OfSocket::socket);
  return found == pools_.end() ? first() : found->pool;
}

}  // namespace cardea::dataplane
