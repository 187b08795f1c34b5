// The ends of tests.
#include "tests/packets/ends.h"

#include <rte_mbuf.h>

#include <algorithm>

#include "base/check.h"
#include "dataplane/path/join.h"

namespace cardea::dataplane::test {
namespace {

std::vector<std::byte> bytes_of(const rte_mbuf* packet) {
  const auto* at = rte_pktmbuf_mtod(packet, const std::byte*);
  return {at, at + packet->data_len};
}

std::optional<KnownDatagram> mark_on(const rte_mbuf& packet) {
  return path::is_marked(packet) ? std::optional(path::mark_of(packet)) : std::nullopt;
}

uint16_t take(std::vector<Ends::Given>& into, uint32_t to, rte_mbuf** packets, uint16_t count, uint16_t room) {
  const uint16_t taken = std::min(count, room);
  for (uint16_t i = 0; i < taken; ++i) into.push_back({bytes_of(packets[i]), to, {}, mark_on(*packets[i])});
  rte_pktmbuf_free_bulk(packets, taken);
  return taken;
}

Ends& of(void* context) {
  return *static_cast<Ends*>(context);
}

}  // namespace

Egress Ends::egress() {
  return {.context = this,
          .transmit = [](void* ends, uint16_t port, rte_mbuf** packets,
                         uint16_t count) { return take(of(ends).sent, port, packets, count, of(ends).transmit_room); },
          .to_kernel =
              [](void* ends, DoorClass door, rte_mbuf** packets, uint16_t count) {
                return take(of(ends).kernel, uint32_t(door), packets, count, of(ends).door_room);
              },
          .hand_over =
              [](void* ends, uint32_t worker, rte_mbuf** packets, uint16_t count) {
                return take(of(ends).handed_over, worker, packets, count, of(ends).hand_over_room);
              },
          .wait =
              [](void* ends, rte_mbuf* packet, uint16_t port, const IpAddress& next) {
                if (!of(ends).wait_room) return false;
                of(ends).waiting.push_back({bytes_of(packet), port, next, {}});
                rte_pktmbuf_free(packet);
                return true;
              },
          .tell = [](void* ends, const wire::TunnelTooBig& one) { of(ends).told.push_back(one); },
          .report = [](void* ends) { ++of(ends).reports; }};
}

std::vector<Outcome> run(Site& site, Ends& ends, const std::vector<std::vector<std::byte>>& frames, How how) {
  site.worker.egress = ends.egress();
  const uint32_t in_use = rte_mempool_in_use_count(packet_pool());
  const uint32_t held = site.worker.fragments.waiting();
  static Batch batch;  // as a worker's: what the last burst left in it is still there
  batch.count = uint32_t(frames.size());
  batch.spread = how.spread;
  batch.handed_over = how.handed_over;
  batch.mac = how.mac;
  batch.port = how.handed_over ? 0 : how.port;
  batch.virtual_link = how.virtual_link;
  for (uint32_t row = 0; row < batch.count; ++row) {
    batch.packet[row] = packet(frames[row]);
    batch.packet[row]->ol_flags |= how.ol_flags;
    batch.packet[row]->port = how.port;
    if (row < how.marks.size() && how.marks[row]) path::mark(*batch.packet[row], *how.marks[row]);
  }
  path::run(site.worker, batch);
  const uint32_t held_now = site.worker.fragments.waiting();
  CHECK(rte_mempool_in_use_count(packet_pool()) == in_use - held + held_now,
        "the line lost a packet or freed one twice");
  std::vector<Outcome> outcomes;
  for (uint32_t row = 0; row < batch.count; ++row)
    outcomes.push_back({batch.verdict[row],
                        batch.reason[row],
                        batch.slot[row],
                        batch.verdict[row] == Verdict::kForward && batch.new_flow[row],
                        {}});
  return outcomes;
}

std::vector<Outcome> send(Site& site, Ends& ends) {
  site.worker.egress = ends.egress();
  const uint32_t in_use = rte_mempool_in_use_count(packet_pool());
  static Batch batch;  // the same
  if (!path::send(site.worker, batch)) batch.count = 0;
  CHECK(rte_mempool_in_use_count(packet_pool()) == in_use, "the line lost a packet or freed one twice");
  std::vector<Outcome> outcomes;
  for (uint32_t row = 0; row < batch.count; ++row)
    outcomes.push_back({batch.verdict[row], batch.reason[row], kNoSlot, false, {}});
  return outcomes;
}

Outcome run(Site& site, const std::vector<std::byte>& frame) {
  Ends ends;
  Outcome outcome = run(site, ends, {frame})[0];
  for (const auto* end : {&ends.sent, &ends.kernel, &ends.handed_over, &ends.waiting})
    if (!end->empty()) outcome.frame = end->front().frame;
  return outcome;
}

}  // namespace cardea::dataplane::test
