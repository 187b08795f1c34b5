// Packets larger than their way whose senders let them be cut: in pieces of the tunnel's packet, or of the translated
// one, that give the same datagram where they arrive.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/packets/ends.h"
#include "tests/packets/fragments.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

const FlowTuple kTunnel = tuple("198.51.100.7:5555", "203.0.113.2:80"),
                kTunnel6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::2]:80"),
                kNat = tuple("198.51.100.7:5555", "203.0.113.1:53", Protocol::kUdp);

std::vector<Frame> frames_of(const std::vector<Ends::Given>& given) {
  std::vector<Frame> frames;
  for (const Ends::Given& one : given) frames.push_back(one.frame);
  return frames;
}

Frame whole(const FlowTuple& tuple, uint16_t payload) {
  const Frame bytes = frame({tuple, 0x10, payload});
  return tuple.source.is_v4() ? without_id(bytes) : bytes;
}

TEST(Cut, ATunnelsPacketWhereTheSenderLetsIt) {
  for (const auto& [tuple, payload, mtu] :
       {std::tuple{kTunnel, 1441, 1500}, {kTunnel, 1460, 576}, {kTunnel6, 1220, 1280}}) {
    const Frame in = whole(tuple, uint16_t(payload));
    Site wide({.mtu = 1900}), narrow({.mtu = uint16_t(mtu)});
    const Frame expected = run(wide, in).frame;
    Ends ends;
    const auto outcomes = run(narrow, ends, {in});
    ASSERT_EQ(outcomes[0].verdict, Verdict::kForward) << name(outcomes[0].reason);
    const auto frames = frames_of(ends.sent);
    ASSERT_GT(frames.size(), 1u);
    for (const Frame& piece : frames) EXPECT_LE(piece.size(), 14u + size_t(mtu));
    const auto datagram = reassembled(frames);
    ASSERT_TRUE(datagram);
    EXPECT_EQ(datagram->frame, without_id(expected));
    EXPECT_EQ(narrow.drops(Reason::k_too_big), 0u);
    EXPECT_EQ(narrow.worker.cells[narrow.path_cells.fragments_made], frames.size() - 1);
    EXPECT_EQ(narrow.worker.cells[narrow.path_cells.ports[0].packets_out], frames.size());
    uint64_t bytes = 0;
    for (const Frame& piece : frames) bytes += piece.size();
    EXPECT_EQ(narrow.worker.cells[narrow.path_cells.ports[0].bytes_out], bytes);
  }
}

TEST(Cut, TunnelledDatagramsHaveNamesOfTheirOwn) {
  Site site;
  Ends ends;
  run(site, ends, {whole(kTunnel, 1460), whole(kTunnel, 1460)});
  ASSERT_EQ(ends.sent.size(), 4u) << "each burst's rows first, then their further pieces";
  const auto frames = frames_of(ends.sent);
  const auto one = reassembled({frames[0], frames[2]}), other = reassembled({frames[1], frames[3]});
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->id, other->id);
}

TEST(Cut, ATranslatedPacketGetsANameOfOurs) {
  Site site;
  const Frame in = whole(kNat, 1400);
  const Frame expected = run(site, in).frame;
  for (size_t i = 1; i < site.hops.hops.size(); ++i) site.hops.hops[i].mtu = 600;
  Ends ends;
  run(site, ends, {in, in});
  const auto frames = frames_of(ends.sent);
  ASSERT_EQ(frames.size(), 6u);
  const auto one = reassembled({frames[0], frames[2], frames[3]}),
             other = reassembled({frames[1], frames[4], frames[5]});
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->frame, without_id(expected));
  EXPECT_TRUE(sums_right(one->frame));
  EXPECT_NE(one->id, other->id);
}

TEST(Cut, AFragmentMayBeCutAgain) {
  Site site;
  const Frame in = whole(kNat, 1900 - 42);
  const Frame expected = run(site, whole(kNat, 100)).frame;
  for (size_t i = 1; i < site.hops.hops.size(); ++i) site.hops.hops[i].mtu = 576;
  Ends ends;
  for (const Frame& piece : fragments_of(in, 1200, 3)) run(site, ends, {piece});
  const auto datagram = reassembled(frames_of(ends.sent));
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->frame.size(), in.size());
  EXPECT_TRUE(sums_right(datagram->frame));
  EXPECT_TRUE(std::equal(expected.begin() + 26, expected.begin() + 38, datagram->frame.begin() + 26)) << "one flow";
}

TEST(Cut, PiecesWaitWithTheirPacket) {
  Site site;
  site.resolve(HopState::kUnresolved);
  Ends ends;
  run(site, ends, {whole(kTunnel, 1460)});
  ASSERT_EQ(ends.waiting.size(), 2u);
  EXPECT_TRUE(reassembled(frames_of(ends.waiting)));
  ends.wait_room = false;
  run(site, ends, {whole(kTunnel, 1460)});
  EXPECT_EQ(site.drops(Reason::k_neighbour_queue_full), 2u);
}

TEST(Cut, PiecesThatThePortDoesNotTakeAreCounted) {
  Site site;
  Ends ends;
  ends.transmit_room = 0;
  run(site, ends, {whole(kTunnel, 1460)});
  EXPECT_EQ(site.drops(Reason::k_tx_full), 2u);
  EXPECT_EQ(site.worker.cells[site.path_cells.ports[0].packets_out], 0u);
}

TEST(Cut, ABurstHasRoomForSoManyPieces) {
  Site site({.mtu = 576});
  Ends ends;
  ends.transmit_room = 255;
  const auto outcomes = run(site, ends, std::vector<Frame>(64, whole(kTunnel, 1860)));
  uint32_t dropped = 0;
  for (const Outcome& outcome : outcomes) dropped += name(outcome.reason) == name(Reason::k_no_buffer);
  EXPECT_EQ(dropped, 64 - Batch::kPiecesMax / 3) << "of four pieces each";
  EXPECT_EQ(site.drops(Reason::k_no_buffer), dropped);
  EXPECT_EQ(ends.sent.size(), (64 - dropped) * 4);
}

TEST(Cut, TheRoomForPiecesMayBeUsedUp) {
  Site site({.mtu = 576});
  Ends ends;
  ends.transmit_room = 255;
  run(site, ends, std::vector<Frame>(Batch::kPiecesMax / 2, whole(kTunnel, 1300)));
  EXPECT_EQ(site.drops(Reason::k_no_buffer), 0u) << "of three pieces each";
  EXPECT_EQ(ends.sent.size(), Batch::kPiecesMax / 2 * 3);
}

// What its sender cannot make smaller than IPv6's smallest MTU is cut; what is larger is told that MTU at least.
TEST(Cut, Ipv6SendersAreNotToldLessThanEveryLinkTakes) {
  Site site({.mtu = 1300});
  const Outcome outcome = run(site, frame({kTunnel6, 0x10, 1240}));
  ASSERT_EQ(outcome.verdict, Verdict::kToSender);
  EXPECT_EQ(load_be32(outcome.frame.data() + 58), 1280u);
}

// ---- checksums that a host left to a NIC that is not there

Frame half_done(Frame bytes) {
  FlowTuple t;
  const wire::Frame f = wire::read_frame(bytes, t);
  const size_t address = f.family == 4 ? 26 : 22, size = f.family == 4 ? 8 : 32;
  const uint16_t addresses = uint16_t(~internet_checksum(std::span(bytes).subspan(address, size)));
  const uint32_t body = uint32_t(f.l3) + f.l3_length - f.l4;
  uint32_t sum = addresses + f.protocol + body;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  store_be16(bytes.data() + f.l4 + (f.protocol == 6 ? 16 : 6), uint16_t(sum));
  return bytes;
}

TEST(HalfDoneChecksums, AreFinishedOnVirtualLinks) {
  for (const char* to : {"203.0.113.1:80", "203.0.113.1:53", "[2001:db8::1]:80", "[2001:db8::1]:53"}) {
    const std::string from = to[0] == '[' ? "[2001:db8:9::7]:5555" : "198.51.100.7:5555";
    const Protocol protocol = std::string(to).ends_with("53") ? Protocol::kUdp : Protocol::kTcp;
    const Frame right = frame({tuple(from, to, protocol), wire::kTcpSyn});
    Site site, expected, strict({.checksums = image::Checksums::full});
    Ends ends, of_strict;
    run(site, ends, {half_done(right)}, {.virtual_link = true});
    ASSERT_EQ(ends.sent.size(), 1u);
    EXPECT_TRUE(sums_right(ends.sent[0].frame)) << to;
    EXPECT_EQ(ends.sent[0].frame, run(expected, right).frame);
    EXPECT_EQ(site.worker.cells[site.path_cells.sums_finished], 1u);
    EXPECT_EQ(run(strict, of_strict, {half_done(right)}, {.virtual_link = true})[0].verdict, Verdict::kForward);
    Frame wrong = right;
    wrong.back() ^= std::byte{1};
    EXPECT_EQ(name(run(strict, of_strict, {wrong}, {.virtual_link = true})[0].reason), name(Reason::k_bad_l4_checksum))
        << "what is merely wrong stays wrong";
    run(site, ends, {right}, {.virtual_link = true});
    EXPECT_EQ(site.worker.cells[site.path_cells.sums_finished], 1u) << "and what is right stays as it is";
  }
}

TEST(HalfDoneChecksums, AreFinishedForTheKernelToo) {
  const Frame right = frame({tuple("198.51.100.7:5555", "203.0.113.3:80")});
  const std::byte tag[4] = {std::byte{0x81}, std::byte{0}, std::byte{0}, std::byte{5}};
  for (const bool tagged : {false, true}) {
    Frame in = half_done(right), expected = right;
    if (tagged) in.insert(in.begin() + 12, tag, tag + 4), expected.insert(expected.begin() + 12, tag, tag + 4);
    Site site;
    Ends ends;
    run(site, ends, {in}, {.virtual_link = true});
    ASSERT_EQ(ends.kernel.size(), 1u);
    EXPECT_EQ(ends.kernel[0].frame, expected) << tagged;
    EXPECT_EQ(site.worker.cells[site.path_cells.sums_finished], 1u);
  }
}

}  // namespace
}  // namespace cardea::dataplane::test
