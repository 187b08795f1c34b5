// Sequence numbers and timestamps moved by a constant, and the checksum's delta against a sum from nothing.
#include "dataplane/wire/tcp_shift.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace cardea::dataplane::wire {
namespace {

using Segment = std::vector<std::byte>;
using Options = std::vector<uint8_t>;

constexpr TcpShift kBy{0xfffffff0, 0x01020304};
constexpr uint32_t kSequence = 0x11223344, kAcknowledgement = 0x55667788;
const Options kStandard = {1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9};
const Options kOfASyn = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 1, 3, 3, 7};
const Options kOddPlace = {1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 1};
const Options kSackAndTimestamps = {1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 1, 1, 5, 18,
                                    0, 0, 1, 0,  0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0};

Segment segment(const Options& options, uint8_t flags = kTcpAck) {
  Segment bytes(20);
  store_be32(bytes.data() + 4, kSequence);
  store_be32(bytes.data() + 8, kAcknowledgement);
  bytes[12] = std::byte(uint8_t((20 + options.size()) / 4 << 4));
  bytes[13] = std::byte{flags};
  for (const uint8_t byte : options) bytes.push_back(std::byte{byte});
  return bytes;
}

uint32_t number(const Segment& bytes, size_t at) {
  return load_be32(bytes.data() + at);
}

uint32_t size_of(const Segment& bytes) {
  return tcp_header_in(bytes.data(), uint32_t(bytes.size()));
}

TEST(TcpShift, TheClientsOwnNumbersMoveAndTheBackendsStay) {
  for (const auto& [options, timestamps] : {std::pair{kStandard, 24u}, {kOfASyn, 28u}, {kOddPlace, 23u}}) {
    Segment bytes = segment(options);
    shift_own(bytes.data(), size_of(bytes), kBy);
    EXPECT_EQ(number(bytes, 4), kSequence + kBy.sequence);
    EXPECT_EQ(number(bytes, 8), kAcknowledgement);
    EXPECT_EQ(number(bytes, timestamps), 7 + kBy.timestamp);
    EXPECT_EQ(number(bytes, timestamps + 4), 9u);
  }
}

TEST(TcpShift, WhatTheBackendSaysOfThemMovesAndItsOwnStay) {
  for (const auto& [options, timestamps] : {std::pair{kStandard, 24u}, {kOfASyn, 28u}, {kOddPlace, 23u}}) {
    Segment bytes = segment(options);
    shift_echoed(bytes.data(), size_of(bytes), -kBy);
    EXPECT_EQ(number(bytes, 4), kSequence);
    EXPECT_EQ(number(bytes, 8), kAcknowledgement - kBy.sequence);
    EXPECT_EQ(number(bytes, timestamps), 7u);
    EXPECT_EQ(number(bytes, timestamps + 4), 9 - kBy.timestamp);
  }
}

TEST(TcpShift, EveryEdgeOfASackBlockMoves) {
  Segment bytes = segment(kSackAndTimestamps);
  shift_echoed(bytes.data(), size_of(bytes), kBy);
  for (uint32_t edge = 0; edge < 4; ++edge)
    EXPECT_EQ(number(bytes, 36 + edge * 4), (edge + 1) * 0x100 + kBy.sequence) << edge;
  EXPECT_EQ(number(bytes, 28), 9 + kBy.timestamp);
}

TEST(TcpShift, WithoutAckTheBackendSaysNothingOfThem) {
  const Segment before = segment(kStandard, kTcpRst);
  Segment bytes = before;
  EXPECT_EQ(shift_echoed(bytes.data(), size_of(bytes), kBy), 0);
  EXPECT_EQ(bytes, before);
}

TEST(TcpShift, OfACutHeaderOnlyWhatIsThereMoves) {
  Segment bytes = segment(kStandard);
  bytes.resize(8);
  shift_own(bytes.data(), size_of(bytes), kBy);
  EXPECT_EQ(number(bytes, 4), kSequence + kBy.sequence);
  EXPECT_EQ(shift_echoed(bytes.data(), size_of(bytes), kBy), 0);
}

TEST(TcpShift, OptionsWithSenselessLengthsEndTheWalk) {
  for (const Options& bent : {Options{8, 0, 0, 0}, Options{8, 1, 0, 0}, Options{8, 10, 0, 0}, Options{1, 1, 1, 8},
                              Options{5, 40, 0, 0}, Options{0, 8, 10, 0}}) {
    const Segment before = segment(bent);
    Segment bytes = before;
    shift_own(bytes.data(), size_of(bytes), {0, 1});
    shift_echoed(bytes.data(), size_of(bytes), {0, 1});
    EXPECT_EQ(bytes, before);
  }
}

TEST(TcpShift, TheDeltaIsWhatChangedAndTheOppositeUndoesBoth) {
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    Options options(4 * (random() % 11));
    for (uint8_t& byte : options) byte = uint8_t(random() % 4 == 0 ? random() % 12 : random());
    const Options* const usual[] = {&options, &kStandard, &kOfASyn, &kOddPlace, &kSackAndTimestamps};
    const Segment before = segment(*usual[i % 5]);
    const TcpShift by{uint32_t(random()), uint32_t(random())};
    for (const auto shift : {shift_own, shift_echoed}) {
      Segment bytes = before;
      const auto checksum = uint16_t(~fold(sum_bytes(bytes.data(), bytes.size())));
      const uint16_t there = updated(checksum, shift(bytes.data(), size_of(bytes), by));
      ASSERT_EQ(fold(sum_bytes(bytes.data(), bytes.size()) + there), 0xffff) << i;
      shift(bytes.data(), size_of(bytes), -by);
      ASSERT_EQ(bytes, before) << i;
    }
  }
}

// RFC 6191: either number alone lets a SYN into a TIME-WAIT that was left by the tuple's last connection.
TEST(TcpShift, OneTuplesConnectionsOpenBeyondTheLast) {
  std::mt19937 random(4);
  uint32_t now = 0xfffff000;  // and round the end
  uint32_t last_sequence = 0, last_timestamp = 0;
  for (int i = 0; i < 100; ++i, now += 1 + random() % 60'000) {
    Segment bytes = segment(kOfASyn, kTcpSyn);
    store_be32(bytes.data() + 4, uint32_t(random()));
    store_be32(bytes.data() + 28, uint32_t(random()));
    shift_own(bytes.data(), size_of(bytes), opening_shift(bytes.data(), 0x1234567890abcdef, now));
    if (i > 0) {
      EXPECT_GT(int32_t(number(bytes, 4) - last_sequence), 0) << i;
      EXPECT_GT(int32_t(number(bytes, 28) - last_timestamp), 0) << i;
    }
    last_sequence = number(bytes, 4), last_timestamp = number(bytes, 28);
  }
}

}  // namespace
}  // namespace cardea::dataplane::wire
