// Kernel sockets on the loopback interface: the listener, connecting, and the Stream over both.
#include "l7/runtime/kernel_stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "l7/runtime/listener.h"
#include "l7/runtime/spawn.h"
#include "tests/unit/l7/runtime/allocations.h"

namespace cardea::l7 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Endpoint kAnyPort{IpAddress::v4(0x7f000001), 0};

struct KernelTest : testing::Test {
  ChunkPool chunks;
  Arena arena{chunks};  // outlives the loop, which destroys what has not finished
  std::unique_ptr<Loop> loop = *Loop::create();
  Listener listener{*loop, *open_listening_socket(kAnyPort)};
  Instant soon() const { return loop->now() + seconds(20); }

  void run_tasks() {
    while (loop->spawned() != 0) loop->run_turn(seconds(1));
  }
  // Two connected streams without any coroutine.
  std::pair<std::unique_ptr<KernelStream>, std::unique_ptr<KernelStream>> connected();
};

Task<> accept_into(Arena&, Listener& listener, Loop& loop, std::unique_ptr<KernelStream>& into) {
  Result<Accepted> accepted = co_await listener.accept();
  if (accepted) into = std::make_unique<KernelStream>(loop, std::move(accepted->socket), accepted->peer);
}

Task<> connect_to(Arena&, KernelStream& stream, Endpoint to, Instant deadline, Result<>& result) {
  result = co_await stream.connect(to, deadline);
}

std::pair<std::unique_ptr<KernelStream>, std::unique_ptr<KernelStream>> KernelTest::connected() {
  auto client = std::make_unique<KernelStream>(*loop);
  std::unique_ptr<KernelStream> server;
  Result<> result;
  spawn(*loop, arena, accept_into(arena, listener, *loop, server));
  spawn(*loop, arena, connect_to(arena, *client, listener.local(), soon(), result));
  run_tasks();
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return {std::move(client), std::move(server)};
}

Task<> echo(Arena&, Stream& stream) {
  std::array<std::byte, 16384> buffer;
  for (;;) {
    const IoResult read = co_await stream.read(buffer, stream.loop().now() + seconds(20));
    if (!read.ok()) break;
    const IoResult wrote =
        co_await stream.write_all(Bytes(buffer).first(read.bytes), stream.loop().now() + seconds(20));
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

TEST_F(KernelTest, KnowsBothEndpoints) {
  auto [client, server] = connected();
  ASSERT_TRUE(server);
  EXPECT_EQ(client->peer(), listener.local());
  EXPECT_EQ(client->local(), server->peer());
  EXPECT_EQ(server->local(), client->peer());
}

TEST_F(KernelTest, EchoesMegabytesInBothDirectionsAtOnce) {
  auto [client, server] = connected();
  std::string text(8 << 20, '\0');
  for (size_t i = 0; i < text.size(); i++) text[i] = static_cast<char>(i * 7 + i / 251);
  std::string got;
  IoResult wrote, last;
  spawn(*loop, arena, echo(arena, *server));
  spawn(*loop, arena, write_then_shut(arena, *client, text, wrote, soon()));
  spawn(*loop, arena, read_to_end(arena, *client, got, last, soon()));
  run_tasks();
  EXPECT_EQ(wrote.bytes, text.size());
  EXPECT_EQ(last.status, IoStatus::kEnd);
  EXPECT_TRUE(got == text);
}

TEST_F(KernelTest, AWriterWaitsForASlowReaderUntilItsDeadline) {
  auto [client, server] = connected();
  const std::string text(64 << 20, 'x');
  IoResult wrote;
  spawn(*loop, arena, write_then_shut(arena, *client, text, wrote, loop->now() + milliseconds(50)));
  run_tasks();
  EXPECT_EQ(wrote.status, IoStatus::kTimeout);
  EXPECT_GT(wrote.bytes, 0u);
  EXPECT_LT(wrote.bytes, text.size());
}

// A few of a few bytes are gathered before they are sent, more are given to the kernel as they lie.
TEST_F(KernelTest, PiecesOfAnySumArriveInTheirOrder) {
  const auto [client, server] = connected();
  for (const size_t bytes : {size_t(2), size_t(1000), size_t(2047), size_t(2048), size_t(2049), size_t(8000)}) {
    std::string text(bytes, '\0');
    for (size_t i = 0; i < bytes; ++i) text[i] = char('a' + i % 23);
    const size_t first = bytes / 2;
    const iovec pieces[] = {{text.data(), first}, {text.data() + first, 0}, {text.data() + first, bytes - first}};
    ASSERT_EQ(client->try_write(pieces).bytes, bytes);
    std::string got(bytes, '\0');
    ASSERT_EQ(::recv(server->fd(), got.data(), bytes, MSG_WAITALL), ssize_t(bytes));
    EXPECT_EQ(got, text);
  }
}

TEST_F(KernelTest, AReadTimesOut) {
  auto [client, server] = connected();
  std::string got;
  IoResult last;
  const Instant start = monotonic_now();
  spawn(*loop, arena, read_to_end(arena, *client, got, last, loop->now() + milliseconds(30)));
  run_tasks();
  EXPECT_EQ(last.status, IoStatus::kTimeout);
  EXPECT_GE(monotonic_now() - start, milliseconds(29));
}

TEST_F(KernelTest, CloseEndsAndResetFails) {
  for (const Close how : {Close::kOrderly, Close::kReset}) {
    auto [client, server] = connected();
    std::string got;
    IoResult last;
    spawn(*loop, arena, read_to_end(arena, *client, got, last, soon()));
    server->close(how);
    run_tasks();
    if (how == Close::kOrderly) {
      EXPECT_EQ(last.status, IoStatus::kEnd);
    } else {
      EXPECT_EQ(last.status, IoStatus::kError);
      EXPECT_EQ(last.error, ECONNRESET);
    }
  }
}

TEST_F(KernelTest, WritingIntoAClosedConnectionFailsWithoutASignal) {
  auto [client, server] = connected();
  server->close(Close::kReset);
  IoResult first, second;
  spawn(*loop, arena, write_then_shut(arena, *client, "x", first, soon()));
  spawn(*loop, arena, write_then_shut(arena, *client, "x", second, soon()));
  run_tasks();
  EXPECT_EQ(second.status, IoStatus::kError);
}

TEST_F(KernelTest, ClosingWakesItsOwnReader) {
  auto [client, server] = connected();
  std::string got;
  IoResult last;
  spawn(*loop, arena, read_to_end(arena, *client, got, last, kNever));
  loop->run_turn(milliseconds(0));
  client->close();
  run_tasks();
  EXPECT_EQ(last.status, IoStatus::kCancelled);
}

TEST_F(KernelTest, ThePeersFinIsSeenWhileNobodyWaits) {
  auto [client, server] = connected();
  std::string got;
  IoResult last;
  // A deadline in the near past makes the client ask once, find nothing, and leave.
  spawn(*loop, arena, read_to_end(arena, *client, got, last, loop->now()));
  run_tasks();
  EXPECT_EQ(last.status, IoStatus::kTimeout);
  EXPECT_FALSE(client->ready(Direction::kRead)) << "an idle connection whose peer is there";
  server->close();
  const Instant limit = soon();
  while (!client->ready(Direction::kRead) && monotonic_now() < limit) loop->run_turn(milliseconds(10));
  std::array<std::byte, 8> buffer;
  EXPECT_EQ(client->try_read(buffer).status, IoStatus::kEnd);
}

TEST_F(KernelTest, ConnectingToAClosedPortSaysSoAndIsSafeToRetry) {
  const Endpoint closed = listener.local();
  listener.close();
  KernelStream stream(*loop);
  Result<> result;
  spawn(*loop, arena, connect_to(arena, stream, closed, soon(), result));
  run_tasks();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "connect to " + closed.text() + ": Connection refused");
  EXPECT_EQ(result.error().origin, Origin::kBackend);
  EXPECT_EQ(result.error().retry, Retry::kSafe);
}

TEST_F(KernelTest, ConnectingEndsAtItsDeadline) {
  // A listener whose queue is full answers no SYN.
  Listener full(*loop, *open_listening_socket(kAnyPort, {.backlog = 0}));
  std::vector<std::unique_ptr<KernelStream>> streams;
  std::vector<std::unique_ptr<Result<>>> results;
  for (int i = 0; i < 4; i++) {
    streams.push_back(std::make_unique<KernelStream>(*loop));
    results.push_back(std::make_unique<Result<>>());
    spawn(*loop, arena,
          connect_to(arena, *streams.back(), full.local(), loop->now() + milliseconds(40), *results.back()));
  }
  run_tasks();
  ASSERT_FALSE(*results.back());
  EXPECT_NE(results.back()->error().message.find("no answer before the deadline"), std::string::npos);
}

TEST_F(KernelTest, TwoListenersShareAnAddressAndOneCanMove) {
  const Endpoint at = listener.local();
  auto second = open_listening_socket(at);
  ASSERT_TRUE(second) << second.error().message;
  second->close();
  // The socket goes to another loop's listener, as at a reload: who connects in between is not lost.
  auto other = *Loop::create();
  KernelStream client(*loop);
  Result<> result;
  FileDescriptor socket = listener.take();
  spawn(*loop, arena, connect_to(arena, client, at, soon(), result));
  run_tasks();
  ASSERT_TRUE(result);
  Listener moved(*other, std::move(socket));
  std::unique_ptr<KernelStream> server;
  Arena own(other->chunks());
  spawn(*other, own, accept_into(own, moved, *other, server));
  while (other->spawned() != 0) other->run_turn(seconds(1));
  ASSERT_TRUE(server);
  EXPECT_EQ(server->peer(), client.local());
  server.reset();
}

TEST_F(KernelTest, AnAddressThatThisHostDoesNotHaveYetCanBeListenedOn) {
  EXPECT_TRUE(open_listening_socket({*IpAddress::parse("203.0.113.77"), 0}));
}

TEST_F(KernelTest, AForeignSocketOnTheAddressIsNamed) {
  FileDescriptor foreign(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Endpoint at = listener.local();
  listener.close();
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(at.port), .sin_addr = {htonl(0x7f000001)}};
  ASSERT_EQ(::bind(foreign.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(foreign.get(), 1), 0);
  const auto refused = open_listening_socket(at);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "listen on " + at.text() + ": another program listens there");
}

Task<> accept_many(Arena&, Listener& listener, int& accepted, int wanted) {
  while (accepted < wanted) {
    Result<Accepted> next = co_await listener.accept();
    if (!next) co_return;
    accepted++;
  }
}

TEST_F(KernelTest, AcceptsMoreThanATurnsBudget) {
  constexpr int kClients = 200;
  std::vector<std::unique_ptr<KernelStream>> clients;
  std::vector<std::unique_ptr<Result<>>> results;
  for (int i = 0; i < kClients; i++) {
    clients.push_back(std::make_unique<KernelStream>(*loop));
    results.push_back(std::make_unique<Result<>>());
    spawn(*loop, arena, connect_to(arena, *clients.back(), listener.local(), soon(), *results.back()));
  }
  int accepted = 0;
  const uint64_t turn = loop->turn();
  spawn(*loop, arena, accept_many(arena, listener, accepted, kClients));
  run_tasks();
  EXPECT_EQ(accepted, kClients);
  EXPECT_GE(loop->turn() - turn, 3u);
}

TEST_F(KernelTest, ClosingAListenerWakesWhoAccepts) {
  int accepted = 0;
  spawn(*loop, arena, accept_many(arena, listener, accepted, 1));
  loop->run_turn(milliseconds(0));
  EXPECT_EQ(loop->spawned(), 1u);
  listener.close();
  run_tasks();
  EXPECT_EQ(accepted, 0);
}

Task<> ping(Arena&, Stream& stream, int times, uint64_t& allocated) {
  std::array<std::byte, 64> buffer;
  for (int i = -10; i < times; i++) {
    if (i == 0) allocated = allocations();
    const IoResult wrote = co_await stream.write_all("ping", stream.loop().now() + seconds(20));
    if (!wrote.ok()) co_return;
    const IoResult read = co_await stream.read(buffer, stream.loop().now() + seconds(20));
    if (!read.ok()) co_return;
  }
  allocated = allocations() - allocated;
  stream.close();
}

TEST_F(KernelTest, ARoundTripAllocatesNothing) {
  auto [client, server] = connected();
  uint64_t allocated = ~uint64_t{0};
  spawn(*loop, arena, echo(arena, *server));
  spawn(*loop, arena, ping(arena, *client, 1000, allocated));
  run_tasks();
  EXPECT_EQ(allocated, 0u);
}

TEST_F(KernelTest, Ipv6) {
  auto socket = open_listening_socket({*IpAddress::parse("::1"), 0});
  if (!socket) GTEST_SKIP() << socket.error().message;
  Listener six(*loop, std::move(*socket));
  KernelStream client(*loop);
  std::unique_ptr<KernelStream> server;
  Result<> result;
  spawn(*loop, arena, accept_into(arena, six, *loop, server));
  spawn(*loop, arena, connect_to(arena, client, six.local(), soon(), result));
  run_tasks();
  ASSERT_TRUE(result);
  EXPECT_EQ(server->peer().text(), client.local().text());
  server.reset();
}

Task<> connect_from(Arena&, KernelStream& stream, Endpoint to, Instant deadline, Result<>& result) {
  const KernelStream::ConnectOptions options{.source = IpAddress::v4(0x7f000009), .bind_source = true};
  result = co_await stream.connect(to, deadline, options);
}

TEST_F(KernelTest, TheSourceAddressIsTheOneAskedFor) {
  KernelStream client(*loop);
  Result<> result;
  spawn(*loop, arena, connect_from(arena, client, listener.local(), soon(), result));
  run_tasks();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(client.local().address.text(), "127.0.0.9");
}

}  // namespace
}  // namespace cardea::l7
