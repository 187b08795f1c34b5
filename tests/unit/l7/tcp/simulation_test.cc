// Two stacks over a network that loses, repeats, reorders, damages and delays, many times over by seed: every byte
// comes once and in order to both ends, in both directions at once, and after every step the invariants hold.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/l7/tcp/invariants.h"
#include "tests/unit/l7/tcp/network.h"

namespace cardea::l7::tcp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Settings small_settings(uint64_t seed) {
  Random random(seed ^ 0xabcdef);
  Settings settings;
  settings.table_key = {random.next(), 1};
  settings.isn_key = {random.next(), 2};
  settings.timestamp_key = {random.next(), 3};
  settings.connections = 4;
  settings.segments = 512;
  settings.blocks = 96;
  settings.arrivals = 4;
  settings.pieces = 64;
  settings.time_wait = seconds(600);  // longer than unlucky acknowledgements of a FIN take
  settings.receive_window = uint32_t(4096 + random.below(60000));
  settings.receive_window_max = settings.receive_window * (random.below(2) ? 1 : 2);
  settings.sack = random.below(8) != 0;
  settings.timestamps = random.below(4) != 0;
  settings.window_scale = random.below(4) != 0;
  settings.ecn = random.below(2) != 0;
  return settings;
}

Impairments some_impairments(Random& random) {
  Impairments some;
  some.delay = Duration(random.below(30'000'000));
  if (random.below(2)) some.jitter = Duration(random.below(20'000'000) + 1);
  if (random.below(4)) some.loss = unsigned(random.below(150));
  if (random.below(2)) some.duplication = unsigned(random.below(100));
  if (random.below(3) == 0) some.corruption = unsigned(random.below(60));
  if (random.below(3) == 0) some.bytes_per_second = 50'000 + double(random.below(2'000'000));
  some.queue = uint32_t(4000 + random.below(60'000));
  return some;
}

// One end: writes its bytes in pieces as they are taken, reads what comes in pieces of its own, finishes.
struct End {
  Stack* stack;
  ConnectionId id;
  std::vector<std::byte> to_write, expected;
  size_t written = 0, read = 0;
  bool finished = false, peer_finished = false, opened = false;
  Ending ending = Ending::kNot;

  bool done() const { return finished && peer_finished && read == expected.size() && all_acknowledged(); }
  bool all_acknowledged() const {
    const Connection* c = stack->find(id);
    return !c || c->acknowledged == to_write.size();
  }
};

class Pair {
 public:
  explicit Pair(uint64_t seed)
      : random_(seed),
        start_(Instant(seconds(1000))),
        settings_{small_settings(seed), small_settings(seed + 1'000'000)},
        left_(settings_[0], start_),
        right_(settings_[1], start_),
        network_(left_, right_, some_impairments(random_), seed, start_) {
    ends_[0].stack = &left_;
    ends_[1].stack = &right_;
    fill(ends_[0].to_write, ends_[1].expected);
    fill(ends_[1].to_write, ends_[0].expected);
  }

  void run() {
    open();
    unsigned idle = 0;
    for (unsigned steps = 0; !ends_[0].done() || !ends_[1].done(); steps++) {
      ASSERT_LT(steps, 200'000u) << "does not end";
      act();
      if (HasFatalFailure()) return;
      idle = network_.step() ? 0 : idle + 1;  // the owners do not act on every step
      ASSERT_LT(idle, 200u) << "nothing will happen any more: " << state(ends_[0]) << state(ends_[1]);
      check();
      if (HasFatalFailure()) return;
    }
    end();
  }
  static bool HasFatalFailure() { return ::testing::Test::HasFatalFailure(); }

 private:
  void fill(std::vector<std::byte>& bytes, std::vector<std::byte>& expected) {
    bytes.resize(random_.below(4) == 0 ? random_.below(200) : random_.below(40'000));
    for (std::byte& byte : bytes) byte = std::byte(random_.next());
    expected = bytes;
  }

  void open() {
    const bool v6 = random_.below(2);
    const IpAddress a = *IpAddress::parse(v6 ? "2001:db8::1" : "192.0.2.1"),
                    b = *IpAddress::parse(v6 ? "2001:db8::2" : "192.0.2.2");
    const Endpoint here{a, uint16_t(1024 + random_.below(60000))}, there{b, 443};
    if (random_.below(8) == 0) {  // both dial at once
      ends_[1].id = *right_.connect(there, here, network_.now());
    } else {
      ASSERT_TRUE(right_.listen(there).has_value());
    }
    ends_[0].id = *left_.connect(here, there, network_.now());
  }

  void act() {
    for (End& end : ends_) {
      while (const auto notice = end.stack->next_notice()) {
        if (notice->events & kOpened) end.id = notice->id, end.opened = true;
        if (notice->events & kPeerFinished) end.peer_finished = true;
        if (notice->events & kEnded) end.ending = notice->ending;
      }
      const bool all_was_said = end.finished && end.peer_finished;
      if (!all_was_said) {
        ASSERT_EQ(end.ending, Ending::kNot) << "ended before all was said";
      }
      if (end.opened) speak(end), hear(end);
      if (HasFatalFailure()) return;
    }
  }

  void speak(End& end) {
    if (random_.below(3) == 0) return;
    const size_t most = end.to_write.size() - end.written;
    const size_t count = std::min<size_t>(most, random_.below(8000));
    end.written += end.stack->write(end.id, Bytes(end.to_write).subspan(end.written, count), network_.now());
    if (end.written == end.to_write.size() && !end.finished) {
      end.stack->finish(end.id, network_.now());
      end.finished = true;
    }
  }

  void hear(End& end) {
    if (random_.below(4) == 0) return;
    const Bytes front = end.stack->front(end.id);
    const size_t count = std::min<size_t>(front.size(), 1 + random_.below(5000));
    ASSERT_LE(end.read + count, end.expected.size()) << "more came than was sent";
    ASSERT_TRUE(std::equal(front.begin(), front.begin() + count, end.expected.begin() + end.read))
        << "other bytes came";
    end.stack->consume(end.id, count, network_.now());
    end.read += count;
  }

  void check() {
    for (const End& end : ends_) {
      const Connection* c = end.stack->find(end.id);
      if (c) {
        ASSERT_EQ(broken_invariant(end.stack->resources(), *c), "");
      }
    }
  }

  // Both owners leave: after a while nothing is left of either, and nothing is lent.
  void end() {
    for (End& end : ends_) end.stack->close(end.id, network_.now());
    network_.set(Impairments{});
    unsigned steps = 0;
    while (drain() | network_.step()) ASSERT_LT(++steps, 10'000u) << "goes on after both have closed";
    for (const End& end : ends_) {
      const Resources& shared = end.stack->resources();
      EXPECT_EQ(end.stack->connections(), 0u);
      EXPECT_EQ(end.stack->half_open(), 0u);
      EXPECT_EQ(shared.segments.lent() + shared.pieces.lent() + shared.received.blocks.lent() +
                    shared.received.arrivals.lent(),
                0u);
    }
  }

  static std::string state(const End& end) {
    const Connection* c = end.stack->find(end.id);
    const std::string own = " written " + std::to_string(end.written) + " of " + std::to_string(end.to_write.size()) +
                            " read " + std::to_string(end.read) + " of " + std::to_string(end.expected.size()) +
                            " peer finished " + std::to_string(end.peer_finished) + "; ";
    if (!c) return "gone" + own;
    return "state " + std::to_string(int(c->state)) + " ending " + std::to_string(int(c->ending)) + " unsent " +
           std::to_string(c->unsent()) + " in flight " + std::to_string(c->in_flight()) + own;
  }

  bool drain() {
    bool any = false;
    for (End& end : ends_)
      while (end.stack->next_notice()) any = true;
    return any;
  }

  Random random_;
  Instant start_;
  Settings settings_[2];
  Stack left_, right_;
  Network network_;
  End ends_[2];
};

class Simulation : public ::testing::TestWithParam<uint64_t> {};

// CARDEA_TCP_SEED=n runs that one alone.
TEST_P(Simulation, EveryByteComesOnceAndInOrder) {
  const char* alone = std::getenv("CARDEA_TCP_SEED");
  for (uint64_t seed = GetParam(); seed < GetParam() + 1000; seed++) {
    if (alone && seed != std::strtoull(alone, nullptr, 10)) continue;
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pair pair(seed);
    pair.run();
    if (HasFailure()) return;
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, Simulation, ::testing::Range<uint64_t>(0, 10'000, 1000));

}  // namespace
}  // namespace cardea::l7::tcp
