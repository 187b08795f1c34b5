#include "l7/door/attached_door.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/l7/door/two_hosts.h"

namespace cardea::l7::door {
namespace {

DoorHandover handover(const L7Door& memory, size_t workers, size_t shards) {
  DoorHandover made{.memory = FileDescriptor(::dup(memory.memory_fd())), .worker_bells = {}, .shard_bells = {}, .instance = 1};
  for (size_t i = 0; i < workers; ++i) made.worker_bells.push_back(test_bell());
  for (size_t i = 0; i < shards; ++i) made.shard_bells.push_back(test_bell());
  return made;
}

TEST(AttachedDoor, IsRefusedWhereItDoesNotFitTheShardsOrItsOwnBells) {
  const L7Door memory = *L7Door::create(L7Door::shape(2, 3, 1 << 20));
  const auto taken = AttachedDoor::take(handover(memory, 2, 3), 3);
  ASSERT_TRUE(taken);
  EXPECT_EQ((*taken)->instance, 1u);
  EXPECT_FALSE(AttachedDoor::take(handover(memory, 2, 3), 4));
  EXPECT_FALSE(AttachedDoor::take(handover(memory, 1, 3), 3));
  EXPECT_FALSE(AttachedDoor::take(handover(memory, 2, 2), 3));
}

}  // namespace
}  // namespace cardea::l7::door
