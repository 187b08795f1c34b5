// Datagrams that come in fragments: every one reaches the backend, or the client, that its whole would have reached,
// and can be put together there.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/stats.h"
#include "tests/packets/ends.h"
#include "tests/packets/fragments.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

constexpr Protocol kUdp = Protocol::kUdp;

std::vector<FlowTuple> services() {
  return {tuple("198.51.100.7:5555", "203.0.113.1:53", kUdp), tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:53", kUdp),
          tuple("198.51.100.7:5555", "203.0.113.2:53", kUdp), tuple("[2001:db8:9::7]:5555", "[2001:db8::2]:53", kUdp)};
}
bool is_tunnel(const FlowTuple& t) {
  return t.destination.text().back() == '2';
}
const FlowTuple kNat = services()[0], kTunnel = services()[2];

std::vector<Frame> frames_of(const std::vector<Ends::Given>& given) {
  std::vector<Frame> frames;
  for (const Ends::Given& one : given) frames.push_back(one.frame);
  return frames;
}

// What leaves when these come one by one; packets that wait and are let go come again, as from the worker's own ring.
std::vector<Frame> one_by_one(Site& site, const std::vector<Frame>& frames) {
  Ends ends;
  for (const Frame& frame : frames) {
    run(site, ends, {frame});
    const auto again = frames_of(std::exchange(ends.handed_over, {}));
    if (!again.empty()) run(site, ends, again, {.handed_over = true});
  }
  return frames_of(ends.sent);
}

// Without the outer header.
std::vector<Frame> inner(std::vector<Frame> frames) {
  for (Frame& frame : frames)
    frame.erase(frame.begin() + 14, frame.begin() + (load_be16(&frame[12]) == 0x800 ? 34 : 54));
  return frames;
}

TEST(Fragments, InAnyOrderGiveTheDatagramThatItsWholeWouldBe) {
  for (const FlowTuple& in : services()) {
    Frame whole = frame({.tuple = in, .payload = 1100});
    std::vector<Frame> pieces = fragments_of(whole, 400, 0x1234);
    ASSERT_EQ(pieces.size(), 3u);
    std::ranges::sort(pieces);
    do {
      Site site;
      Ends ends;
      run(site, ends, {whole});
      std::vector<Frame> sent = frames_of(ends.sent), got = one_by_one(site, pieces);
      if (is_tunnel(in)) sent = inner(sent), got = inner(got);
      const auto datagram = reassembled(got);
      ASSERT_TRUE(datagram) << got.size();
      EXPECT_EQ(datagram->frame, without_id(sent.at(0)));
      EXPECT_TRUE(sums_right(datagram->frame));
      EXPECT_EQ(site.worker.flows.size(), 1u);
      EXPECT_EQ(site.worker.cells[site.path_cells.fragments_joined], 3u);
      EXPECT_EQ(site.worker.fragments.waiting(), 0u);
    } while (std::ranges::next_permutation(pieces).found);
  }
}

TEST(Fragments, OfABackendsAnswerReachTheClient) {
  for (const FlowTuple& in : {services()[0], services()[1]}) {
    Site site;
    FlowTuple out;
    wire::read_frame(run(site, frame({in})).frame, out);
    const FlowTuple answer{out.destination, out.source, out.destination_port_be, out.source_port_be, kUdp};
    const Frame whole = frame({.tuple = answer, .payload = 1300});
    const Outcome expected = run(site, whole);
    const auto datagram = reassembled(one_by_one(site, fragments_of(whole, 512, 7)));
    ASSERT_TRUE(datagram);
    EXPECT_EQ(datagram->frame, without_id(expected.frame));
    EXPECT_TRUE(sums_right(datagram->frame));
  }
}

TEST(Fragments, InOneBurstNeedNotWait) {
  Site site;
  Ends ends;
  std::vector<Frame> pieces = fragments_of(frame({.tuple = kNat, .payload = 1100}), 400, 9);
  std::ranges::reverse(pieces);
  for (const Outcome& outcome : run(site, ends, pieces)) EXPECT_EQ(outcome.verdict, Verdict::kForward);
  EXPECT_TRUE(reassembled(frames_of(ends.sent)));
}

TEST(Fragments, OfTwoClientsWithOneIdentificationAreNotMixedUpBehindTheNatAddress) {
  Site site({.backends = 1});
  FlowTuple other = kNat;
  other.source = IpAddress::parse("198.51.100.8").value();
  const auto one = fragments_of(frame({.tuple = kNat, .payload = 900}), 400, 77);
  const auto two = fragments_of(frame({.tuple = other, .payload = 900}), 400, 77);
  std::vector<Frame> mixed;
  for (size_t i = 0; i < one.size(); ++i) mixed.push_back(one[i]), mixed.push_back(two[i]);
  const auto got = one_by_one(site, mixed);
  ASSERT_EQ(got.size(), 6u);
  const auto first = reassembled({got[0], got[2], got[4]}), second = reassembled({got[1], got[3], got[5]});
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->id, second->id);
  EXPECT_TRUE(sums_right(first->frame) && sums_right(second->frame));
}

// IPv6 has 32 bits for it.
TEST(Fragments, OfOneClientAreToldApartByTheWholeIdentification) {
  Site site({.backends = 1});
  const FlowTuple one = services()[1];
  FlowTuple two = one;
  two.source_port_be = __builtin_bswap16(6666);
  const auto first = fragments_of(frame({.tuple = one, .payload = 900}), 400, 0x1'0007);
  const auto second = fragments_of(frame({.tuple = two, .payload = 900}), 400, 0x2'0007);
  std::vector<Frame> mixed;
  for (size_t i = 0; i < first.size(); ++i) mixed.push_back(first[i]), mixed.push_back(second[i]);
  const auto got = one_by_one(site, mixed);
  ASSERT_EQ(got.size(), 6u);
  EXPECT_TRUE(reassembled({got[0], got[2], got[4]}));
  EXPECT_TRUE(reassembled({got[1], got[3], got[5]}));
}

// A first fragment that a network doubled does not part what came before from what comes behind.
TEST(Fragments, WhoseFirstOneComesTwiceAreOneDatagram) {
  Site site({.backends = 1});
  const auto pieces = fragments_of(frame({.tuple = kNat, .payload = 900}), 400, 77);
  ASSERT_EQ(pieces.size(), 3u);
  const auto got = one_by_one(site, {pieces[0], pieces[1], pieces[0], pieces[2]});
  ASSERT_EQ(got.size(), 4u);
  EXPECT_TRUE(reassembled({got[0], got[1], got[3]}));
  EXPECT_TRUE(reassembled({got[2], got[1], got[3]}));
}

TEST(Fragments, OfTcpAreTranslatedAsWell) {
  Site site;
  FlowTuple in = kNat;
  in.protocol = Protocol::kTcp, in.destination_port_be = __builtin_bswap16(80);
  ASSERT_EQ(run(site, frame({in, wire::kTcpSyn})).verdict, Verdict::kForward);
  const Frame whole = frame({.tuple = in, .payload = 900});
  const Outcome expected = run(site, whole);
  const auto datagram = reassembled(one_by_one(site, fragments_of(whole, 304, 5)));
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->frame, without_id(expected.frame));
  EXPECT_TRUE(sums_right(datagram->frame));
}

TEST(Fragments, WhoseFirstOneNeverComesAreDroppedAfterASecond) {
  Site site;
  const auto pieces = fragments_of(frame({.tuple = kTunnel, .payload = 1100}), 400, 9);
  EXPECT_EQ(run(site, pieces[2]).verdict, Verdict::kHold);
  EXPECT_EQ(site.drops(Reason::k_fragment), 0u);
  site.worker.now_ms += FirstFragments::kPatienceMs;
  path::tend(site.worker);
  EXPECT_EQ(site.worker.fragments.waiting(), 1u);
  ++site.worker.now_ms;
  path::tend(site.worker);
  EXPECT_EQ(site.worker.fragments.waiting(), 0u);
  EXPECT_EQ(site.drops(Reason::k_fragment), 1u);
}

TEST(Fragments, ThatComeTooLateAreNotTheFirstOnes) {
  Site site;
  const auto pieces = fragments_of(frame({.tuple = kTunnel, .payload = 1100}), 400, 9);
  EXPECT_EQ(run(site, pieces[0]).verdict, Verdict::kForward);
  site.worker.now_ms += FirstFragments::kPatienceMs;
  EXPECT_EQ(run(site, pieces[1]).verdict, Verdict::kForward);
  ++site.worker.now_ms;
  EXPECT_EQ(run(site, pieces[2]).verdict, Verdict::kHold);
}

TEST(Fragments, ThatWaitAreBoundedAndTheOldestGivesWay) {
  Site site;
  for (uint32_t i = 0; i <= FirstFragments::kWaitingMax; ++i) {
    const auto pieces = fragments_of(frame({.tuple = kTunnel, .payload = 1100}), 400, i);
    run(site, pieces[1]);
  }
  EXPECT_EQ(site.worker.fragments.waiting(), FirstFragments::kWaitingMax);
  EXPECT_EQ(site.drops(Reason::k_fragment), 1u);
  Ends ends;
  run(site, ends, {fragments_of(frame({.tuple = kTunnel, .payload = 1100}), 400, 0)[0]});
  EXPECT_TRUE(ends.handed_over.empty()) << "the oldest one is gone";
  run(site, ends, {fragments_of(frame({.tuple = kTunnel, .payload = 1100}), 400, 1)[0]});
  EXPECT_EQ(ends.handed_over.size(), 1u);
  site.worker.now_ms += 2 * FirstFragments::kPatienceMs;
  path::tend(site.worker);
}

TEST(Fragments, ThatWaitedAndFindNoRoomInTheRingAreCounted) {
  Site site;
  Ends ends;
  ends.hand_over_room = 0;
  const auto pieces = fragments_of(frame({.tuple = kTunnel, .payload = 1100}), 400, 9);
  run(site, ends, {pieces[1], pieces[2]});
  run(site, ends, {pieces[0]});
  EXPECT_EQ(site.drops(Reason::k_hand_over_full), 2u);
}

TEST(Fragments, DatagramsThatMakeRoomForOthersAreCounted) {
  Site site;
  for (uint32_t i = 0; i < 3 * FirstFragments::kDatagramsMax; ++i)
    run(site, fragments_of(frame({.tuple = kTunnel, .payload = 24}), 16, i)[0]);
  const uint64_t evicted = site.worker.cells[site.path_cells.datagrams_evicted];
  EXPECT_GE(evicted, 2 * FirstFragments::kDatagramsMax);
  EXPECT_LT(evicted, 2 * FirstFragments::kDatagramsMax + FirstFragments::kDatagramsMax / 4);
}

TEST(Fragments, ForNobodyHereAreTheKernels) {
  Site site;
  for (const char* where : {"10.0.0.9:53", "10.0.0.1:22", "203.0.113.3:53"}) {
    std::vector<Frame> pieces = fragments_of(frame({.tuple = tuple("198.51.100.7:5555", where, kUdp)}), 8, 1);
    for (const Frame& piece : pieces) {
      const Outcome outcome = run(site, piece);
      EXPECT_EQ(outcome.verdict, Verdict::kDoor) << where << name(outcome.reason);
      EXPECT_EQ(outcome.frame, piece) << "as it came";
    }
  }
}

TEST(Fragments, OfAnotherHostsFrameAreNotJoined) {
  auto pieces = fragments_of(frame({.tuple = kTunnel, .payload = 1100}), 400, 9);
  for (int order = 0; order < 2; ++order, std::ranges::reverse(pieces)) {
    Site site;
    Ends ends;
    for (const Frame& piece : pieces)  // one that came before the first would wait, if it were ours
      EXPECT_EQ(name(run(site, ends, {piece}, {.mac = 0x02'00'00'00'00'02})[0].reason),
                name(Reason::k_for_another_host));
  }
}

TEST(Fragments, WithAHeaderTooShortForItsPortsAreDropped) {
  Site site;
  FlowTuple in = kTunnel;
  in.protocol = Protocol::kTcp, in.destination_port_be = __builtin_bswap16(80);
  const auto pieces = fragments_of(frame({.tuple = in, .payload = 100}), 16, 9);
  EXPECT_EQ(name(run(site, pieces[0]).reason), name(Reason::k_bad_l4_header)) << "RFC 1858";
}

// ---- several workers

struct Joined {
  uint32_t joiner = 0, owner = 0;
  std::vector<Frame> sent;
};

// Every worker's way of a datagram that came to `first`: who joins it, who owns the flow, what leaves there.
Joined over_workers(Site& site, const std::vector<Frame>& pieces, uint32_t first, bool spread, uint16_t port = 0) {
  const auto at = [&](uint32_t worker) { site.worker.index = worker; };
  Joined joined;
  Ends ends;
  at(first);
  run(site, ends, pieces, {.spread = spread, .port = port});
  joined.joiner = first;
  if (!ends.handed_over.empty() && !ends.handed_over[0].mark) {  // all of them, to the one that joins them
    EXPECT_EQ(ends.handed_over.size(), pieces.size());
    joined.joiner = ends.handed_over[0].to;
    for (const auto& given : ends.handed_over) EXPECT_EQ(given.to, joined.joiner);
    const auto frames = frames_of(std::exchange(ends.handed_over, {}));
    at(joined.joiner);
    run(site, ends, frames, {.handed_over = true, .port = port});
  }
  joined.owner = joined.joiner;
  if (!ends.handed_over.empty()) {
    How how{.handed_over = true, .port = port};
    joined.owner = ends.handed_over[0].to;
    for (const auto& given : ends.handed_over) {
      EXPECT_EQ(given.to, joined.owner);
      how.marks.push_back(given.mark);
    }
    const auto frames = frames_of(std::exchange(ends.handed_over, {}));
    at(joined.owner);
    run(site, ends, frames, how);
  }
  EXPECT_TRUE(ends.handed_over.empty()) << "whoever was told of the flow keeps it";
  joined.sent = frames_of(ends.sent);
  return joined;
}

TEST(Fragments, MeetAtOneWorkerAndGoToTheFlowsOwner) {
  std::vector<uint32_t> joiners;
  for (uint32_t id = 0; id < 32; ++id) {
    Site site;
    site.worker.workers = 4;
    const auto pieces = fragments_of(frame({.tuple = kTunnel, .payload = 1100}), 400, id);
    const Joined from0 = over_workers(site, pieces, 0, true);
    EXPECT_EQ(from0.owner, owner_of(flow_hash(site.plan->hash_key, kTunnel), 4)) << "as a whole packet's";
    ASSERT_TRUE(reassembled(inner(from0.sent)));
    Site another;
    another.worker.workers = 4;
    const Joined from3 = over_workers(another, pieces, 3, id % 2);
    EXPECT_EQ(from3.joiner, from0.joiner);
    EXPECT_EQ(from3.owner, from0.owner);
    joiners.push_back(from0.joiner);
  }
  for (uint32_t worker = 0; worker < 4; ++worker) EXPECT_GT(std::ranges::count(joiners, worker), 0) << worker;
}

TEST(Fragments, GoWhereTheirPortSteersWholePackets) {
  Steering steering{.key = std::vector<uint8_t>(40), .table = std::vector<uint16_t>(128)};
  for (size_t i = 0; i < steering.key.size(); ++i) steering.key[i] = uint8_t(i * 37 + 11);
  for (size_t i = 0; i < steering.table.size(); ++i) steering.table[i] = uint16_t(i % 4);
  for (uint16_t port = 5000; port < 5016; ++port) {
    Site site;
    site.worker.workers = 4;
    site.worker.steering = {Steering{}, steering};
    FlowTuple in = kTunnel;
    in.source_port_be = __builtin_bswap16(port);
    const Joined joined =
        over_workers(site, fragments_of(frame({.tuple = in, .payload = 900}), 400, port), 1, false, 1);
    EXPECT_EQ(joined.owner, steering.worker_of(in, 4));
  }
}

TEST(Fragments, OfRepliesGoToTheOwnerOfTheirPort) {
  for (uint16_t port = 1024; port < 1032; ++port) {
    Site site;
    site.worker.workers = 4;
    FlowTuple reply = tuple("10.0.0.11:8080", "10.0.0.1:1", kUdp);
    reply.destination_port_be = __builtin_bswap16(port);
    EXPECT_EQ(over_workers(site, fragments_of(frame({.tuple = reply, .payload = 900}), 400, 3), 1, false).owner,
              uint32_t(port - 1024) % 4);
  }
}

TEST(Fragments, GetIdentificationsThatNoOtherWorkerGives) {
  std::vector<uint32_t> ids;
  for (uint32_t worker = 0; worker < 3; ++worker) {
    Site site;
    site.worker.workers = 3, site.worker.index = worker;
    for (uint32_t id = 0; id < 40; ++id) {
      Ends ends;
      run(site, ends, {fragments_of(frame({.tuple = kNat, .payload = 900}), 400, id)[0]}, {.handed_over = true});
      for (const auto& given : ends.handed_over) ids.push_back(given.mark->id);
      for (const auto& given : ends.sent) ids.push_back(load_be16(given.frame.data() + 18));
    }
  }
  EXPECT_EQ(ids.size(), 120u);
  std::ranges::sort(ids);
  EXPECT_TRUE(std::ranges::adjacent_find(ids) == ids.end());
}

}  // namespace
}  // namespace cardea::dataplane::test
