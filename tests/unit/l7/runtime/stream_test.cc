// The awaitables of Stream, over the in-memory pair.
#include "l7/runtime/stream.h"

#include <gtest/gtest.h>

#include <string>

#include "l7/runtime/close_after_delivery.h"
#include "l7/runtime/memory_stream.h"
#include "l7/runtime/spawn.h"
#include "tests/unit/l7/runtime/allocations.h"

namespace cardea::l7 {
namespace {

using std::chrono::milliseconds;

struct StreamTest : testing::Test {
  void connect(size_t capacity = MemoryStream::kCapacity) {
    auto pair = MemoryStream::pair(*loop, capacity);
    here = std::move(pair.first);
    there = std::move(pair.second);
  }
  Instant in(int ms) const { return loop->now() + milliseconds(ms); }

  ChunkPool chunks;
  Arena arena{chunks};  // outlives the loop, which destroys what has not finished
  std::unique_ptr<Loop> loop = *Loop::create(Loop::Clock::kManual);
  std::unique_ptr<MemoryStream> here, there;
};

Task<> read_to_end(Arena&, Stream& stream, std::string& into, IoResult& last, Instant deadline = kNever) {
  std::array<std::byte, 4096> buffer;
  for (;;) {
    last = co_await stream.read(buffer, deadline);
    if (!last.ok()) co_return;
    into.append(reinterpret_cast<const char*>(buffer.data()), last.bytes);
  }
}

Task<> write_then_shut(Arena&, Stream& stream, std::string_view text, IoResult& result, Instant deadline = kNever) {
  result = co_await stream.write_all(text, deadline);
  stream.shutdown_write();
}

Task<> read_once(Arena&, Stream& stream, IoResult& result, Instant deadline, bool& done) {
  std::array<std::byte, 64> buffer;
  result = co_await stream.read(buffer, deadline);
  done = true;
}

std::string pattern(size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; i++) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

TEST_F(StreamTest, WhatOneWritesTheOtherReads) {
  connect();
  std::string got;
  IoResult wrote, last;
  spawn(*loop, arena, read_to_end(arena, *there, got, last));
  spawn(*loop, arena, write_then_shut(arena, *here, "hello", wrote));
  loop->run_until_idle();
  EXPECT_EQ(got, "hello");
  EXPECT_EQ(wrote.bytes, 5u);
  EXPECT_EQ(last.status, IoStatus::kEnd);
}

TEST_F(StreamTest, BackPressureThroughASmallPipe) {
  connect(7);
  const std::string text = pattern(100'000);
  std::string got;
  IoResult wrote, last;
  spawn(*loop, arena, write_then_shut(arena, *here, text, wrote));
  loop->run_until_idle();
  EXPECT_EQ(here->bytes_written(), 7u);
  spawn(*loop, arena, read_to_end(arena, *there, got, last));
  loop->run_until_idle();
  EXPECT_EQ(got, text);
  EXPECT_EQ(wrote.bytes, text.size());
}

TEST_F(StreamTest, OneByteAtATimeWithPauses) {
  connect(3);
  here->faults.write_max = 1;
  there->faults.read_max = 1;
  here->faults.pause = there->faults.pause = true;
  const std::string text = pattern(500);
  std::string got;
  IoResult wrote, last;
  spawn(*loop, arena, read_to_end(arena, *there, got, last));
  spawn(*loop, arena, write_then_shut(arena, *here, text, wrote));
  loop->run_until_idle();
  EXPECT_EQ(got, text);
  EXPECT_EQ(last.status, IoStatus::kEnd);
}

Task<> read_sizes(Arena&, Stream& stream, std::vector<size_t>& sizes) {
  std::array<std::byte, 64> buffer;
  for (;;) {
    const IoResult read = co_await stream.read(buffer, kNever);
    if (!read.ok()) co_return;
    sizes.push_back(read.bytes);
  }
}

TEST_F(StreamTest, ReadsEndWhereTheTestSplits) {
  connect();
  there->faults.splits = {1, 4, 5};
  std::vector<size_t> sizes;
  IoResult wrote;
  spawn(*loop, arena, write_then_shut(arena, *here, "0123456789", wrote));
  spawn(*loop, arena, read_sizes(arena, *there, sizes));
  loop->run_until_idle();
  EXPECT_EQ(sizes, (std::vector<size_t>{1, 3, 1, 5}));
}

Task<> write_pieces(Arena&, Stream& stream, IoResult& result) {
  std::array<iovec, 5> pieces{{{const_cast<char*>(""), 0},
                               {const_cast<char*>("abc"), 3},
                               {nullptr, 0},
                               {const_cast<char*>("defgh"), 5},
                               {const_cast<char*>("i"), 1}}};
  result = co_await stream.write_all(pieces, kNever);
  stream.shutdown_write();
}

TEST_F(StreamTest, WritesGatheredPiecesWhereverTheyAreCut) {
  for (size_t cut = 1; cut <= 9; cut++) {
    connect(64);
    here->faults.write_max = cut;
    std::string got;
    IoResult wrote, last;
    spawn(*loop, arena, write_pieces(arena, *here, wrote));
    spawn(*loop, arena, read_to_end(arena, *there, got, last));
    loop->run_until_idle();
    EXPECT_EQ(got, "abcdefghi") << "cut at " << cut;
    EXPECT_EQ(wrote.bytes, 9u);
  }
}

TEST_F(StreamTest, AnEmptyWriteIsDoneAtOnce) {
  connect(1);
  IoResult wrote{IoStatus::kError};
  spawn(*loop, arena, write_then_shut(arena, *here, "", wrote));
  EXPECT_TRUE(wrote.ok());
  EXPECT_EQ(wrote.bytes, 0u);
}

TEST_F(StreamTest, AReadTimesOutAtItsDeadlineAndNotBefore) {
  connect();
  IoResult result;
  bool done = false;
  spawn(*loop, arena, read_once(arena, *there, result, in(100), done));
  loop->advance(milliseconds(99));
  EXPECT_FALSE(done);
  loop->advance(milliseconds(1));
  EXPECT_TRUE(done);
  EXPECT_EQ(result.status, IoStatus::kTimeout);
  // The stream is as it was: a later read works.
  done = false;
  spawn(*loop, arena, read_once(arena, *there, result, in(100), done));
  IoResult wrote;
  spawn(*loop, arena, write_then_shut(arena, *here, "x", wrote));
  loop->run_until_idle();
  EXPECT_TRUE(result.ok());
}

TEST_F(StreamTest, ADeadlineHoldsAgainstAPeerThatTrickles) {
  connect(1);
  const std::string text = pattern(1000);
  IoResult wrote{IoStatus::kError};
  spawn(*loop, arena, write_then_shut(arena, *here, text, wrote, in(50)));
  std::array<std::byte, 1> one;
  for (int i = 0; i < 60; i++) {
    (void)there->try_read(one);
    loop->advance(milliseconds(1));
  }
  EXPECT_EQ(wrote.status, IoStatus::kTimeout);
  EXPECT_GT(wrote.bytes, 40u);
  EXPECT_LT(wrote.bytes, 60u);
}

TEST_F(StreamTest, ADeadlineThatHasPassedStillTakesWhatIsThere) {
  connect();
  IoResult wrote, result;
  bool done = false;
  spawn(*loop, arena, write_then_shut(arena, *here, "x", wrote));
  spawn(*loop, arena, read_once(arena, *there, result, in(-5), done));
  EXPECT_TRUE(result.ok());
  (void)there->try_read(std::array<std::byte, 4>() = {});
}

TEST_F(StreamTest, ClosingWakesWhoWaits) {
  connect(1);
  IoResult read_result, write_result;
  bool done = false;
  spawn(*loop, arena, read_once(arena, *here, read_result, kNever, done));
  spawn(*loop, arena, write_then_shut(arena, *here, "xyz", write_result));
  loop->run_until_idle();
  EXPECT_FALSE(done);
  here->close();
  loop->run_until_idle();
  EXPECT_EQ(read_result.status, IoStatus::kCancelled);
  EXPECT_EQ(write_result.status, IoStatus::kCancelled);
  EXPECT_EQ(write_result.bytes, 1u);
  EXPECT_EQ(loop->spawned(), 0u);
}

TEST_F(StreamTest, CancelWakesButKeepsTheStream) {
  connect();
  IoResult result;
  bool done = false;
  spawn(*loop, arena, read_once(arena, *there, result, kNever, done));
  there->cancel(Direction::kRead);
  loop->run_until_idle();
  EXPECT_EQ(result.status, IoStatus::kCancelled);
  EXPECT_FALSE(there->closed());
  there->cancel();  // nobody waits: nothing happens
  done = false;
  spawn(*loop, arena, read_once(arena, *there, result, kNever, done));
  IoResult wrote;
  spawn(*loop, arena, write_then_shut(arena, *here, "x", wrote));
  loop->run_until_idle();
  EXPECT_TRUE(result.ok());
}

TEST_F(StreamTest, ClosingAfterDataCameCancelsAndDoesNotRead) {
  connect();
  IoResult result, wrote;
  bool done = false;
  spawn(*loop, arena, read_once(arena, *there, result, kNever, done));
  spawn(*loop, arena, write_then_shut(arena, *here, "x", wrote));  // the reader is scheduled now
  there->close();
  loop->run_until_idle();
  EXPECT_EQ(result.status, IoStatus::kCancelled);
}

TEST_F(StreamTest, AReaderThatIsDestroyedWhileSuspendedLeavesNothingBehind) {
  connect();
  IoResult result;
  bool done = false;
  {
    Task<> reader = read_once(arena, *there, result, in(5), done);
    reader.handle().resume();
    EXPECT_TRUE(there->slot(Direction::kRead).busy());
  }
  EXPECT_FALSE(there->slot(Direction::kRead).busy());
  IoResult wrote;
  spawn(*loop, arena, write_then_shut(arena, *here, "x", wrote));
  loop->advance(milliseconds(10));
  EXPECT_FALSE(done);
}

TEST_F(StreamTest, InjectedErrorsArriveAfterTheirBytes) {
  connect();
  there->faults.read_error_after = 4;
  std::string got;
  IoResult wrote, last;
  spawn(*loop, arena, write_then_shut(arena, *here, "0123456789", wrote));
  spawn(*loop, arena, read_to_end(arena, *there, got, last));
  loop->run_until_idle();
  EXPECT_EQ(got, "0123");
  EXPECT_EQ(last.status, IoStatus::kError);
  EXPECT_EQ(last.error, ECONNRESET);

  connect();
  here->faults.write_error_after = 6;
  here->faults.error = ETIMEDOUT;
  spawn(*loop, arena, write_then_shut(arena, *here, "0123456789", wrote));
  loop->run_until_idle();
  EXPECT_EQ(wrote.status, IoStatus::kError);
  EXPECT_EQ(wrote.error, ETIMEDOUT);
  EXPECT_EQ(wrote.bytes, 6u);
}

TEST_F(StreamTest, AResetReachesThePeerAsAnError) {
  connect();
  IoResult result;
  bool done = false;
  spawn(*loop, arena, read_once(arena, *there, result, kNever, done));
  here->close(Close::kReset);
  loop->run_until_idle();
  EXPECT_EQ(result.status, IoStatus::kError);
  EXPECT_EQ(result.error, ECONNRESET);
}

TEST_F(StreamTest, WritingToWhoClosedFails) {
  connect();
  there->close();
  IoResult wrote;
  spawn(*loop, arena, write_then_shut(arena, *here, "x", wrote));
  EXPECT_EQ(wrote.status, IoStatus::kError);
  EXPECT_EQ(wrote.error, EPIPE);
}

Task<> wait_readable(Arena&, Stream& stream, Wake& wake, Instant deadline, bool& done) {
  wake = co_await stream.readable(deadline);
  done = true;
}

TEST_F(StreamTest, ReadableWakesForDataTimeoutAndClose) {
  connect();
  Wake wake{};
  bool done = false;
  IoResult wrote;
  spawn(*loop, arena, wait_readable(arena, *there, wake, in(10), done));
  EXPECT_FALSE(done);
  loop->advance(milliseconds(10));
  EXPECT_EQ(wake, Wake::kTimeout);
  spawn(*loop, arena, wait_readable(arena, *there, wake, in(10), done));
  spawn(*loop, arena, write_then_shut(arena, *here, "x", wrote));
  loop->run_until_idle();
  EXPECT_EQ(wake, Wake::kReady);
  done = false;
  spawn(*loop, arena, wait_readable(arena, *there, wake, in(10), done));
  EXPECT_TRUE(done) << "what is ready does not wait";
}

Task<> echo(Arena&, Stream& stream) {
  std::array<std::byte, 64> buffer;
  for (;;) {
    const IoResult read = co_await stream.read(buffer, stream.loop().now() + milliseconds(1000));
    if (!read.ok()) co_return;
    const IoResult wrote =
        co_await stream.write_all(Bytes(buffer).first(read.bytes), stream.loop().now() + milliseconds(1000));
    if (!wrote.ok()) co_return;
  }
}

Task<> ping(Arena&, Stream& stream, int times, uint64_t& allocated) {
  std::array<std::byte, 64> buffer;
  for (int i = -10; i < times; i++) {
    if (i == 0) allocated = allocations();
    const IoResult wrote = co_await stream.write_all("ping", stream.loop().now() + milliseconds(1000));
    if (!wrote.ok()) co_return;
    const IoResult read = co_await stream.read(buffer, stream.loop().now() + milliseconds(1000));
    if (!read.ok()) co_return;
  }
  allocated = allocations() - allocated;
  stream.close();
}

TEST_F(StreamTest, AwaitingDoesNotAllocate) {
  connect();
  uint64_t allocated = ~uint64_t{0};
  spawn(*loop, arena, echo(arena, *there));
  spawn(*loop, arena, ping(arena, *here, 1000, allocated));
  loop->run_until_idle();
  // The pair's deques allocate a block for each 512 bytes that pass through, and the awaits nothing beside it.
  EXPECT_LE(allocated, 2u * 1000 * 4 / 512 + 4);
  EXPECT_EQ(loop->spawned(), 0u);
}

Task<> read_for_ever(Arena&, Stream& stream, uint64_t& bytes, uint64_t& turns) {
  std::array<std::byte, 4096> buffer;
  uint64_t turn = 0;
  for (;;) {
    const IoResult read = co_await stream.read(buffer, kNever);
    if (!read.ok()) co_return;
    bytes += read.bytes;
    if (stream.loop().turn() != turn) turns++, turn = stream.loop().turn();
  }
}

TEST_F(StreamTest, ABusyConnectionLetsOthersRunAfterItsBudget) {
  connect(16 << 20);
  const std::string text = pattern(4 << 20);
  IoResult wrote;
  uint64_t bytes = 0, turns = 0;
  spawn(*loop, arena, write_then_shut(arena, *here, text, wrote));
  spawn(*loop, arena, read_for_ever(arena, *there, bytes, turns));
  loop->run_until_idle();
  EXPECT_EQ(bytes, text.size());
  EXPECT_GE(turns, text.size() / Stream::kTurnBytes);
}

// The deadline and what was waited for come in one turn: the loop was late, not the peer.
TEST_F(StreamTest, WhatCameWithTheDeadlineIsRead) {
  connect();
  IoResult result;
  bool done = false;
  spawn(*loop, arena, read_once(arena, *here, result, in(10), done));
  (void)there->try_write(std::array{iovec{const_cast<char*>("x"), 1}});
  loop->advance(milliseconds(20));
  EXPECT_TRUE(done);
  EXPECT_TRUE(result.ok()) << name(result.status);
}

TEST_F(StreamTest, CancellingComesBeforeWhatCame) {
  connect();
  IoResult result;
  bool done = false;
  spawn(*loop, arena, read_once(arena, *here, result, kNever, done));
  (void)there->try_write(std::array{iovec{const_cast<char*>("x"), 1}});
  here->cancel(Direction::kRead);
  loop->run_until_idle();
  EXPECT_EQ(result.status, IoStatus::kCancelled);
  std::array<std::byte, 8> buffer;
  EXPECT_EQ(here->try_read(buffer).bytes, 1u) << "nothing is lost";
}

Task<> write_by(Arena&, Stream& stream, std::string text, Pace& pace, IoResult& result) {
  result = co_await stream.write_all(text, pace);
}

// A peer that takes ten bytes a second of a pipe that holds ten.
struct PacedWrite : StreamTest {
  PacedWrite() { connect(10); }
  void write(size_t bytes, Pace& pace) { spawn(*loop, arena, write_by(arena, *here, pattern(bytes), pace, result)); }
  void take_ten() {
    std::array<std::byte, 10> buffer;
    EXPECT_EQ(there->try_read(buffer).bytes, 10u);
    loop->run_until_idle();
  }
  IoResult result{IoStatus::kWouldBlock};
};

TEST_F(PacedWrite, GoesOnAsLongAsThePeerTakesSomething) {
  Pace pace({.stall = milliseconds(1500)});
  write(100, pace);
  for (int i = 0; i < 8; ++i) {
    loop->advance(milliseconds(1000));
    EXPECT_EQ(result.status, IoStatus::kWouldBlock) << i;
    take_ten();
  }
  loop->advance(milliseconds(1499));
  EXPECT_EQ(result.status, IoStatus::kWouldBlock);
  loop->advance(milliseconds(1));
  EXPECT_EQ(result.status, IoStatus::kTimeout);
  EXPECT_EQ(result.bytes, 90u) << "what was written before";
}

TEST_F(PacedWrite, IsNotChargedForTheTimeBetweenTwo) {
  Pace pace({.stall = milliseconds(60'000), .rate_min = 10, .window = milliseconds(2000)});
  for (int i = 0; i < 3; ++i) {
    write(20, pace);
    take_ten();
    EXPECT_TRUE(result.ok());
    take_ten();
    result = {IoStatus::kWouldBlock};
    loop->advance(std::chrono::hours(1));
  }
  write(20, pace);
  loop->advance(milliseconds(1999));
  EXPECT_EQ(result.status, IoStatus::kWouldBlock) << "it has its window";
  loop->advance(milliseconds(1));
  EXPECT_EQ(result.status, IoStatus::kTimeout);
}

struct CloseTest : StreamTest {
  void close(Instant latest, uint64_t bytes_max = UINT64_MAX) {
    spawn(*loop, arena, close_after_delivery(arena, *here, {.stall = std::chrono::seconds(1)}, latest, bytes_max));
  }
  int what_the_peer_sees() {
    std::array<std::byte, 8> buffer;
    return there->try_read(buffer).error;
  }
};

TEST_F(CloseTest, DeliversEverythingToAPeerThatStillSends) {
  connect();
  IoResult wrote, last;
  std::string got;
  (void)here->try_write(std::array{iovec{const_cast<char*>("answer"), 6}});
  spawn(*loop, arena, close_after_delivery(arena, *here, {.stall = std::chrono::seconds(1)}, in(5000)));
  EXPECT_FALSE(here->closed()) << "the peer has not closed yet";
  spawn(*loop, arena, read_to_end(arena, *there, got, last));
  loop->run_until_idle();
  EXPECT_EQ(got, "answer");
  EXPECT_EQ(last.status, IoStatus::kEnd);
  spawn(*loop, arena, write_then_shut(arena, *there, "still sending", wrote));
  loop->run_until_idle();
  EXPECT_TRUE(wrote.ok());
  EXPECT_TRUE(here->closed());
}

TEST_F(CloseTest, APeerThatNeverClosesIsResetAtTheDeadline) {
  connect();
  spawn(*loop, arena, close_after_delivery(arena, *here, {.stall = std::chrono::seconds(1)}, in(5000)));
  loop->advance(milliseconds(999));
  EXPECT_FALSE(here->closed());
  loop->advance(milliseconds(1));
  EXPECT_TRUE(here->closed());
  std::array<std::byte, 8> buffer;
  EXPECT_EQ(there->try_read(buffer).error, ECONNRESET);
  EXPECT_EQ(loop->spawned(), 0u);
}

TEST_F(CloseTest, APeerThatGoesOnSendingHasItsBytesAndItsTime) {
  for (const bool too_much : {true, false}) {
    connect();
    close(in(5000), too_much ? 30 : 1000);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(here->closed(), too_much && i > 3) << i;
      (void)there->try_write(std::array{iovec{const_cast<char*>("0123456789"), 10}});
      loop->advance(milliseconds(900));
    }
    EXPECT_EQ(here->closed(), too_much);
    loop->advance(milliseconds(500));
    EXPECT_TRUE(here->closed()) << "at the latest";
    EXPECT_EQ(what_the_peer_sees(), ECONNRESET);
  }
}

// It has said all, and does not read what it was sent.
TEST_F(CloseTest, APeerThatClosedItsHalfAndDoesNotReadIsReset) {
  for (const size_t unread : {kLeftToKernel, kLeftToKernel + 1}) {
    connect(1 << 20);
    const std::string text = pattern(unread);
    (void)here->try_write(std::array{iovec{const_cast<char*>(text.data()), text.size()}});
    there->shutdown_write();
    close(in(5000));
    loop->run_until_idle();
    EXPECT_EQ(here->closed(), unread == kLeftToKernel) << "little may be left to the kernel";
    loop->advance(milliseconds(1200));
    EXPECT_TRUE(here->closed());
    EXPECT_EQ(what_the_peer_sees(), unread == kLeftToKernel ? 0 : ECONNRESET);
  }
}

}  // namespace
}  // namespace cardea::l7
