#include "base/l7_door_socket.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

namespace cardea {
namespace {

struct Pair {
  Pair() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    dataplane = FileDescriptor(fds[0]), l7 = FileDescriptor(fds[1]);
  }
  FileDescriptor dataplane, l7;
};

std::vector<FileDescriptor> bells(uint32_t count) {
  std::vector<FileDescriptor> made;
  while (made.size() < count) made.emplace_back(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  return made;
}

TEST(L7DoorSocket, MemoryAndEverybodysBellsArrive) {
  Pair pair;
  ASSERT_TRUE(ask_for_door(pair.l7.get(), {.shards = 3}));
  const auto request = receive_door_request(pair.dataplane.get());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->shards, 3u);
  auto door = L7Door::create(L7Door::shape(2, 3, 0));
  ASSERT_TRUE(door);
  const auto workers = bells(2), shards = bells(3);
  ASSERT_TRUE(hand_over(pair.dataplane.get(), *door, workers, shards, 1));
  auto given = receive_door(pair.l7.get());
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ(given->instance, 1u);
  ASSERT_EQ(given->worker_bells.size(), 2u);
  ASSERT_EQ(given->shard_bells.size(), 3u);
  const uint64_t one = 1;
  ASSERT_EQ(::write(given->shard_bells[2].get(), &one, sizeof one), 8);
  uint64_t count = 0;
  EXPECT_EQ(::read(shards[2].get(), &count, sizeof count), 8);
  auto mapped = L7Door::map(std::move(given->memory));
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->shape(), door->shape());
}

TEST(L7DoorSocket, TheLargestDoorFitsOneMessage) {
  Pair pair;
  auto door = L7Door::create(L7Door::shape(1, 1, 0));
  ASSERT_TRUE(door);
  // The bells are what counts: as many as any door has.
  std::vector<FileDescriptor> many = bells(L7Door::kWorkersMax + L7Door::kShardsMax - 1);
  const auto sent = hand_over(pair.dataplane.get(), *door, many, bells(1), 0);
  EXPECT_TRUE(sent) << sent.error().message;
}

TEST(L7DoorSocket, ARefusalSaysWhy) {
  Pair pair;
  refuse_door(pair.dataplane.get(), "two instances have one already");
  const auto given = receive_door(pair.l7.get());
  ASSERT_FALSE(given);
  EXPECT_NE(given.error().message.find("two instances have one already"), std::string::npos);
}

TEST(L7DoorSocket, NothingThereYetIsAskedAgainAndAnEndIsNot) {
  Pair pair;
  const auto early = receive_door(pair.l7.get());
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().retry, Retry::kSafe);
  pair.dataplane = FileDescriptor();
  const auto late = receive_door(pair.l7.get());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().retry, Retry::kNever);
}

TEST(L7DoorSocket, OtherBytesAreAnError) {
  Pair pair;
  ASSERT_EQ(::send(pair.l7.get(), "GET /", 5, 0), 5);
  EXPECT_FALSE(receive_door_request(pair.dataplane.get()));
  ASSERT_EQ(::send(pair.dataplane.get(), "HTTP/", 5, 0), 5);
  EXPECT_FALSE(receive_door(pair.l7.get()));
  ASSERT_TRUE(ask_for_door(pair.l7.get(), {.shards = 0}));
  EXPECT_FALSE(receive_door_request(pair.dataplane.get()));
  ASSERT_TRUE(ask_for_door(pair.l7.get(), {.shards = L7Door::kShardsMax + 1}));
  EXPECT_FALSE(receive_door_request(pair.dataplane.get()));
}

TEST(DoorPorts, EachPortIsOneShardsOfOneInstance) {
  const DoorPorts ports;
  std::set<std::pair<uint32_t, uint32_t>> owners;
  for (uint32_t port = ports.first; port <= ports.last; ++port)
    owners.insert({ports.instance_of(uint16_t(port)), ports.shard_of(uint16_t(port), 3)});
  EXPECT_EQ(owners.size(), kInstances * 3);
  EXPECT_FALSE(ports.covers(60999));
  EXPECT_TRUE(ports.covers(65535));
}

}  // namespace
}  // namespace cardea
