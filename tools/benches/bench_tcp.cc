// What our own TCP costs, without any wire: two stacks in memory hand each other packets. Nanoseconds a segment in bulk
// (both ends together, acknowledgements counted with the data they answer), nanoseconds a request and answer of 1 KB
// each on one connection and over ten thousand in turn, nanoseconds a connection opened and closed, bytes a connection
// that is idle. Time is this thread's on a CPU. One JSON object a line; medians over several rounds. Ends with an error
// when any of it asked the heap for memory.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/check.h"
#include "l7/tcp/stack.h"
#include "tools/benches/allocations.h"

namespace cardea::l7::tcp {
namespace {

constexpr int kRounds = 11;

void print(const char* name, double value, const char* unit) {
  std::printf("{\"name\": \"tcp.%s\", \"value\": %.1f, \"unit\": \"%s\"}\n", name, value, unit);
}

Settings settings_for(uint32_t connections) {
  Settings settings;
  settings.table_key = settings.isn_key = settings.timestamp_key = settings.cookie_key = {1, 2};
  settings.connections = connections;
  settings.half_open = connections;
  settings.time_wait = std::chrono::milliseconds(1);
  settings.receive_window = settings.receive_window_max = 1 << 20;
  return settings;
}

class Pair {
 public:
  explicit Pair(uint32_t connections)
      : now_(std::chrono::seconds(1000)),
        client_(settings_for(connections), now_),
        server_(settings_for(connections), now_) {
    CHECK(server_.listen(there_).has_value());
  }

  ConnectionId open(uint16_t port, unsigned host) {
    const Endpoint here{IpAddress::v4(0x0a000000 + host), port};
    const auto id = client_.connect(here, there_, now_);
    CHECK(id.has_value());
    exchange();
    CHECK(accepted_.index != kNone);
    return *id;
  }

  // Everything that wants to leave arrives at once, until nothing does.
  void exchange() {
    for (bool any = true; any;) any = carry(client_, server_) | carry(server_, client_);
    while (client_.next_notice()) {
    }
    while (const auto notice = server_.next_notice())
      if (notice->events & kOpened) accepted_ = notice->id;
  }

  void pass(Duration time) {
    now_ += time;
    client_.advance(now_);
    server_.advance(now_);
  }

  static size_t drain(Stack& stack, ConnectionId id, Instant now) {
    size_t all = 0;
    for (Bytes front; !(front = stack.front(id)).empty(); all += front.size()) stack.consume(id, front.size(), now);
    return all;
  }

  Instant now_;
  Stack client_, server_;
  ConnectionId accepted_;
  uint64_t segments_ = 0;

 private:
  bool carry(Stack& from, Stack& to) {
    bool any = false;
    while (const size_t size = from.transmit(room_, now_)) {
      to.receive(Bytes(room_, size), now_, Checksum::kGood);  // a device has looked at it
      segments_++;
      any = true;
    }
    return any;
  }

  const Endpoint there_{IpAddress::v4(0x0b000001), 443};
  std::byte room_[2048];
};

double cpu_nanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e9 + double(time.tv_nsec);
}

uint64_t asked_of_the_heap = 0;

template <typename Work>
double median_of_rounds(double pieces, Work&& work) {
  std::vector<double> rounds;
  rounds.reserve(kRounds);
  work();  // fills what is filled once
  const uint64_t before = bench::allocations();
  for (int round = 0; round < kRounds; round++) {
    const double start = cpu_nanoseconds();
    work();
    rounds.push_back((cpu_nanoseconds() - start) / pieces);
  }
  asked_of_the_heap += bench::allocations() - before;
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

const std::vector<std::byte> source(1 << 16, std::byte{'x'});

void bulk() {
  constexpr int kPieces = 1000;
  Pair pair(16);
  const ConnectionId id = pair.open(2000, 1);
  uint64_t segments = 0;
  const double a_piece = median_of_rounds(kPieces, [&] {
    const uint64_t before = pair.segments_;
    for (int i = 0; i < kPieces; i++) {
      CHECK(pair.client_.write(id, source, pair.now_) == source.size());
      for (size_t got = 0; got < source.size();) {
        pair.exchange();
        got += Pair::drain(pair.server_, pair.accepted_, pair.now_);
      }
      pair.pass(std::chrono::microseconds(100));
      pair.exchange();
    }
    segments = (pair.segments_ - before) / kPieces;
  });
  print("bulk", a_piece / double(segments), "ns/segment");
  print("bulk.rate", double(source.size()) / a_piece, "GB/s");
}

struct Both {
  ConnectionId client, server;
};

void request(Pair& pair, const Both& both) {
  const Bytes kilobyte = Bytes(source).first(1024);
  CHECK(pair.client_.write(both.client, kilobyte, pair.now_) == 1024);
  pair.exchange();
  CHECK(Pair::drain(pair.server_, both.server, pair.now_) == 1024);
  CHECK(pair.server_.write(both.server, kilobyte, pair.now_) == 1024);
  pair.exchange();
  CHECK(Pair::drain(pair.client_, both.client, pair.now_) == 1024);
}

void requests(const char* name, unsigned count) {
  constexpr int kRequests = 10'000;
  Pair pair(count + 1);
  std::vector<Both> all;
  for (unsigned i = 0; i < count; i++) {
    const ConnectionId id = pair.open(uint16_t(2000 + i % 50'000), i / 50'000);
    all.push_back({id, pair.accepted_});
  }
  const double each = median_of_rounds(kRequests, [&] {
    for (int i = 0; i < kRequests; i++) {
      request(pair, all[size_t(i) * 7919 % all.size()]);
      if (i % 16 == 0) pair.pass(std::chrono::microseconds(500));
    }
  });
  print(name, each, "ns/request");
}

void connections() {
  constexpr int kConnections = 2000;
  Pair pair(4096);
  unsigned port = 0;
  const double each = median_of_rounds(kConnections, [&] {
    for (int i = 0; i < kConnections; i++, port++) {
      const ConnectionId id = pair.open(uint16_t(1024 + port % 60'000), port / 60'000);
      pair.client_.close(id, pair.now_);
      pair.exchange();
      pair.server_.close(pair.accepted_, pair.now_);
      pair.exchange();
      pair.pass(std::chrono::microseconds(10));
      pair.exchange();
    }
  });
  print("connection", each, "ns");
}

int run() {
  requests("request.one", 1);
  requests("request.ten_thousand", 10'000);
  bulk();
  connections();
  // With its generation, its bucket and its place in the pool.
  print("idle", sizeof(Connection) + 3 * sizeof(uint32_t), "bytes/connection");
  print("allocations", double(asked_of_the_heap), "count");
  return asked_of_the_heap == 0 ? 0 : 1;
}

}  // namespace
}  // namespace cardea::l7::tcp

int main() {
  return cardea::l7::tcp::run();
}
