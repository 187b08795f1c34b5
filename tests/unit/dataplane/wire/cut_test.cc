// Cutting: every piece fits, says where it belongs, and together they are the packet again; options go where they say.
#include "dataplane/wire/cut.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/packets/fragments.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::wire {
namespace {

using test::Frame;

std::vector<Frame> cut(const Frame& whole, uint16_t mtu, uint32_t id = 0) {
  const uint8_t family = load_be16(whole.data() + 12) == kEtherIpv4 ? 4 : 6;
  const Cut pieces(whole.data() + 14, family, uint16_t(whole.size() - 14), mtu, id);
  std::vector<Frame> frames;
  for (uint32_t i = 0; i < pieces.count(); ++i) {
    Frame one(whole.begin(), whole.begin() + 14);
    one.resize(14u + pieces.size(i));
    pieces.write(i, one.data() + 14);
    frames.push_back(std::move(one));
  }
  return frames;
}

Frame packet(bool v6, uint16_t payload) {
  const FlowTuple t = v6 ? test::tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:53", Protocol::kUdp)
                         : test::tuple("198.51.100.7:5555", "203.0.113.1:53", Protocol::kUdp);
  Frame bytes = test::frame({.tuple = t, .payload = payload});
  if (!v6) bytes = test::without_id(bytes);
  return bytes;
}

TEST(Cut, GivesPiecesThatFitAndAreThePacketAgain) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const bool v6 = random() % 2;
    const Frame whole = packet(v6, uint16_t(100 + random() % 3000));
    const auto mtu = uint16_t((v6 ? 56 : 28) + random() % 1500);
    const auto pieces = cut(whole, mtu, 0x01020304);
    for (const Frame& piece : pieces) ASSERT_LE(piece.size(), 14u + mtu);
    const auto datagram = test::reassembled(pieces);
    ASSERT_TRUE(datagram) << mtu;
    EXPECT_EQ(datagram->frame, whole);
    EXPECT_EQ(datagram->id, v6 ? 0x01020304u : 0u);
  }
}

TEST(Cut, FragmentsAreCutAgainWithoutLosingTheirPlace) {
  const Frame whole = packet(false, 2500);
  std::vector<Frame> pieces;
  for (const Frame& fragment : test::fragments_of(whole, 1200, 9))
    for (const Frame& piece : cut(fragment, 300)) pieces.push_back(piece);
  const auto datagram = test::reassembled(pieces);
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->frame, whole);
  EXPECT_EQ(datagram->id, 9u);
}

TEST(Cut, NeedsRoomForEightBytes) {
  EXPECT_EQ(cut(packet(false, 100), 27).size(), 0u);
  EXPECT_EQ(cut(packet(false, 100), 28).size(), 14u) << "108 bytes, 8 at a time";
  EXPECT_EQ(cut(packet(true, 100), 55).size(), 0u);
  EXPECT_EQ(cut(packet(true, 100), 56).size(), 14u);
}

// RFC 791 3.1: options say themselves whether each fragment has them.
TEST(Cut, OptionsGoWhereTheySay) {
  Frame whole = packet(false, 100);
  const uint8_t options[12] = {1, 0x07, 3, 4, 0x94, 4, 0, 0, 0x83, 3, 4, 0};  // record route; router alert, source route
  whole.insert(whole.begin() + 34, 12, std::byte{0});
  std::memcpy(whole.data() + 34, options, 12);
  whole[14] = std::byte{0x48};
  whole = test::without_id(whole);
  const auto pieces = cut(whole, 32 + 64);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(whole[14], pieces[0][14]);
  EXPECT_EQ(std::memcmp(pieces[0].data() + 34, options, 12), 0) << "the first has all";
  const uint8_t copied[8] = {0x94, 4, 0, 0, 0x83, 3, 4, 0};
  EXPECT_EQ(pieces[1][14], std::byte{0x47});
  EXPECT_EQ(std::memcmp(pieces[1].data() + 34, copied, 8), 0);
  for (const Frame& piece : pieces)
    EXPECT_EQ(test::internet_checksum(std::span(piece).subspan(14, (size_t(piece[14]) & 15) * 4)), 0);
  EXPECT_EQ(pieces[0].size() + pieces[1].size(), 14u * 2 + 32 + 28 + 108);
}

TEST(Cut, OptionsThatMakeNoSenseEndTheList) {
  for (const auto& [kind, length] : {std::pair{0x94, 0}, {0x94, 1}, {0x94, 9}, {0x94, 200}}) {
    Frame whole = packet(false, 100);
    whole.insert(whole.begin() + 34, 4, std::byte{0});
    whole[34] = std::byte(kind), whole[35] = std::byte(length);
    whole[14] = std::byte{0x46};
    whole = test::without_id(whole);
    const auto pieces = cut(whole, 24 + 64);
    ASSERT_EQ(pieces.size(), 2u);
    EXPECT_EQ(pieces[1][14], std::byte{0x45});
  }
}

}  // namespace
}  // namespace cardea::dataplane::wire
