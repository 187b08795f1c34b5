#include "l7/runtime/arena.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/l7/runtime/allocations.h"

namespace cardea::l7 {
namespace {

TEST(Arena, GivesAlignedMemoryThatDoesNotOverlap) {
  ChunkPool pool;
  Arena arena(pool);
  char* first = arena.characters(3);
  char* second = arena.characters(100);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 16, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(second) % 16, 0u);
  std::memset(first, 'a', 3);
  std::memset(second, 'b', 100);
  EXPECT_EQ(std::string_view(first, 3), "aaa");
}

TEST(Arena, CopiesText) {
  ChunkPool pool;
  Arena arena(pool);
  std::string text = "hello";
  const std::string_view copy = arena.copy(text);
  text = "other";
  EXPECT_EQ(copy, "hello");
  EXPECT_EQ(arena.copy(""), "");
}

TEST(Arena, TakesTheLastAllocationBack) {
  ChunkPool pool;
  Arena arena(pool);
  arena.allocate(32);
  void* frame = arena.allocate(200);
  arena.free(frame, 200);
  EXPECT_EQ(arena.allocate(200), frame);
  EXPECT_EQ(arena.used(), 32u + 208u);
}

TEST(Arena, UsesTheGivenMemoryFirstAndNoChunk) {
  ChunkPool pool;
  alignas(16) std::byte inside[256];
  Arena arena(pool, inside, sizeof inside);
  EXPECT_EQ(arena.allocate(128), inside);
  EXPECT_EQ(pool.lent(), 0u);
  arena.allocate(256);
  EXPECT_EQ(pool.lent(), 1u);
  arena.reset();
  EXPECT_EQ(pool.lent(), 0u);
  EXPECT_EQ(arena.allocate(16), inside);
}

TEST(Arena, ServesWhatIsLargerThanAChunkAndGoesOnWithTheCurrentOne) {
  ChunkPool pool;
  Arena arena(pool);
  auto* before = static_cast<std::byte*>(arena.allocate(16));
  auto* large = static_cast<char*>(arena.allocate(100'000));
  std::memset(large, 1, 100'000);
  EXPECT_EQ(arena.allocate(16), before + 16);
  EXPECT_EQ(pool.lent(), 1u);
}

TEST(Arena, WarmPoolMeansNoMalloc) {
  ChunkPool pool;
  Arena arena(pool);
  const auto fill = [&] {
    for (int i = 0; i < 1000; i++) arena.allocate(100);
    arena.reset();
  };
  fill();
  const size_t idle = pool.idle();
  fill();
  EXPECT_EQ(pool.idle(), idle);
  EXPECT_GE(idle, 100'000 / ChunkPool::kChunkBytes);
  EXPECT_EQ(pool.lent(), 0u);
}

TEST(ChunkPool, KeepsNoMoreIdleChunksThanAllowed) {
  ChunkPool pool(2);
  Arena arena(pool);
  for (int i = 0; i < 10; i++) arena.allocate(4000);
  arena.reset();
  EXPECT_EQ(pool.idle(), 2u);
}

}  // namespace
}  // namespace cardea::l7
