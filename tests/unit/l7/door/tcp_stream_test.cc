// The Stream over our own TCP, between two shards that packets go to and fro between: what kernel_stream_test asks of
// kernel sockets, and what only a door has.
#include "l7/door/tcp_stream.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "l7/door/transport.h"
#include "tests/unit/l7/door/two_hosts.h"
#include "tests/unit/l7/runtime/allocations.h"

namespace cardea::l7::door {
namespace {

using namespace std::chrono_literals;

const IpAddress kLeft = *IpAddress::parse("192.0.2.1");
const Endpoint kService = *Endpoint::parse("192.0.2.2:80");

struct Taken final : Acceptor {
  explicit Taken(Host& of) : host(of) {}
  void accept(tcp::ConnectionId id, const Endpoint& local, const Endpoint& peer) override {
    streams.push_back(std::make_unique<TcpStream>(*host.door, id, local, peer));
  }
  Host& host;
  std::vector<std::unique_ptr<TcpStream>> streams;
};

Task<> connect(Arena&, TcpStream& stream, Instant deadline, Result<>& result) {
  const Wake wake = co_await stream.writable(deadline);
  result = stream.connected(wake);
}

Task<> echo(Arena&, Stream& stream) {
  std::array<std::byte, 16384> buffer;
  for (;;) {
    const IoResult read = co_await stream.read(buffer, kNever);
    if (!read.ok()) break;
    const IoResult wrote = co_await stream.write_all(Bytes(buffer).first(read.bytes), kNever);
    if (!wrote.ok()) co_return;
  }
  stream.shutdown_write();
}

Task<> write_then_shut(Arena&, Stream& stream, std::string_view text, IoResult& result, Instant deadline) {
  result = co_await stream.write_all(text, deadline);
  stream.shutdown_write();
}

Task<> read_to_end(Arena&, Stream& stream, std::string& into, IoResult& last, Instant deadline) {
  std::array<std::byte, 16384> buffer;
  for (;;) {
    last = co_await stream.read(buffer, deadline);
    if (!last.ok()) co_return;
    into.append(reinterpret_cast<const char*>(buffer.data()), last.bytes);
  }
}

std::string some_text(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < text.size(); i++) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

class DoorStream : public testing::Test {
 protected:
  explicit DoorStream(uint32_t workers = 1, Sizes sizes = {}) : net(workers, sizes), taken(net.right) {
    listener = *net.right.door->listen(kService, taken);
  }
  ~DoorStream() override {
    net.left.loop->end_tasks();
    net.right.loop->end_tasks();
    client.reset();
    taken.streams.clear();
  }

  Result<> dial(const Endpoint& to = kService, std::chrono::milliseconds patience = 5s) {
    auto dialled = net.left.door->dial(kLeft, to);
    if (!dialled) return std::unexpected(dialled.error());
    client = std::make_unique<TcpStream>(*net.left.door, dialled->first, dialled->second, to);
    Result<> result;
    spawn(*net.left.loop, net.left.arena, connect(net.left.arena, *client, net.left.loop->now() + patience, result));
    EXPECT_TRUE(net.run_tasks());
    return result;
  }
  // Both ends are there.
  void connect_both() {
    const Result<> result = dial();
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_TRUE(net.run([&] { return !taken.streams.empty(); }));
  }
  TcpStream& server() { return *taken.streams.back(); }
  void on_left(Task<> task) { spawn(*net.left.loop, net.left.arena, std::move(task)); }
  void on_right(Task<> task) { spawn(*net.right.loop, net.right.arena, std::move(task)); }
  Instant soon() { return net.left.loop->now() + 20s; }
  bool nothing_is_lent() {
    return net.left.door->write_blocks_left() == 4096 && net.right.door->write_blocks_left() == 4096;
  }

  // What comes back of `text` that the server echoes.
  void echo_through(const std::string& text) {
    std::string got;
    IoResult wrote, last;
    on_right(echo(net.right.arena, server()));
    on_left(write_then_shut(net.left.arena, *client, text, wrote, kNever));
    on_left(read_to_end(net.left.arena, *client, got, last, kNever));
    ASSERT_TRUE(net.run_tasks());
    EXPECT_EQ(wrote.bytes, text.size());
    EXPECT_EQ(last.status, IoStatus::kEnd);
    EXPECT_TRUE(got == text);
  }

  Middle net;
  Taken taken;
  tcp::ListenerId listener = tcp::kNone;
  std::unique_ptr<TcpStream> client;
};

TEST_F(DoorStream, KnowsBothEndpoints) {
  connect_both();
  EXPECT_EQ(client->peer(), kService);
  EXPECT_EQ(client->local(), server().peer());
  EXPECT_EQ(server().local(), kService);
}

TEST_F(DoorStream, EchoesMegabytesInBothDirectionsAtOnce) {
  connect_both();
  echo_through(some_text(8 << 20));
  EXPECT_TRUE(net.run([&] { return nothing_is_lent(); }, 5s)) << "what was acknowledged comes back";
}

TEST_F(DoorStream, EchoesThroughLoss) {
  connect_both();
  net.lose_every = 37;
  echo_through(some_text(2 << 20));
  EXPECT_GT(net.lost, 50u);
  net.lose_every = 0;
  EXPECT_TRUE(net.run([&] { return nothing_is_lent(); }, 60s));
}

struct ManyWorkers : DoorStream {
  ManyWorkers() : DoorStream(3) {}
};
TEST_F(ManyWorkers, EveryWorkersPacketsArrive) {
  connect_both();
  echo_through(some_text(1 << 20));
}

TEST_F(DoorStream, AWriterWaitsForASlowReaderUntilItsDeadline) {
  connect_both();
  const std::string text(8 << 20, 'x');
  IoResult wrote;
  on_left(write_then_shut(net.left.arena, *client, text, wrote, net.left.loop->now() + 50ms));
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(wrote.status, IoStatus::kTimeout);
  EXPECT_GT(wrote.bytes, 0u);
  EXPECT_LT(wrote.bytes, text.size());
  EXPECT_LE(client->undelivered(), ShardDoor::kUnacknowledgedMax);
}

TEST_F(DoorStream, AReadTimesOut) {
  connect_both();
  std::string got;
  IoResult last;
  on_left(read_to_end(net.left.arena, *client, got, last, net.left.loop->now() + 30ms));
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(last.status, IoStatus::kTimeout);
}

TEST_F(DoorStream, CloseEndsAndResetFails) {
  for (const Close how : {Close::kOrderly, Close::kReset}) {
    connect_both();
    std::string got;
    IoResult last;
    on_left(read_to_end(net.left.arena, *client, got, last, soon()));
    server().close(how);
    ASSERT_TRUE(net.run_tasks());
    EXPECT_EQ(last.status, how == Close::kOrderly ? IoStatus::kEnd : IoStatus::kError);
    EXPECT_EQ(last.error, how == Close::kOrderly ? 0 : ECONNRESET);
    EXPECT_EQ(client->try_write({}).error, how == Close::kOrderly ? 0 : ECONNRESET);
    client.reset();
    taken.streams.clear();
  }
}

// Who answers early and closes with something unread sends an answer and a reset.
TEST_F(DoorStream, WhatCameBeforeAResetIsReadBeforeIt) {
  connect_both();
  IoResult wrote, last;
  std::string got;
  on_right(write_then_shut(net.right.arena, server(), "too large", wrote, kNever));
  ASSERT_TRUE(net.run([&] { return client->ready(Direction::kRead); }));
  server().close(Close::kReset);
  net.step();
  on_left(read_to_end(net.left.arena, *client, got, last, kNever));
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(got, "too large");
}

TEST_F(DoorStream, ClosingWakesItsOwnReader) {
  connect_both();
  std::string got;
  IoResult last;
  on_left(read_to_end(net.left.arena, *client, got, last, kNever));
  net.step();
  client->close();
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(last.status, IoStatus::kCancelled);
}

TEST_F(DoorStream, ThePeersFinIsSeenWhileNobodyWaits) {
  connect_both();
  std::array<std::byte, 8> buffer;
  EXPECT_EQ(client->try_read(buffer).status, IoStatus::kWouldBlock);
  EXPECT_FALSE(client->ready(Direction::kRead));
  server().close();
  ASSERT_TRUE(net.run([&] { return client->ready(Direction::kRead); }));
  EXPECT_EQ(client->try_read(buffer).status, IoStatus::kEnd);
}

// RFC 9293 3.10.4: what was written before goes all the same.
TEST_F(DoorStream, WhatWasWrittenBeforeAnOrderlyCloseArrives) {
  connect_both();
  const std::string text = some_text(200'000);
  IoResult wrote, last;
  std::string got;
  on_left(write_then_shut(net.left.arena, *client, text, wrote, kNever));
  net.left.loop->run_until_idle();
  client.reset();
  net.lose_every = 11;
  on_right(read_to_end(net.right.arena, server(), got, last, kNever));
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(last.status, IoStatus::kEnd);
  EXPECT_TRUE(got == text);
}

TEST_F(DoorStream, AnswersAfterThePeersHalfClose) {
  connect_both();
  IoResult wrote, answered, last;
  std::string got, question;
  on_left(write_then_shut(net.left.arena, *client, "question", wrote, kNever));
  on_left(read_to_end(net.left.arena, *client, got, last, kNever));
  ASSERT_TRUE(net.run([&] { return net.left.loop->spawned() == 1; }));
  IoResult heard;
  on_right(read_to_end(net.right.arena, server(), question, heard, kNever));
  ASSERT_TRUE(net.run([&] { return net.right.loop->spawned() == 0; }));
  on_right(write_then_shut(net.right.arena, server(), "answer", answered, kNever));
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(question, "question");
  EXPECT_EQ(got, "answer");
  EXPECT_EQ(client->try_write({}).error, EPIPE);
}

TEST_F(DoorStream, DiallingWhereNobodyListensSaysSoAndIsSafeToRetry) {
  const Endpoint closed = *Endpoint::parse("192.0.2.2:81");
  const Result<> result = dial(closed);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "connect to 192.0.2.2:81: Connection refused");
  EXPECT_EQ(result.error().origin, Origin::kBackend);
  EXPECT_EQ(result.error().retry, Retry::kSafe);
}

TEST_F(DoorStream, DiallingEndsAtItsDeadline) {
  net.cut = true;
  const Result<> result = dial(kService, 40ms);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "connect to 192.0.2.2:80: no answer before the deadline");
}

TEST_F(DoorStream, EveryConnectionHasASourcePortOfThisShardUntilNoneIsLeft) {
  net.cut = true;
  const DoorPorts range;
  size_t ports = 0;
  for (uint32_t port = range.first; port <= range.last; ++port) ports += range.instance_of(uint16_t(port)) == 0;
  std::set<uint16_t> seen;
  for (size_t i = 0; i < ports; ++i) {
    const auto dialled = net.left.door->dial(kLeft, kService);
    ASSERT_TRUE(dialled) << dialled.error().message;
    EXPECT_EQ(range.instance_of(dialled->second.port), 0u);
    EXPECT_TRUE(seen.insert(dialled->second.port).second);
  }
  const auto refused = net.left.door->dial(kLeft, kService);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "connect to 192.0.2.2:80: no source ports left");
  EXPECT_EQ(refused.error().origin, Origin::kSelf);
  EXPECT_EQ(net.left.door->dials_without_port(), 1u);
  EXPECT_TRUE(net.left.door->dial(kLeft, *Endpoint::parse("192.0.2.3:80"))) << "another backend has all of them again";
}

TEST_F(DoorStream, AListenerThatLeavesCompletesWhatHadBegunAndAnswersNobodyNew) {
  auto dialled = net.left.door->dial(kLeft, kService);
  ASSERT_TRUE(dialled);
  net.left.loop->run_until_idle();
  net.carry(net.left, net.right);   // the SYN
  net.right.loop->run_until_idle();  // its answer
  net.right.door->answer_no_more(listener);
  client = std::make_unique<TcpStream>(*net.left.door, dialled->first, dialled->second, kService);
  ASSERT_TRUE(net.run([&] { return !taken.streams.empty(); }, 1s));
  client.reset();
  EXPECT_FALSE(dial());
  EXPECT_NE(client->try_read({}).error, ECONNREFUSED) << "it tries again, and may meet another listener";
  net.right.door->stop_listening(listener);
}

TEST_F(DoorStream, WhatWasDialledEndsWithTheDialling) {
  net.left.door->set_dialling(true, {});
  connect_both();
  std::string got, heard;
  IoResult last, of_server;
  on_left(read_to_end(net.left.arena, *client, got, last, kNever));
  on_right(read_to_end(net.right.arena, server(), heard, of_server, kNever));
  net.step();
  net.right.door->set_dialling(true, {});
  net.right.door->set_dialling(false, {});
  net.step();
  EXPECT_EQ(net.right.loop->spawned(), 1u) << "what was accepted goes on";
  net.left.door->set_dialling(false, {});
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(last.status, IoStatus::kCancelled);
  EXPECT_EQ(of_server.error, ECONNRESET);
  EXPECT_EQ(client->try_write({}).status, IoStatus::kCancelled);
}

// The dataplane dies and another comes: TCP sends again what was lost in between.
TEST_F(DoorStream, ConnectionsGoOnOverTheNextDoor) {
  connect_both();
  const std::string text = some_text(3 << 20);
  std::string got;
  IoResult wrote, last;
  on_left(write_then_shut(net.left.arena, *client, text, wrote, kNever));
  on_right(read_to_end(net.right.arena, server(), got, last, kNever));
  net.rounds_max = 2;
  ASSERT_TRUE(net.run([&] { return got.size() > text.size() / 3; }));
  ASSERT_LT(got.size(), text.size());
  net.left.door->detach();
  for (int i = 0; i < 300; ++i) net.step();
  EXPECT_LT(got.size(), text.size());
  net.left.attach();
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(last.status, IoStatus::kEnd);
  EXPECT_TRUE(got == text);
}

// Answers to what was dialled go by the port that it was dialled from, and so to whoever has that number now.
TEST_F(DoorStream, WhatAnotherInstanceDialledEndsAtTheNextDoor) {
  connect_both();
  std::string got, heard;
  IoResult last, of_server;
  on_left(read_to_end(net.left.arena, *client, got, last, kNever));
  on_right(read_to_end(net.right.arena, server(), heard, of_server, kNever));
  net.step();
  for (Host* each : {&net.right, &net.left}) {
    EXPECT_EQ(net.left.loop->spawned(), 1u) << "what was accepted goes on";
    each->door->detach();
    each->instance = 1;
    each->attach();
    net.step();
  }
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(last.status, IoStatus::kCancelled);
  EXPECT_EQ(of_server.error, ECONNRESET);
}

// Whoever writes into the shared memory what does not add up costs the door and nothing else.
TEST_F(DoorStream, ABrokenPipeEndsTheDoorAndNotTheConnections) {
  connect_both();
  net.right.memory->up(0, 0).tail.store(7);
  ASSERT_TRUE(net.run([&] { return !net.right.door->attached(); }, 100ms));
  EXPECT_TRUE(net.right.attached->broken);
  net.right.attach();
  echo_through("as before");
}

TEST_F(DoorStream, AFullPipeLosesNothing) {
  connect_both();
  net.left.attach(true);
  const std::string text = some_text(1000);
  IoResult wrote, last;
  std::string got;
  on_left(write_then_shut(net.left.arena, *client, text, wrote, kNever));
  net.left.loop->run_until_idle();
  on_right(read_to_end(net.right.arena, server(), got, last, kNever));
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(got, text);
  EXPECT_EQ(net.left.door->stack().counters().retransmitted, 0u) << "it waited for room";
}

struct FewBlocks : DoorStream {
  FewBlocks() : DoorStream(1, {.connections = 64, .receive_bytes = 1 << 20, .write_bytes = 128 << 10}) {}
};
TEST_F(FewBlocks, WritersThatShareTooLittleMemoryTakeTurns) {
  connect_both();
  std::unique_ptr<TcpStream> first = std::move(client);
  TcpStream& to_first = server();
  connect_both();
  const std::string text = some_text(1 << 20);
  std::string got[2];
  IoResult wrote[2], last[2];
  on_left(write_then_shut(net.left.arena, *first, text, wrote[0], kNever));
  on_left(write_then_shut(net.left.arena, *client, text, wrote[1], kNever));
  on_right(read_to_end(net.right.arena, to_first, got[0], last[0], kNever));
  on_right(read_to_end(net.right.arena, server(), got[1], last[1], kNever));
  EXPECT_TRUE(net.run_tasks());
  EXPECT_TRUE(got[0] == text);
  EXPECT_TRUE(got[1] == text);
}

// Whoever closes first remembers the connection for a minute (TIME-WAIT): not at the price of one that begins, and only
// as many as there are places for.
TEST_F(FewBlocks, WhatIsOnlyRememberedGivesWayToWhatBegins) {
  const Instant begun = net.right.loop->now();
  for (int i = 0; i < 300; ++i) {
    connect_both();
    ASSERT_FALSE(HasFatalFailure()) << i;
    server().close();
    ASSERT_TRUE(net.run([&] { return client->ready(Direction::kRead); }));
    client.reset();
    net.step();
    taken.streams.clear();
  }
  EXPECT_LT(net.right.loop->now() - begun, 60s) << "none was forgotten for its age";
  EXPECT_EQ(net.right.door->stack().connections(), 0u);
  EXPECT_EQ(net.right.door->stack().time_waits(), 64u);
  EXPECT_EQ(net.right.door->stack().counters().time_waits_forgotten, 300u - 64);
}

Task<> ping(Arena&, Stream& stream, int times, uint64_t& allocated) {
  std::array<std::byte, 64> buffer;
  for (int i = -10; i < times; i++) {
    if (i == 0) allocated = allocations();
    const IoResult wrote = co_await stream.write_all("ping", kNever);
    if (!wrote.ok()) co_return;
    const IoResult read = co_await stream.read(buffer, kNever);
    if (!read.ok()) co_return;
  }
  allocated = allocations() - allocated;
  stream.close();
}

TEST_F(DoorStream, ARoundTripAllocatesNothing) {
  connect_both();
  uint64_t allocated = ~uint64_t{0};
  on_right(echo(net.right.arena, server()));
  on_left(ping(net.left.arena, *client, 1000, allocated));
  ASSERT_TRUE(net.run_tasks());
  EXPECT_EQ(allocated, 0u);
}

TEST_F(DoorStream, Ipv6) {
  const Endpoint at = *Endpoint::parse("[2001:db8::2]:80");
  ASSERT_TRUE(net.right.door->listen(at, taken));
  auto dialled = net.left.door->dial(*IpAddress::parse("2001:db8::1"), at);
  ASSERT_TRUE(dialled);
  client = std::make_unique<TcpStream>(*net.left.door, dialled->first, dialled->second, at);
  ASSERT_TRUE(net.run([&] { return !taken.streams.empty(); }, 1s));
  echo_through("by the sixth version");
}

}  // namespace
}  // namespace cardea::l7::door
