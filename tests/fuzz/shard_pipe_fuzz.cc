// Any bytes as what cardea-l7 may write into a door's memory, over the second line: records with anything in them,
// heads and indices overwritten while packets are read. Nothing may crash; what is sent is whole TCP from an address of
// its own.
#include <rte_mbuf.h>

#include <cstring>

#include "tests/packets/site.h"

using namespace cardea;
using namespace cardea::dataplane;

namespace {

uint32_t sent_wrongly = 0;

Egress ends() {
  return {.transmit =
              [](void*, uint16_t, rte_mbuf** packets, uint16_t count) {
                for (uint16_t i = 0; i < count; ++i) {
                  FlowTuple tuple;
                  const wire::Frame read =
                      wire::read_frame({rte_pktmbuf_mtod(packets[i], std::byte*), packets[i]->data_len}, tuple);
                  sent_wrongly += read.fault != wire::Fault::kNone || read.protocol != uint8_t(Protocol::kTcp);
                }
                rte_pktmbuf_free_bulk(packets, count);
                return count;
              },
          .wait = [](void*, rte_mbuf*, uint16_t, const IpAddress&) { return false; },
          .report = [](void*) {}};
}

// The first bytes say where and what: a record like a packet of ours with some of it overwritten, or raw bytes over the
// ring and its indices.
void scribble(L7Instance& instance, const uint8_t* data, size_t size) {
  PacketPipe& pipe = instance.door().down(0, 0);
  const uint32_t capacity = instance.door().shape().down_bytes;
  if (data[0] & 1) {
    PacketWriter writer(pipe, capacity);
    auto ip = test::frame({test::tuple("203.0.113.4:80", "198.51.100.7:5555"), 0x10, uint16_t(data[1])});
    ip.erase(ip.begin(), ip.begin() + 14);
    for (size_t i = 3; i + 1 < size; i += 2) ip[data[i] % ip.size()] = std::byte{data[i + 1]};
    ip.resize(ip.size() + (data[2] & 3));
    const MutableBytes room = writer.reserve(uint32_t(ip.size()));
    if (room.empty()) return;
    std::copy(ip.begin(), ip.end(), room.begin());
    writer.commit(uint32_t(ip.size()));
    writer.publish();
    return;
  }
  const uint32_t at = (uint32_t(data[1]) << 8 | data[2]) & (capacity - 1);
  std::memcpy(pipe.bytes + at, data + 3, std::min<size_t>(size - 3, capacity - at));
  uint32_t tail = 0;
  std::memcpy(&tail, data + 3, std::min<size_t>(4, size - 3));
  pipe.tail.store(data[0] & 2 ? tail : pipe.head.load() + (tail & 0xffc0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static test::Site& site = *new test::Site({.backends = 2, .flows = 256, .shards = 1});
  if (size < 4 || size > 2000) return 0;
  site.worker.egress = ends();
  static Batch batch;
  scribble(*site.l7.newest, data, size);
  for (int turn = 0; turn < 4; ++turn) path::send(site.worker, batch);
  if (sent_wrongly != 0) __builtin_trap();
  if (rte_mempool_in_use_count(test::packet_pool()) != 0) __builtin_trap();
  if (site.l7.newest->is_broken()) {
    site.detach(*site.l7.newest);
    site.attach(1);
  }
  return 0;
}
