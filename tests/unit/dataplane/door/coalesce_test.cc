#include "dataplane/door/coalesce.h"

#include <gtest/gtest.h>

#include "dataplane/door/segment.h"
#include "tests/unit/dataplane/door/tcp_frames.h"

namespace cardea::dataplane {
namespace {

using namespace test;
using Frame = std::vector<std::byte>;
constexpr uint8_t kAck = wire::kTcpAck, kPsh = 0x08;

// What a TAP would get: all pieces in a row.
Frame flat(std::span<const iovec> pieces) {
  Frame all;
  for (const iovec& piece : pieces) {
    const auto* at = static_cast<const std::byte*>(piece.iov_base);
    all.insert(all.end(), at, at + piece.iov_len);
  }
  return all;
}

struct Given {
  VirtioHeader header;
  Frame frame;
};
Given finish(Coalescer& coalescer) {
  const Frame all = flat(coalescer.finish());
  return {load_native<VirtioHeader>(all.data()), {all.begin() + sizeof(VirtioHeader), all.end()}};
}

// How many of the frames are put together behind the first.
size_t together(std::vector<Frame> frames) {
  Coalescer coalescer;
  for (size_t i = 0; i < frames.size(); ++i)
    if (!coalescer.add(frames[i])) return i;
  return frames.size();
}

TEST(Coalescer, PutsSegmentsTogetherAndCuttingGivesThemBack) {
  for (const FlowTuple& flow : {kFlow4, kFlow6}) {
    std::vector<Frame> frames;
    for (uint32_t i = 0; i < 5; ++i) frames.push_back(segment(flow, 1000 + i * 1400, 1400));
    frames.push_back(segment(flow, 8000, 77, kAck | kPsh));
    const std::vector<Frame> original = frames;
    Coalescer coalescer;
    for (Frame& frame : frames) ASSERT_TRUE(coalescer.add(frame));
    EXPECT_EQ(coalescer.frames(), 6u);
    const Given given = finish(coalescer);
    EXPECT_EQ(coalescer.frames(), 0u);
    EXPECT_EQ(given.header.segment, 1400);
    EXPECT_EQ(given.header.flags, VirtioHeader::kNeedsChecksum);
    FlowTuple t;
    const wire::Frame read = wire::read_frame(given.frame, t);
    ASSERT_EQ(read.fault, wire::Fault::kNone);
    EXPECT_EQ(t, flow);
    const auto cut = Segments::of(given.header, given.frame, read, t);
    ASSERT_TRUE(cut);
    ASSERT_EQ(cut->count(), 6u);
    for (uint32_t i = 0; i < 6; ++i) {
      Frame back(cut->size(i));
      cut->write(i, back.data());
      EXPECT_TRUE(sums_right(back));
      if (flow.source.is_v4()) store_be16(back.data() + 18, 0), set_sums(back);  // identification counts up
      EXPECT_EQ(back, original[i]) << i;
    }
  }
}

TEST(Coalescer, ASingleFrameGoesAsItCame) {
  Frame only = segment(kFlow4, 1, 100);
  const Frame before = only;
  Coalescer coalescer;
  ASSERT_TRUE(coalescer.add(only));
  const Given given = finish(coalescer);
  EXPECT_EQ(given.frame, before);
  EXPECT_EQ(given.header.flags, 0);
  EXPECT_EQ(given.header.type, VirtioHeader::kWhole);
  EXPECT_TRUE(coalescer.finish().empty());
}

TEST(Coalescer, KeepsApartWhatIsNotTheNextPieceOfTheSameStream) {
  const Frame first = segment(kFlow4, 1000, 500);
  const auto with = [](Frame frame, size_t at, uint8_t value) {
    frame[at] = std::byte(value);
    set_sums(frame);
    return frame;
  };
  EXPECT_EQ(together({first, segment(kFlow4, 1500, 500)}), 2u);
  EXPECT_EQ(together({first, segment(kFlow4, 1500, 500, kAck | 0x40)}), 1u) << "a congestion echo";
  EXPECT_EQ(together({first, segment(kFlow4, 1501, 500)}), 1u) << "a gap";
  EXPECT_EQ(together({first, segment(kFlow4, 1500, 501)}), 1u) << "longer than the first";
  EXPECT_EQ(together({first, segment(kFlow4, 1500, 0)}), 1u) << "an acknowledgement alone";
  EXPECT_EQ(together({segment(kFlow4, 1000, 0), segment(kFlow4, 1000, 0)}), 1u);
  EXPECT_EQ(together({first, segment(kFlow4, 1500, 500, kAck | wire::kTcpFin)}), 1u);
  EXPECT_EQ(together({segment(kFlow4, 1000, 500, kAck | kPsh), segment(kFlow4, 1500, 500)}), 1u) << "pushed";
  EXPECT_EQ(together({first, segment(kFlow4, 1500, 400), segment(kFlow4, 1900, 400)}), 2u) << "a short one is the last";
  EXPECT_EQ(together({first, with(segment(kFlow4, 1500, 500), 15, 4)}), 1u) << "type of service";
  EXPECT_EQ(together({first, with(segment(kFlow4, 1500, 500), 22, 63)}), 1u) << "time to live";
  EXPECT_EQ(together({first, with(segment(kFlow4, 1500, 500), 34 + 15, 9)}), 1u) << "window";
  EXPECT_EQ(together({first, with(segment(kFlow4, 1500, 500), 34 + 11, 9)}), 1u) << "acknowledged sequence";
  EXPECT_EQ(together({first, segment(kFlow6, 1500, 500)}), 1u);
  FlowTuple other = kFlow4;
  other.source_port_be ^= 256;
  EXPECT_EQ(together({first, segment(other, 1500, 500)}), 1u);
}

TEST(Coalescer, NeverHidesAWrongChecksum) {
  for (const size_t spoiled : {0u, 1u}) {
    std::vector<Frame> frames{segment(kFlow4, 1000, 500), segment(kFlow4, 1500, 500)};
    frames[spoiled].back() ^= std::byte{1};
    EXPECT_EQ(together(frames), 1u);
  }
}

TEST(Coalescer, StopsAtTheLargestPacketAndTheMostFrames) {
  std::vector<Frame> large, many;
  for (uint32_t i = 0; i < 60; ++i) large.push_back(segment(kFlow4, i * 1460, 1460));
  for (uint32_t i = 0; i < 100; ++i) many.push_back(segment(kFlow6, i * 10, 10));
  EXPECT_EQ(together(large), 44u) << "44 times 1460 and 40 bytes of headers are below 64 KB, 45 are not";
  EXPECT_EQ(together(many), Coalescer::kFramesMax);
}

TEST(Segments, FinishesAChecksum) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
    FlowTuple flow = kFlow4;
    flow.protocol = protocol;
    const Frame right = frame({.tuple = flow, .payload = 33});
    Frame half = right;
    FlowTuple t;
    const wire::Frame read = wire::read_frame(half, t);
    const uint16_t offset = protocol == Protocol::kTcp ? 16 : 6;
    store_be16(half.data() + read.l4 + offset, uint16_t(pseudo_header_sum(half, read)));
    const VirtioHeader header{
        .flags = VirtioHeader::kNeedsChecksum, .checksum_start = read.l4, .checksum_offset = offset};
    const auto segments = Segments::of(header, half, read, t);
    ASSERT_TRUE(segments);
    Frame whole(segments->size(0));
    segments->write(0, whole.data());
    EXPECT_EQ(whole, right);
  }
}

TEST(Segments, TheLastCarriesTheFinAndTheFirstTheCongestionMark) {
  const Frame frame = segment(kFlow4, 7, 1000, kAck | kPsh | wire::kTcpFin | 0x80);
  FlowTuple t;
  const wire::Frame read = wire::read_frame(frame, t);
  const VirtioHeader header{.type = VirtioHeader::kTcpV4 | VirtioHeader::kEcn, .segment = 400};
  const auto segments = Segments::of(header, frame, read, t);
  ASSERT_TRUE(segments);
  ASSERT_EQ(segments->count(), 3u);
  const uint8_t expected[] = {kAck | 0x80, kAck, kAck | kPsh | wire::kTcpFin};
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < 3; ++i) {
    Frame one(segments->size(i));
    segments->write(i, one.data());
    EXPECT_TRUE(sums_right(one));
    EXPECT_EQ(uint8_t(one[34 + 13]), expected[i]);
    bytes += one.size();
  }
  EXPECT_EQ(segments->bytes(), bytes);
}

// What a VLAN interface on the TAP sends: the kernel leaves cutting and checksums to us behind one tag and behind two.
TEST(Segments, CutsBehindVlanTags) {
  for (const FlowTuple& flow : {kFlow4, kFlow6})
    for (const size_t tags : {1, 2}) {
      const Frame plain = segment(flow, 7, 1000, kAck | kPsh);
      Frame tagged = plain;
      for (size_t i = 0; i < tags; ++i) {
        const std::byte tag[4] = {std::byte{i == 0 ? uint8_t{0x81} : uint8_t{0x88}},
                                  std::byte{i == 0 ? uint8_t{0} : uint8_t{0xa8}}, std::byte{0}, std::byte{5}};
        tagged.insert(tagged.begin() + 12, tag, tag + 4);
      }
      FlowTuple t, of_plain;
      const VirtioHeader header{.flags = VirtioHeader::kNeedsChecksum,
                                .type = flow.source.is_v4() ? VirtioHeader::kTcpV4 : VirtioHeader::kTcpV6,
                                .segment = 400};
      const auto segments = Segments::of(header, tagged, wire::read_behind_tags(tagged, t), t);
      ASSERT_TRUE(segments);
      EXPECT_EQ(t, flow);
      const auto expected = Segments::of(header, plain, wire::read_frame(plain, of_plain), of_plain);
      ASSERT_EQ(segments->count(), 3u);
      for (uint32_t i = 0; i < 3; ++i) {
        Frame one(segments->size(i)), untagged(expected->size(i));
        segments->write(i, one.data());
        expected->write(i, untagged.data());
        EXPECT_TRUE(std::equal(one.begin(), one.begin() + 12 + std::ptrdiff_t(4 * tags), tagged.begin()));
        one.erase(one.begin() + 12, one.begin() + 12 + std::ptrdiff_t(4 * tags));
        EXPECT_EQ(one, untagged);
        EXPECT_TRUE(test::sums_right(one));
      }
    }
}

TEST(Segments, RefusesWhatMakesNoSense) {
  const Frame frame = segment(kFlow4, 7, 1000);
  FlowTuple t;
  const wire::Frame read = wire::read_frame(frame, t);
  EXPECT_FALSE(Segments::of({.type = VirtioHeader::kTcpV4, .segment = 0}, frame, read, t));
  EXPECT_FALSE(Segments::of({.type = 3, .segment = 400}, frame, read, t)) << "fragmented UDP was never offered";
  EXPECT_FALSE(Segments::of({.flags = 1, .checksum_start = 1050, .checksum_offset = 6}, frame, read, t));
  Frame udp = test::frame({.tuple = tuple("198.51.100.7:5555", "203.0.113.3:53", Protocol::kUdp), .payload = 900});
  const wire::Frame of_udp = wire::read_frame(udp, t);
  EXPECT_FALSE(Segments::of({.type = VirtioHeader::kTcpV4, .segment = 400}, udp, of_udp, t));
}

}  // namespace
}  // namespace cardea::dataplane
