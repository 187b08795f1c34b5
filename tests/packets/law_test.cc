// The law that holds of every burst, whatever is in it: each packet that came, or was made of one, is sent, the
// kernel's, a shard's, another worker's, waits, is held, or is dropped and counted with a reason; and the counters say
// the same as the ends.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/packets/connection.h"
#include "tests/packets/errors.h"
#include "tests/packets/fragments.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

// Frames of all kinds, sound ones mostly, and what answers those that were forwarded.
class Traffic {
 public:
  explicit Traffic(uint32_t seed) : random_(seed) {}
  uint32_t below(uint32_t end) { return uint32_t(random_() % end); }
  bool one_in(uint32_t n) { return below(n) == 0; }

  std::vector<Frame> burst() {
    std::vector<Frame> frames;
    for (uint32_t left = 1 + below(12); left > 0; --left)
      for (Frame& frame : some())
        if (frames.size() < kBurstMax) frames.push_back(std::move(frame));
    return frames;
  }
  void note_sent(const Frame& frame) {
    sent_.push_back(frame);
    if (sent_.size() > 64) sent_.erase(sent_.begin() + below(64));
  }

 private:
  FlowTuple any_tuple() {
    const bool v6 = one_in(2);
    const Protocol protocol = one_in(3) ? Protocol::kUdp : Protocol::kTcp;
    const std::string service = std::to_string(1 + below(6)), port = one_in(20)                   ? "81"
                                                                     : protocol == Protocol::kTcp ? "80"
                                                                                                  : "53";
    const std::string client = std::to_string(1 + below(40)) + (v6 ? "]:" : ":") + std::to_string(1000 + below(20));
    return v6 ? tuple("[2001:db8:9::" + client, "[2001:db8::" + service + "]:" + port, protocol)
              : tuple("198.51.100." + client, "203.0.113." + service + ":" + port, protocol);
  }
  Frame any_frame() {
    constexpr uint8_t kFlags[] = {0x02, 0x02, 0x10, 0x10, 0x18, 0x11, 0x04, 0x12, 0x00, 0x03};
    FlowTuple t = any_tuple();
    if (!sent_.empty() && one_in(2)) t = answer_to(sent_[below(uint32_t(sent_.size()))]);
    const uint16_t payload = one_in(6) ? uint16_t(1300 + below(200)) : uint16_t(below(200));
    return frame({t, kFlags[below(10)], payload, uint8_t(one_in(15) ? below(2) : 64), below(3), below(3)});
  }
  std::vector<Frame> some() {
    Frame frame = any_frame();
    FlowTuple t;
    const wire::Frame read = wire::read_frame(frame, t);
    const bool whole = read.fault == wire::Fault::kNone;
    if (one_in(3) && read.family == 4) frame[20] &= std::byte{0xbf}, set_ip_sum(frame, read);  // it may be cut
    if (whole && one_in(read.protocol == 17 ? 3 : 20)) return pieces_of(frame);
    if (whole && one_in(12)) frame = error_about(frame, read.family == 4 ? kTooBig4 : kTooBig6);
    if (one_in(10)) frame[below(uint32_t(frame.size()))] ^= std::byte(1u << below(8));
    if (one_in(20)) frame.resize(14 + below(uint32_t(frame.size() - 13)));
    if (one_in(30)) store_be16(&frame[12], one_in(2) ? 0x8100 : 0x0806);
    return {frame};
  }
  std::vector<Frame> pieces_of(const Frame& whole) {
    std::vector<Frame> pieces = fragments_of(whole, 64, below(1000));
    std::ranges::shuffle(pieces, random_);
    if (one_in(2)) pieces.resize(1 + below(uint32_t(pieces.size())));
    return pieces;
  }

  std::mt19937 random_;
  std::vector<Frame> sent_;
};

uint64_t all_drops(const Site& site) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < kReasonCount; ++i)
    if (is_drop(Reason(i))) sum += site.drops(Reason(i));
  return sum;
}

struct Counted {
  uint64_t received = 0, sent = 0, kernel = 0, shards = 0, handed_over = 0, pieces = 0, drops = 0, held = 0;
};
Counted counted(const Site& site) {
  const auto cell = [&](uint32_t at) { return site.worker.cells[at]; };
  const PathCells& cells = site.path_cells;
  Counted all{.kernel = cell(cells.to_kernel),
              .shards = cell(cells.shards.packets_in),
              .handed_over = cell(cells.handed_over),
              .pieces = cell(cells.fragments_made),
              .drops = all_drops(site),
              .held = site.worker.fragments.waiting()};
  for (const PortCells& port : cells.ports) all.received += cell(port.packets_in), all.sent += cell(port.packets_out);
  return all;
}

uint64_t count(const std::vector<Outcome>& outcomes, Verdict verdict) {
  return uint64_t(std::ranges::count(outcomes, verdict, &Outcome::verdict));
}

// One burst, and what the law says of it.
void expect_the_law(Site& site, Traffic& traffic, Ends& ends, const std::vector<Frame>& frames, const How& how) {
  const Counted before = counted(site);
  const std::vector<Outcome> outcomes = run(site, ends, frames, how);
  const Counted after = counted(site);
  const uint64_t told = count(outcomes, Verdict::kToSender);  // dropped, and an error sent for it or waiting
  const uint64_t drops = after.drops - before.drops, shards = after.shards - before.shards;
  EXPECT_EQ(frames.size() + (after.pieces - before.pieces) + before.held + told,
            ends.sent.size() + ends.kernel.size() + shards + ends.handed_over.size() + ends.waiting.size() + drops +
                after.held);
  EXPECT_EQ(count(outcomes, Verdict::kOnTheLine), 0u);
  EXPECT_EQ(after.received - before.received, how.handed_over ? 0 : frames.size());
  EXPECT_EQ(after.sent - before.sent, ends.sent.size());
  EXPECT_EQ(after.kernel - before.kernel, ends.kernel.size());
  EXPECT_EQ(after.kernel - before.kernel, count(outcomes, Verdict::kDoor));
  EXPECT_EQ(shards, count(outcomes, Verdict::kShard));
  EXPECT_EQ(after.handed_over - before.handed_over, count(outcomes, Verdict::kHandOver));
  EXPECT_GE(drops, count(outcomes, Verdict::kDrop) + told);
  for (const Outcome& outcome : outcomes) {
    const bool lost = outcome.verdict == Verdict::kDrop || outcome.verdict == Verdict::kToSender;
    EXPECT_TRUE(!lost || is_drop(outcome.reason)) << name(outcome.reason);
  }
  for (const Ends::Given& given : ends.sent) traffic.note_sent(given.frame);
}

// What comes out of the worker's own ring, as it does in its next turn.
void again(Site& site, Traffic& traffic, const Ends& last) {
  Ends ends;
  How how{.handed_over = true};
  std::vector<Frame> frames;
  for (const Ends::Given& given : last.handed_over)
    if (given.to == site.worker.index && frames.size() < kBurstMax)
      frames.push_back(given.frame), how.marks.push_back(given.mark);
  if (!frames.empty()) expect_the_law(site, traffic, ends, frames, how);
}

HopState any_state(Traffic& traffic) {
  constexpr HopState kStates[] = {HopState::kResolved, HopState::kUnresolved, HopState::kOnLink, HopState::kFailed};
  return traffic.one_in(4) ? kStates[traffic.below(4)] : HopState::kResolved;
}

std::set<Reason> met(const Site& site) {
  std::set<Reason> reasons;
  for (uint32_t i = 0; i < kReasonCount; ++i)
    if (is_drop(Reason(i)) && site.drops(Reason(i)) > 0) reasons.insert(Reason(i));
  return reasons;
}

TEST(Law, NoPacketIsLostWithoutAReasonNorCountedTwice) {
  std::set<Reason> reasons;
  Counted sum;
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Traffic traffic(seed);
    Site site({.backends = 2,
               .flows = 64,
               .nat_port_first = 4000,
               .nat_port_last = 4007,
               .checksums = traffic.one_in(2) ? image::Checksums::full : image::Checksums::headers,
               .lan = true,
               .shards = 1});
    site.worker.workers = 2;
    for (int burst = 0; burst < 200 && !HasFailure(); ++burst) {
      SCOPED_TRACE(burst);
      site.resolve(any_state(traffic));
      site.hops.hops[0].state = any_state(traffic);
      site.worker.now_ms += traffic.below(traffic.one_in(10) ? 2000 : 5);
      path::tend(site.worker);
      Ends ends;
      for (uint16_t* room : {&ends.transmit_room, &ends.door_room, &ends.hand_over_room})
        if (traffic.one_in(4)) *room = uint16_t(traffic.below(4));
      ends.wait_room = !traffic.one_in(4);
      expect_the_law(
          site, traffic, ends, traffic.burst(),
          {.spread = traffic.one_in(3), .virtual_link = traffic.one_in(3), .port = uint16_t(traffic.below(2))});
      again(site, traffic, ends);
    }
    const Counted all = counted(site);
    sum = {.sent = sum.sent + all.sent,
           .kernel = sum.kernel + all.kernel,
           .shards = sum.shards + all.shards,
           .handed_over = sum.handed_over + all.handed_over,
           .pieces = sum.pieces + all.pieces};
    reasons.merge(met(site));
  }
  using enum Reason;
  for (const Reason reason : {k_truncated, k_bad_ip_header, k_bad_ip_checksum, k_bad_l4_checksum, k_fragment,
                              k_ttl_expired, k_neighbour_failed, k_neighbour_queue_full, k_too_big, k_hand_over_full,
                              k_tx_full, k_door_full, k_door_rest_full, k_door_host_full, k_shard_fragment})
    EXPECT_TRUE(reasons.contains(reason)) << "these bursts are to meet " << name(reason);
  for (const uint64_t some : {sum.sent, sum.kernel, sum.shards, sum.handed_over, sum.pieces}) EXPECT_GT(some, 20u);
}

}  // namespace
}  // namespace cardea::dataplane::test
