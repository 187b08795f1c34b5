// A worker's sleep beside its instances of cardea-l7.
#include "dataplane/state/l7_instances.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/check.h"

namespace cardea::dataplane {
namespace {

constexpr uint64_t kSmall = 1 << 20;

void put(L7Instance& instance, uint32_t worker, uint32_t shard) {
  PacketWriter writer(instance.door().down(worker, shard), instance.door().shape().down_bytes);
  CHECK(!writer.reserve(20).empty());
  writer.commit(20);
  writer.publish();
}

TEST(L7Instances, AWorkerSleepsWhenNoShardOfAnyHasLeftItAnything) {
  L7Instances all;
  for (uint32_t number = 0; number < kInstances; ++number)
    all.by_number[number] = L7Instance::create(number, 2, 3, kSmall).value();
  EXPECT_TRUE(arm(all, 0));
  for (const auto& one : all.by_number) {
    EXPECT_EQ(one->door().worker_asleep(0), 1u);
    EXPECT_EQ(one->door().worker_asleep(1), 0u);
  }
  disarm(all, 0);
  for (const auto& one : all.by_number) EXPECT_EQ(one->door().worker_asleep(0), 0u);
  put(*all.by_number[1], 1, 2);
  EXPECT_TRUE(arm(all, 0)) << "it is for the other worker";
  EXPECT_FALSE(arm(all, 1));
}

TEST(L7Instances, AShardThatSleepsIsWokenByItsBellAlone) {
  const auto instance = L7Instance::create(0, 1, 2, kSmall).value();
  const auto rung = [&](uint32_t shard) {
    uint64_t count = 0;
    return ::read(instance->shard_bells()[shard].heard.get(), &count, sizeof count) == sizeof count;
  };
  instance->row(0).ways[1].bell.ring();
  EXPECT_FALSE(rung(1)) << "it is awake";
  instance->door().shard_asleep(1) = 1;
  instance->row(0).ways[1].bell.ring();
  instance->row(0).ways[1].bell.ring();
  EXPECT_TRUE(rung(1));
  EXPECT_FALSE(rung(0));
}

}  // namespace
}  // namespace cardea::dataplane
