#include "base/l7_door.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <set>

namespace cardea {
namespace {

FileDescriptor copy(int fd) {
  return FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

TEST(L7Door, BothSidesSeeTheSamePipesAndNoTwoShareAnything) {
  const L7Door::Shape shape = L7Door::shape(3, 2, 16 << 20);
  auto ours = L7Door::create(shape);
  ASSERT_TRUE(ours) << ours.error().message;
  auto theirs = L7Door::map(copy(ours->memory_fd()));
  ASSERT_TRUE(theirs) << theirs.error().message;
  EXPECT_EQ(theirs->shape(), shape);
  std::set<void*> seen;
  uint32_t number = 0;
  for (uint32_t worker = 0; worker < 3; ++worker)
    for (uint32_t shard = 0; shard < 2; ++shard) {
      ours->up(worker, shard).tail = ++number;
      ours->down(worker, shard).tail = ++number;
      seen.insert({&ours->up(worker, shard), &ours->down(worker, shard)});
    }
  EXPECT_EQ(seen.size(), 12u);
  number = 0;
  for (uint32_t worker = 0; worker < 3; ++worker)
    for (uint32_t shard = 0; shard < 2; ++shard) {
      EXPECT_EQ(theirs->up(worker, shard).tail, ++number);
      EXPECT_EQ(theirs->down(worker, shard).tail, ++number);
    }
}

TEST(L7Door, ABellRingsOnceForWhoSleeps) {
  auto door = L7Door::create(L7Door::shape(1, 1, 0));
  ASSERT_TRUE(door);
  const FileDescriptor event(::eventfd(0, EFD_NONBLOCK));
  const SharedBell bell(door->shard_asleep(0), event.get());
  uint64_t count = 0;
  bell.ring();
  EXPECT_EQ(::read(event.get(), &count, sizeof count), -1);  // nobody sleeps
  bell.arm();
  bell.ring();
  bell.ring();
  EXPECT_EQ(::read(event.get(), &count, sizeof count), 8);
  EXPECT_EQ(count, 1u);
  bell.arm();
  bell.disarm();
  bell.ring();
  EXPECT_EQ(::read(event.get(), &count, sizeof count), -1);
}

TEST(L7Door, PipesGrowWithTheMemoryThereIs) {
  EXPECT_EQ(L7Door::shape(1, 1, 0).up_bytes, PacketPipe::kCapacityMin);
  EXPECT_EQ(L7Door::shape(1, 1, uint64_t{1} << 40).up_bytes, 4u << 20);
  EXPECT_EQ(L7Door::shape(4, 4, 32 << 20).up_bytes, 1u << 20);
}

TEST(L7Door, MemoryThatIsNoDoorIsRefused) {
  auto door = L7Door::create(L7Door::shape(1, 1, 0));
  ASSERT_TRUE(door);
  FileDescriptor open(::memfd_create("x", MFD_ALLOW_SEALING));
  EXPECT_FALSE(L7Door::map(copy(open.get())));  // could shrink: SIGBUS
  ASSERT_EQ(::fcntl(open.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
  EXPECT_FALSE(L7Door::map(copy(open.get())));  // empty
  FileDescriptor other(::memfd_create("x", MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(other.get(), 1 << 20), 0);
  std::byte head[64];
  ASSERT_EQ(::pread(door->memory_fd(), head, sizeof head, 0), 64);
  ASSERT_EQ(::pwrite(other.get(), head, sizeof head, 0), 64);
  ASSERT_EQ(::fcntl(other.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
  EXPECT_FALSE(L7Door::map(copy(other.get())));  // says more than it has
}

TEST(L7Door, AShapeThatCannotBeIsAnError) {
  EXPECT_FALSE(L7Door::create({.workers = 0, .shards = 1, .up_bytes = 1 << 20, .down_bytes = 1 << 20}));
  EXPECT_FALSE(L7Door::create({.workers = 1, .shards = 1, .up_bytes = 3 << 20, .down_bytes = 1 << 20}));
  EXPECT_FALSE(L7Door::create({.workers = 1, .shards = 999, .up_bytes = 1 << 20, .down_bytes = 1 << 20}));
}

}  // namespace
}  // namespace cardea
