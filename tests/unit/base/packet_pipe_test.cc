#include "base/packet_pipe.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace cardea {
namespace {

constexpr uint32_t kCapacity = PacketPipe::kCapacityMin;

struct Memory {
  Memory() : at(static_cast<std::byte*>(std::aligned_alloc(128, PacketPipe::bytes_needed(kCapacity)))) {
    std::memset(at.get(), 0, PacketPipe::bytes_needed(kCapacity));
  }
  PacketPipe& pipe() { return *reinterpret_cast<PacketPipe*>(at.get()); }
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> at;
};

std::string text(const PacketRecord& record) {
  return {reinterpret_cast<const char*>(record.packet.data()), record.packet.size()};
}

bool put(PacketWriter& writer, std::string_view packet, uint16_t flags = 0) {
  const MutableBytes room = writer.reserve(uint32_t(packet.size()));
  if (room.size() != packet.size()) return false;
  std::memcpy(room.data(), packet.data(), packet.size());
  writer.commit(uint32_t(packet.size()), flags);
  return true;
}

TEST(PacketPipe, PacketsComeInOrderWithTheirFlagsOnceTheyArePublished) {
  Memory memory;
  PacketWriter writer(memory.pipe(), kCapacity);
  PacketReader reader(memory.pipe(), kCapacity);
  ASSERT_TRUE(put(writer, "one", 1));
  ASSERT_TRUE(put(writer, "two", 2));
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(writer.publish());
  EXPECT_FALSE(writer.publish());
  EXPECT_FALSE(reader.empty());
  const auto one = reader.next(), two = reader.next();
  ASSERT_TRUE(one && two);
  EXPECT_EQ(text(*one), "one");
  EXPECT_EQ(one->flags, 1);
  EXPECT_EQ(text(*two), "two");
  EXPECT_EQ(two->flags, 2);
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(reader.empty());
}

TEST(PacketPipe, WhatIsCommittedShorterThanReservedTakesNoMore) {
  Memory memory;
  PacketWriter writer(memory.pipe(), kCapacity);
  PacketReader reader(memory.pipe(), kCapacity);
  uint32_t packets = 0;
  for (; !writer.reserve(65535).empty(); ++packets) writer.commit(10);
  constexpr uint32_t kRecord = 65600;  // 65,535 bytes and a head, in whole lines
  EXPECT_EQ(packets, (kCapacity - kRecord) / 64 + 1);
  writer.publish();
  while (const auto record = reader.next()) {
    EXPECT_EQ(record->packet.size(), 10u);
    --packets;
  }
  EXPECT_EQ(packets, 0u);
}

TEST(PacketPipe, IsFullUntilTheReaderReleases) {
  Memory memory;
  PacketWriter writer(memory.pipe(), kCapacity);
  PacketReader reader(memory.pipe(), kCapacity);
  while (put(writer, std::string(1000, 'x'))) {
  }
  writer.publish();
  ASSERT_TRUE(reader.next());
  EXPECT_FALSE(put(writer, std::string(1000, 'y')));
  reader.release();
  EXPECT_TRUE(put(writer, std::string(1000, 'y')));
}

TEST(PacketPipe, CarriesAnyMixtureOfSizesRoundItsEnd) {
  Memory memory;
  std::mt19937 random(7);
  PacketWriter writer(memory.pipe(), kCapacity);
  PacketReader reader(memory.pipe(), kCapacity);
  std::deque<std::string> under_way;
  for (int step = 0; step < 20000; ++step) {
    const size_t size = random() % (random() % 8 == 0 ? PacketPipe::kPacketMax : 1600);
    std::string packet(size, char('a' + step % 26));
    if (put(writer, packet)) under_way.push_back(std::move(packet));
    if (random() % 3 == 0) writer.publish();
    for (unsigned n = random() % 4; n > 0; --n) {
      const auto record = reader.next();
      if (!record) break;
      ASSERT_EQ(text(*record), under_way.front());
      under_way.pop_front();
    }
    if (random() % 2 == 0) reader.release();
  }
  writer.publish();
  while (const auto record = reader.next()) {
    ASSERT_EQ(text(*record), under_way.front());
    under_way.pop_front();
  }
  EXPECT_TRUE(under_way.empty());
  EXPECT_FALSE(reader.broken() || writer.broken());
}

TEST(PacketPipe, BetweenTwoThreadsNothingIsLostOrTorn) {
  Memory memory;
  constexpr uint32_t kPackets = 50000;
  std::jthread producer([&] {
    PacketWriter writer(memory.pipe(), kCapacity);
    for (uint32_t n = 0; n < kPackets;) {
      const MutableBytes room = writer.reserve(4 + n % 1400);
      if (!room.empty()) {
        for (size_t at = 0; at + 4 <= room.size(); at += 4) store_native(room.data() + at, n);
        writer.commit(uint32_t(room.size()));
        ++n;
      }
      if (room.empty() || n % 16 == 0) writer.publish();
    }
    writer.publish();
  });
  PacketReader reader(memory.pipe(), kCapacity);
  for (uint32_t n = 0; n < kPackets;) {
    const auto record = reader.next();
    if (!record) {
      reader.release();
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(record->packet.size(), 4 + n % 1400);
    for (size_t at = 0; at + 4 <= record->packet.size(); at += 4)
      ASSERT_EQ(load_native<uint32_t>(record->packet.data() + at), n);
    ++n;
  }
}

// ---- what the other side may have written

TEST(PacketPipe, AReaderBelievesNoIndex) {
  for (const uint32_t tail : {1u, 63u, kCapacity + 64, 0x80000000u, UINT32_MAX}) {
    Memory memory;
    PacketReader reader(memory.pipe(), kCapacity);
    memory.pipe().tail = tail;
    EXPECT_FALSE(reader.next().has_value()) << tail;
    EXPECT_TRUE(reader.broken()) << tail;
    EXPECT_TRUE(reader.empty());
  }
}

// What was read and not released yet cannot become unwritten: the distance behind it would be no distance.
TEST(PacketPipe, AReaderBelievesNoTailBehindWhatItRead) {
  Memory memory;
  PacketWriter writer(memory.pipe(), kCapacity);
  PacketReader reader(memory.pipe(), kCapacity);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(put(writer, std::string(10, 'x')));
  writer.publish();
  while (reader.next()) {
  }
  store_native(memory.pipe().bytes + 192, uint32_t{10});  // a head, where nothing was written yet
  memory.pipe().tail = 64;
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(reader.broken());
}

TEST(PacketPipe, AReaderBelievesNoHead) {
  for (const uint32_t size : {49u, 200u, PacketPipe::kPacketMax + 1, UINT32_MAX - 1, UINT32_MAX}) {
    Memory memory;
    PacketReader reader(memory.pipe(), kCapacity);
    store_native(memory.pipe().bytes, size);
    memory.pipe().tail = 64;
    EXPECT_FALSE(reader.next().has_value()) << size;
    EXPECT_TRUE(reader.broken()) << size;
  }
}

TEST(PacketPipe, ARecordNeverLiesBeyondTheEndOfTheRing) {
  Memory memory;
  memory.pipe().head = memory.pipe().tail = kCapacity - 64;
  PacketReader reader(memory.pipe(), kCapacity);
  store_native(memory.pipe().bytes + kCapacity - 64, uint32_t{100});
  memory.pipe().tail = kCapacity + 64;
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(reader.broken());
}

TEST(PacketPipe, AWriterBelievesNoIndex) {
  Memory memory;
  PacketWriter writer(memory.pipe(), kCapacity);
  while (put(writer, std::string(1000, 'x'))) {
  }
  writer.publish();
  memory.pipe().head = kCapacity + 64;  // more than was ever written
  EXPECT_FALSE(put(writer, "y"));
  EXPECT_TRUE(writer.broken());
}

}  // namespace
}  // namespace cardea
