// First room of the second line: what cardea-l7's shards have left for this worker becomes a burst. A packet is copied
// out before anything of it is looked at, for its sender can still write to it. What is not TCP of an address and port
// of the sender's own is dropped.
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "dataplane/path/path.h"
#include "dataplane/path/shard_pipes.h"
#include "dataplane/wire/read_frame.h"

namespace cardea::dataplane::path {
namespace {

constexpr uint32_t kEachATurn = 16;  // packets of one shard before the next one is heard

// Whose address and port it is sent from; `service` is set where it is a service's.
bool is_from_its_own(const WorkerState& worker, const FlowTuple& tuple, const L7Instance& instance,
                     ServiceId& service) {
  const LivePlan& plan = *worker.plan;
  const uint16_t port = __builtin_bswap16(tuple.source_port_be);
  service = plan.listen_table->find(tuple.source, tuple.source_port_be, tuple.protocol);
  if (service != kNoService) return (*plan.services)[service].forward == image::Forward::shard;
  return plan.is_dialled_from(tuple.protocol, port) && DoorPorts{}.instance_of(port) == instance.number() &&
         plan.listen_table->use_of(tuple.source) & kPortAddress;
}

bool is_whole_tcp(const wire::Frame& frame, uint32_t size) {
  return frame.fault == wire::Fault::kNone && frame.protocol == uint8_t(Protocol::kTcp) &&
         (frame.flags & wire::kFragment) == 0 && frame.l3_length == size;
}

void begin_row(Batch& batch, uint32_t row, rte_mbuf* packet, uint32_t instance, uint32_t shard) {
  batch.packet[row] = packet;
  batch.instance[row] = uint8_t(instance);
  batch.shard[row] = uint8_t(shard);
  batch.verdict[row] = Verdict::kOnTheLine;
  batch.reason[row] = Reason::kNone;
  batch.service[row] = kNoService;
  batch.direction[row] = Direction::kOut;
}

// Behind room for a link header, whose type is all that is known of it by now.
std::byte* copy_in(rte_mbuf& packet, Bytes ip) {
  std::byte* frame = rte_pktmbuf_mtod(&packet, std::byte*);
  packet.data_len = uint16_t(wire::kEtherHeader + ip.size());
  packet.pkt_len = packet.data_len;
  std::memcpy(frame + wire::kEtherHeader, ip.data(), ip.size());
  const bool v6 = !ip.empty() && uint8_t(frame[wire::kEtherHeader]) >> 4 == 6;
  store_be16(frame + 12, v6 ? wire::kEtherIpv6 : wire::kEtherIpv4);
  return frame;
}

void take_record(const WorkerState& worker, Batch& batch, uint32_t row, Bytes record, const L7Instance& instance) {
  rte_mbuf& packet = *batch.packet[row];
  const auto size = uint32_t(record.size());
  batch.length[row] = batch.out_length[row] = uint16_t(std::min(wire::kEtherHeader + size, 0xffffu));
  if (size + wire::kEtherHeader > rte_pktmbuf_tailroom(&packet)) return batch.drop(row, Reason::k_too_big);
  batch.data[row] = copy_in(packet, record);
  FlowTuple& tuple = batch.tuple[row];
  batch.frame[row] = wire::read_frame({batch.data[row], packet.data_len}, tuple);
  if (!is_whole_tcp(batch.frame[row], size) || !is_from_its_own(worker, tuple, instance, batch.service[row]))
    batch.drop(row, Reason::k_not_a_shards);
}

// False: there are no buffers; what is in the pipe stays there, and its writer notices when it is full.
bool collect_way(WorkerState& worker, Batch& batch, L7Instance& instance, uint32_t shard) {
  L7Instance::Way& way = instance.row(worker.index).ways[shard];
  const uint32_t end = std::min(batch.count + kEachATurn, kBurstMax), before = batch.count;
  bool buffers = true;
  while (batch.count < end && !way.down.empty()) {
    rte_mbuf* packet = rte_pktmbuf_alloc(worker.pool);
    buffers = packet != nullptr;
    if (!buffers) break;
    const auto record = way.down.next();
    if (!record) {
      rte_pktmbuf_free(packet);
      break;
    }
    begin_row(batch, batch.count, packet, instance.number(), shard);
    take_record(worker, batch, batch.count++, record->packet, instance);
  }
  if (way.down.broken()) [[unlikely]]
    report_broken(worker, instance);
  if (batch.count == before) return buffers;
  const bool may_wait = way.down.was_mostly_full();
  way.down.release();
  if (may_wait) way.bell.ring();
  return buffers;
}

// Each shard of each instance once, beginning with another one each time.
void collect_ways(WorkerState& worker, Batch& batch) {
  const uint32_t turn = worker.turn++;
  for (uint32_t i = 0; i < kInstances; ++i) {
    L7Instance* instance = worker.l7->by_number[(turn + i) % kInstances].get();
    if (instance == nullptr || instance->is_broken()) continue;
    const uint32_t shards = instance->shards();
    for (uint32_t n = 0; n < shards && batch.count < kBurstMax; ++n)
      if (!collect_way(worker, batch, *instance, (turn + n) % shards)) return;
  }
}

}  // namespace

void collect(WorkerState& worker, Batch& batch) {
  batch.from_shards = true;
  batch.count = batch.live_count = 0;
  batch.handed_over = false;
  batch.told.mtu = 0;
  batch.piece_count = batch.released_count = 0;
  batch.bypassed = batch.evicted = batch.ports_taken = 0;
  batch.fragments = batch.sums_finished = 0;
  collect_ways(worker, batch);
  for (uint32_t row = 0; row < batch.count; ++row)
    if (batch.verdict[row] == Verdict::kOnTheLine) batch.live[batch.live_count++] = uint8_t(row);
}

}  // namespace cardea::dataplane::path
