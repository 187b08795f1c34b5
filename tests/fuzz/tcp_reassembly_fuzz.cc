// What comes in any order, in pieces that overlap and disagree, against a naive oracle: a byte for each number, where
// the one that came first stays. After every segment the queue and the oracle hold the same.
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "l7/tcp/receive_queue.h"

namespace {

using namespace cardea;
using namespace cardea::l7::tcp;

struct Oracle {
  std::vector<int16_t> bytes = std::vector<int16_t>(1 << 16, -1);  // by offset; -1: none
  uint32_t next = 0, end = 0;

  bool has(uint32_t offset) const { return offset < bytes.size() && bytes[offset] >= 0; }
  uint32_t put(uint32_t from, Bytes data) {
    for (size_t i = 0; i < data.size(); i++)
      if (!has(uint32_t(from + i))) bytes[from + i] = int16_t(data[i]);
    end = std::max(end, uint32_t(from + data.size()));
    const uint32_t was = next;
    while (has(next)) next++;
    return next - was;
  }
  size_t ranges() const {
    size_t count = 0;
    for (uint32_t i = next; i < end; i++) count += has(i) && !has(i - 1);
    return count;
  }
};

constexpr uint32_t kWindow = 12'000;

struct Player {
  ReceivePools pools{Pool<Block>(64), Pool<Arrivals>(2)};
  ReceiveQueue queue;
  Oracle oracle;
  uint32_t read = 0;
  Seq initial;

  explicit Player(Seq first) : initial(first) { queue.begin(first); }

  void insert(uint32_t distance, size_t size, uint8_t content) {
    const uint32_t from = oracle.next + distance - std::min(oracle.next, 3000u);
    if (from + size > read + kWindow || from + size > oracle.bytes.size()) return;
    std::vector<std::byte> data(size);
    for (size_t i = 0; i < size; i++) data[i] = std::byte(content + i * 31);
    const auto inserted = queue.insert(pools, initial + from, data);
    if (inserted.dropped) {
      // Room for another range was missing, and only for one beyond a gap: the blocks cover the window.
      CHECK(from > oracle.next && inserted.in_order == 0);
      CHECK(oracle.ranges() == Arrivals::kMax);
      return;
    }
    CHECK(oracle.put(from, data) == inserted.in_order);
    CHECK(queue.next() == initial + oracle.next);
    if (content & 1) compare_ranges();
  }

  void compare_ranges() {
    SeqRange ranges[Arrivals::kMax];
    const size_t count = queue.sacks(pools, ranges, Arrivals::kMax);
    CHECK(count == oracle.ranges());
    for (size_t i = 0; i < count; i++) {
      CHECK(before(queue.next(), ranges[i].start));
      CHECK(oracle.has(ranges[i].start - initial) && !oracle.has(ranges[i].start - initial - 1));
      CHECK(oracle.has(ranges[i].end - initial - 1) && !oracle.has(ranges[i].end - initial));
    }
  }

  void take(size_t most) {
    const Bytes front = queue.front(pools);
    CHECK(front.empty() == (oracle.next == read));
    const size_t count = std::min(front.size(), most);
    for (size_t i = 0; i < count; i++) CHECK(oracle.bytes[read + i] == int16_t(front[i]));
    queue.consume(pools, uint32_t(count));
    read += uint32_t(count);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  Player player(load_native<uint32_t>(data));
  for (size_t at = 4; at + 6 <= size; at += 6) {
    const uint8_t* step = data + at;
    if (step[0] & 1)
      player.take(load_native<uint16_t>(step + 1));
    else
      player.insert(load_native<uint16_t>(step + 1) % 16384, load_native<uint16_t>(step + 3) % 1500, step[5]);
  }
  player.queue.clear(player.pools);
  CHECK(player.pools.blocks.lent() == 0 && player.pools.arrivals.lent() == 0);
  return 0;
}
