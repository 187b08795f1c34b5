// With the memory for what was received in use, nobody new is answered; with room again, everybody is.
#include <gtest/gtest.h>

#include <vector>

#include "l7/tcp/stack.h"

namespace cardea::l7::tcp {
namespace {

constexpr Instant kNow = Instant(std::chrono::seconds(1000));
const IpAddress kOurs = *IpAddress::parse("192.0.2.1"), kPeers = *IpAddress::parse("198.51.100.7");

Settings with_blocks(uint32_t blocks) {
  Settings settings;
  settings.blocks = blocks;
  return settings;
}

struct Host {
  Stack stack;

  explicit Host(uint32_t blocks) : stack(with_blocks(blocks), kNow) {
    EXPECT_TRUE(stack.listen({kOurs, 443}).has_value());
  }

  void receive(uint16_t port, uint8_t flags, Seq seq, Seq ack, size_t size) {
    const Outgoing s{.tuple = {kPeers, kOurs, port, 443}, .seq = seq, .ack = ack, .flags = flags, .window = 60000};
    std::vector<std::byte> packet(headers_size(s) + size);
    write_headers(s, packet);
    stack.receive(packet, kNow);
  }

  // What leaves next, read as its receiver would.
  std::optional<Segment> next() {
    const size_t size = stack.transmit(room, kNow);
    return size ? std::optional(*read_segment(Bytes(room, size))) : std::nullopt;
  }

  std::byte room[2048];
};

TEST(Pressure, NobodyNewIsAnsweredUntilThereIsRoomAgain) {
  Host host(16);
  host.receive(1000, kSyn, 0, 0, 0);
  const auto answer = host.next();
  ASSERT_TRUE(answer && answer->has(kSyn));
  host.receive(1000, kAck, 1, answer->seq + 1, 32'000);  // 16 blocks, the first a byte short
  const auto notice = host.stack.next_notice();
  ASSERT_TRUE(notice && (notice->events & kOpened));
  EXPECT_TRUE(host.next());

  host.receive(1001, kSyn, 0, 0, 0);
  EXPECT_FALSE(host.next()) << "answered";
  EXPECT_EQ(host.stack.counters().no_memory_for_syn, 1u);
  EXPECT_EQ(host.stack.connections(), 1u);

  for (Bytes front; !(front = host.stack.front(notice->id)).empty();)
    host.stack.consume(notice->id, front.size(), kNow);
  while (host.next()) {  // news of the window, if any
  }
  host.receive(1001, kSyn, 0, 0, 0);
  const auto second = host.next();
  EXPECT_TRUE(second && second->has(kSyn));
}

}  // namespace
}  // namespace cardea::l7::tcp
