// A fullnat connection through the line, both ways: the backend sees other sequence numbers and timestamps than the
// client's, the client sees its own, and a NAT port that comes back opens beyond where it was left.
#include <gtest/gtest.h>

#include "tests/packets/connection.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

constexpr uint32_t kTimestamps = 0x0101080a;

// TCP's numbers in a frame; `value` and `echo` are the timestamps'.
struct Numbers {
  uint32_t sequence = 0, acknowledgement = 0, value = 0, echo = 0;
  bool operator==(const Numbers&) const = default;
};

// A segment without payload that carries them.
std::vector<std::byte> segment(const FlowTuple& tuple, uint8_t flags, const Numbers& numbers) {
  std::vector<std::byte> bytes = frame({tuple, flags, 12});
  FlowTuple read_tuple;
  const wire::Frame read = wire::read_frame(bytes, read_tuple);
  std::byte* tcp = bytes.data() + read.l4;
  store_be32(tcp + 4, numbers.sequence);
  store_be32(tcp + 8, numbers.acknowledgement);
  tcp[12] = std::byte{0x80};
  store_be32(tcp + 20, kTimestamps);
  store_be32(tcp + 24, numbers.value);
  store_be32(tcp + 28, numbers.echo);
  set_tcp_sum(bytes, read);
  return bytes;
}

struct Seen {
  FlowTuple tuple;
  Numbers numbers;
};

// What left, with its checksum computed anew.
Seen through(Site& site, const std::vector<std::byte>& bytes) {
  const Outcome outcome = run(site, bytes);
  EXPECT_EQ(outcome.verdict, Verdict::kForward) << name(outcome.reason);
  Seen seen;
  const wire::Frame read = wire::read_frame(outcome.frame, seen.tuple);
  EXPECT_TRUE(sums_right(outcome.frame));
  const std::byte* tcp = outcome.frame.data() + read.l4;
  seen.numbers = {load_be32(tcp + 4), load_be32(tcp + 8), load_be32(tcp + 24), load_be32(tcp + 28)};
  return seen;
}

FlowTuple turned(const FlowTuple& t) {
  return {t.destination, t.source, t.destination_port_be, t.source_port_be, t.protocol};
}

const FlowTuple kClients[] = {tuple("198.51.100.7:5555", "203.0.113.1:80"),
                              tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:80")};

TEST(NatTcp, TheClientSeesItsOwnNumbersInTheAnswers) {
  for (const FlowTuple& client : kClients) {
    Site site;
    const Seen opening = through(site, segment(client, wire::kTcpSyn, {.sequence = 1000, .value = 50}));
    EXPECT_NE(opening.numbers.sequence, 1000u);
    EXPECT_NE(opening.numbers.value, 50u);
    const FlowTuple back = turned(opening.tuple);
    const Seen accepted = through(site, segment(back, wire::kTcpSyn | wire::kTcpAck,
                                                {7000, opening.numbers.sequence + 1, 90, opening.numbers.value}));
    EXPECT_EQ(accepted.numbers, (Numbers{7000, 1001, 90, 50}));
    EXPECT_EQ(accepted.tuple.destination.text(), client.source.text());
    const Seen established = through(site, segment(client, wire::kTcpAck, {1001, 7001, 51, 90}));
    EXPECT_EQ(established.numbers, (Numbers{opening.numbers.sequence + 1, 7001, opening.numbers.value + 1, 90}));
  }
}

TEST(NatTcp, ARepeatedSynIsTheSameSyn) {
  Site site;
  const auto syn = segment(kClients[0], wire::kTcpSyn, {.sequence = 1000, .value = 50});
  const Seen first = through(site, syn);
  site.worker.now_ms += 1000;
  EXPECT_EQ(through(site, syn).numbers, first.numbers);
}

// Whoever comes next may open with lower numbers: the backend, which keeps the port in TIME-WAIT, must not see that.
TEST(NatTcp, APortThatComesBackOpensBeyondWhereItWasLeft) {
  for (const FlowTuple& client : kClients) {
    Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4000});
    const Seen first = through(site, segment(client, wire::kTcpSyn, {.sequence = 0xf0000000, .value = 0x70000000}));
    through(site, segment(client, wire::kTcpRst, {.sequence = 0xf0000001, .value = 0x70000001}));
    site.worker.now_ms += 10;
    const Seen second = through(site, segment(client, wire::kTcpSyn, {.sequence = 5, .value = 3}));
    EXPECT_TRUE(second.tuple == first.tuple);
    EXPECT_EQ(second.numbers.sequence - first.numbers.sequence, 10'000u);
    EXPECT_EQ(second.numbers.value - first.numbers.value, 10u);
  }
}

TEST(NatTcp, TheNextClientGetsTheClosedConnectionsPortAfterASecond) {
  Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4000});
  Connection first(site, kClients[0]), next(site, tuple("198.51.100.8:5555", "203.0.113.1:80"));
  first.open();
  site.worker.now_ms += 1000;
  EXPECT_EQ(name(next.syn().reason), name(Reason::k_no_nat_port)) << "the first is not closed";
  first.client(wire::kTcpRst);
  site.worker.now_ms += 999;
  EXPECT_EQ(name(next.syn().reason), name(Reason::k_no_nat_port)) << "the first closed just now";
  ++site.worker.now_ms;
  next.open();
  EXPECT_EQ(next.reply_tuple(), first.reply_tuple());
  EXPECT_EQ(site.worker.flows.size(), 1u);
  EXPECT_EQ(site.worker.cells[site.path_cells.ports_taken], 0u) << "nobody was disturbed";
  EXPECT_EQ(name(first.client(wire::kTcpAck).reason), name(Reason::k_no_flow));
}

}  // namespace
}  // namespace cardea::dataplane::test
