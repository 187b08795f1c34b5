// ICMP errors about flows, through the whole line: whom they reach, what they quote then, and every checksum anew.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "dataplane/wire/quote.h"
#include "tests/packets/ends.h"
#include "tests/packets/errors.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

using Bytes = std::vector<std::byte>;

// The IP packet of a frame after one more hop, cut where an error cuts it.
Bytes after_a_hop(FrameSpec spec, size_t quoted) {
  --spec.ttl;
  const Bytes bytes = frame(spec);
  return {bytes.begin() + 14, bytes.begin() + 14 + std::ptrdiff_t(std::min(quoted, bytes.size() - 14))};
}

// Sums right, between these addresses, one hop counted, MTU as it was, and this packet quoted.
void expect_error(const Bytes& bytes, const std::string& from, const std::string& to, const Bytes& quoted) {
  FlowTuple addresses;
  wire::read_frame(bytes, addresses);
  const wire::Frame read = icmp_frame(bytes);
  EXPECT_EQ(addresses.source.text(), from);
  EXPECT_EQ(addresses.destination.text(), to);
  EXPECT_EQ(read.ttl, 63);
  if (read.family == 4) {
    EXPECT_EQ(internet_checksum({bytes.data() + 14, 20}), 0);
  }
  EXPECT_TRUE(sums_right(bytes));
  EXPECT_EQ(load_be16(bytes.data() + read.l4 + 6), 1400);
  EXPECT_EQ(Bytes(bytes.begin() + read.l4 + wire::kIcmpHeader, bytes.end()), quoted);
}

struct Case {
  FlowTuple in;
  const char *client, *service, *nat, *router;
  uint8_t type;
};
const Case kCases[] = {
    {tuple("198.51.100.7:5555", "203.0.113.1:80"), "198.51.100.7", "203.0.113.1", "10.0.0.1", "192.0.2.77", 3},
    {tuple("198.51.100.7:5555", "203.0.113.1:53", Protocol::kUdp), "198.51.100.7", "203.0.113.1", "10.0.0.1",
     "192.0.2.77", 11},
    {tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:80"), "2001:db8:9::7", "2001:db8::1", "fd00::1", "2001:db8:77::1", 2},
    {tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:53", Protocol::kUdp), "2001:db8:9::7", "2001:db8::1", "fd00::1",
     "2001:db8:77::1", 1},
};

TEST(Errors, FromTheBackendsSideReachTheClientAboutWhatItSent) {
  for (const Case& c : kCases)
    for (const size_t quoted : {kWhole, size_t{c.in.source.is_v4() ? 28u : 48u}}) {
      Site site;
      const FrameSpec sent{c.in, wire::kTcpSyn};
      const Outcome there = run(site, frame(sent));
      const Outcome error = run(site, error_about(there.frame, {c.router, c.type, 0, quoted}));
      ASSERT_EQ(error.verdict, Verdict::kForward) << name(error.reason);
      // A cut packet's checksum is not there to be corrected, unless it is UDP's.
      expect_error(error.frame, c.service, c.client, after_a_hop(sent, quoted));
    }
}

// The next connection may have a closed one's port, and the closed one's packets of that burst are still its own.
TEST(Errors, AboutAClosedConnectionAreNotTheNextOnes) {
  Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4000});
  const FlowTuple closed = tuple("198.51.100.7:5555", "203.0.113.1:80");
  const Outcome there = run(site, frame({closed, wire::kTcpSyn}));
  run(site, frame({closed, wire::kTcpRst}));
  site.worker.now_ms += 5000;
  Ends ends;
  const Bytes next = frame({tuple("198.51.100.8:5555", "203.0.113.1:80"), wire::kTcpSyn});
  const auto outcomes = run(site, ends, {error_about(there.frame, kTooBig4), next});
  EXPECT_TRUE(outcomes[1].new_flow) << name(outcomes[1].reason);
  ASSERT_EQ(ends.sent.size(), 2u);
  expect_error(ends.sent[0].frame, "203.0.113.1", "198.51.100.7", after_a_hop({closed, wire::kTcpSyn}, kWhole));
  EXPECT_EQ(site.worker.flows.size(), 1u);
  EXPECT_NE(run(site, error_about(there.frame, kTooBig4)).frame, ends.sent[0].frame)
      << "from now on it is the next one's";
}

TEST(Errors, FromTheClientsSideReachTheBackendAboutItsAnswer) {
  for (const Case& c : kCases) {
    Site site;
    FlowTuple there;
    wire::read_frame(run(site, frame({c.in, wire::kTcpSyn})).frame, there);
    const FrameSpec answer{
        {there.destination, there.source, there.destination_port_be, there.source_port_be, there.protocol},
        wire::kTcpSyn | wire::kTcpAck,
        100};
    const Outcome back = run(site, frame(answer));
    const Outcome error = run(site, error_about(back.frame, {c.router, c.type, 0}));
    ASSERT_EQ(error.verdict, Verdict::kForward) << name(error.reason);
    expect_error(error.frame, c.nat, there.destination.text(), after_a_hop(answer, kWhole));
  }
}

TEST(Errors, AboutATunnelsAnswersReachTheFlowsBackendWhole) {
  for (const bool v6 : {false, true}) {
    Site site;
    const FlowTuple in =
        v6 ? tuple("[2001:db8:9::7]:5555", "[2001:db8::2]:80") : tuple("198.51.100.7:5555", "203.0.113.2:80");
    const FlowTuple back{in.destination, in.source, in.destination_port_be, in.source_port_be, in.protocol};
    const Bytes error = error_about(frame({back}), v6 ? kTooBig6 : kTooBig4);
    const Outcome unknown = run(site, error);
    ASSERT_EQ(unknown.verdict, Verdict::kForward) << name(unknown.reason);
    EXPECT_EQ(site.worker.flows.size(), 0u) << "an error begins no flow";
    const Outcome flow = run(site, frame({in}));
    EXPECT_EQ(unknown.slot, flow.slot) << "the ring's answer";
    const Outcome known = run(site, error);
    EXPECT_EQ(known.slot, flow.slot);
    ASSERT_EQ(known.frame.size(), error.size() + (v6 ? 40 : 20));
    const size_t l4 = v6 ? 54 : 34, outer = v6 ? 40 : 20;
    EXPECT_EQ(Bytes(known.frame.begin() + std::ptrdiff_t(l4 + outer), known.frame.end()),
              Bytes(error.begin() + std::ptrdiff_t(l4), error.end()));
  }
}

// A NIC spreads an error by its own addresses, if at all: the flow it is about is another queue's.
TEST(Errors, FromTheClientsSideAreGivenToTheWorkerThatThePortSteersTheFlowTo) {
  Steering steering{.key = std::vector<uint8_t>(40), .table = std::vector<uint16_t>(128)};
  for (size_t i = 0; i < steering.key.size(); ++i) steering.key[i] = uint8_t(i * 37 + 11);
  for (size_t i = 0; i < steering.table.size(); ++i) steering.table[i] = uint16_t(i % 4);
  std::set<uint32_t> given_to;
  for (uint16_t port = 1000; port < 1032; ++port)
    for (const bool v6 : {false, true}) {
      Site site;
      site.worker.workers = 4, site.worker.index = 1;
      site.worker.steering = {steering};
      FlowTuple flow = v6 ? tuple("[2001:db8:9::7]:1", "[2001:db8::2]:80") : tuple("198.51.100.7:1", "203.0.113.2:80");
      flow.source_port_be = __builtin_bswap16(port);
      const FlowTuple answer{flow.destination, flow.source, flow.destination_port_be, flow.source_port_be,
                             flow.protocol};
      Ends ends;
      run(site, ends, {error_about(frame({answer}), v6 ? kTooBig6 : kTooBig4)});
      const uint32_t owner = steering.queue_of(flow) % 4;
      given_to.insert(owner);
      ASSERT_EQ(ends.handed_over.size(), owner == 1 ? 0u : 1u);
      EXPECT_EQ(ends.handed_over.empty() ? 1 : ends.handed_over[0].to, owner);
      Ends others;
      run(site, others, {frame({flow})});
      EXPECT_EQ(others.handed_over.size(), 0u) << "the flow's own packets are where they came";
      Explanation e;
      e.tuple = flow;
      EXPECT_EQ(explain_owner(*site.plan, flow, 4, steering), owner);
      EXPECT_EQ(explain_owner(*site.plan, flow, 4, {}), owner_of(flow_hash(site.plan->hash_key, flow), 4));
    }
  EXPECT_EQ(given_to.size(), 4u);
}

TEST(Errors, DoNotMakeAFlowChooseAgain) {
  for (const image::BackendState state : {image::BackendState::down, image::BackendState::maint}) {
    Site site;
    const FlowTuple flow = tuple("198.51.100.7:5555", "203.0.113.2:53", Protocol::kUdp);
    const SlotId slot = run(site, frame({flow})).slot;
    site.update(pool_update("v4", 4, state));
    const FlowTuple answer{flow.destination, flow.source, flow.destination_port_be, flow.source_port_be, flow.protocol};
    const Outcome error = run(site, error_about(frame({answer}), kTooBig4));
    EXPECT_EQ(error.verdict, Verdict::kForward) << name(error.reason);
    EXPECT_EQ(error.slot, slot) << "anyone can send one";
    EXPECT_EQ(site.worker.flows.size(), 1u);
  }
}

TEST(Errors, NeitherKeepNorMoveAFlow) {
  Site site;
  const FlowTuple in = kCases[0].in;
  const Outcome there = run(site, frame({in, wire::kTcpSyn}));
  const Bytes error = error_about(there.frame, kTooBig4);
  FlowTuple reply;
  wire::read_frame(there.frame, reply);
  site.worker.now_ms += 500;
  ASSERT_EQ(run(site, error).verdict, Verdict::kForward);
  const uint64_t hash = flow_hash(site.plan->hash_key, in);
  const FlowHead& flow = site.worker.flows.head(site.worker.flows.find(hash, in));
  EXPECT_EQ(flow.state, FlowState::kSyn);
  EXPECT_EQ(flow.last_seen_ms, 1000u);
}

TEST(Errors, ThatAreNobodysAreTheKernels) {
  Site site;
  const FlowTuple in = kCases[0].in;
  const Outcome there = run(site, frame({in, wire::kTcpSyn}));
  FlowTuple out;
  wire::read_frame(there.frame, out);
  const auto kernels = [&](const Bytes& bytes, Reason why) {
    const Outcome outcome = run(site, bytes);
    EXPECT_EQ(outcome.verdict, Verdict::kDoor);
    EXPECT_EQ(name(outcome.reason), name(why));
    EXPECT_EQ(outcome.frame, bytes) << "as it came";
  };
  FlowTuple other = out;
  other.source_port_be = __builtin_bswap16(uint16_t(__builtin_bswap16(out.source_port_be) + 1));
  kernels(error_about(frame({other}), kTooBig4), Reason::k_no_flow);
  kernels(error_about(frame({tuple("203.0.113.1:80", "198.51.100.9:1")}), kTooBig4), Reason::k_no_flow);
  kernels(error_about(frame({tuple("203.0.113.3:80", "198.51.100.9:1")}), kTooBig4), Reason::k_local_service);
  kernels(error_about(frame({tuple("10.0.0.1:45678", "10.0.0.11:8080")}), kTooBig4), Reason::k_not_a_service);
  kernels(error_about(there.frame, {.from = "192.0.2.77", .type = 8}), Reason::k_not_tcp_udp);
  kernels(error_about(there.frame, {.from = "192.0.2.77", .quoted = 27}), Reason::k_not_tcp_udp);
  Bytes wrong_sum = error_about(there.frame, kTooBig4);
  wrong_sum.back() ^= std::byte{1};
  kernels(wrong_sum, Reason::k_not_tcp_udp);
  Bytes elsewhere = error_about(there.frame, kTooBig4);  // sent to an address that is not the quoted packet's source
  elsewhere[33] ^= std::byte{1};
  set_ip_sum(elsewhere, icmp_frame(elsewhere));
  kernels(elsewhere, Reason::k_not_tcp_udp);
}

// The quoted packet bent at `at` (from its IP header), with the error's sum right again.
Bytes bent(const Bytes& error, size_t at, uint8_t value) {
  Bytes bytes = error;
  const wire::Frame read = icmp_frame(bytes);
  bytes[read.l4 + wire::kIcmpHeader + at] = std::byte{value};
  set_icmp_sum(bytes, read);
  return bytes;
}

TEST(Errors, WithAQuoteThatMakesNoSenseAreTheKernels) {
  struct Row {
    const char* what;
    size_t at;
    uint8_t value;
  };
  for (const bool v6 : {false, true}) {
    Site site;
    const Case& c = kCases[v6 ? 2 : 0];
    const Bytes error = error_about(run(site, frame({c.in, wire::kTcpSyn})).frame, v6 ? kTooBig6 : kTooBig4);
    ASSERT_EQ(run(site, bent(error, 1, 0x20)).verdict, Verdict::kForward) << "only what matters is looked at";
    const std::vector<Row> rows4{{"version", 0, 0x65},
                                 {"a header of 16 bytes", 0, 0x44},
                                 {"a header beyond it", 0, 0x4f},
                                 {"a later fragment", 7, 1},
                                 {"a ping", 9, 1},
                                 {"no port", 20, 0}};
    const std::vector<Row> rows6{{"version", 0, 0x45}, {"extension headers", 6, 60}, {"a ping", 6, 58}};
    for (const Row& row : v6 ? rows6 : rows4) {
      Bytes bytes = bent(error, row.at, row.value);
      if (row.at == 20) bytes = bent(bytes, 21, 0);
      if (row.value == 0x4f) {  // 60 bytes, of which 54 are there
        bytes = error_about(run(site, frame({c.in, wire::kTcpAck, 100})).frame, {.from = "192.0.2.77", .quoted = 54});
        bytes = bent(bytes, row.at, row.value);
      }
      const Outcome outcome = run(site, bytes);
      EXPECT_EQ(outcome.verdict, Verdict::kDoor) << row.what;
      EXPECT_EQ(name(outcome.reason), name(Reason::k_not_tcp_udp)) << row.what;
      EXPECT_EQ(outcome.frame, bytes) << row.what << ": as it came";
    }
  }
}

TEST(Errors, GoToTheWorkerThatOwnsTheFlow) {
  Site site;
  site.worker.workers = 2;
  site.worker.index = 0;
  const FlowTuple ours = tuple("10.0.0.1:1024", "10.0.0.11:8080"), others = tuple("10.0.0.1:1025", "10.0.0.11:8080");
  Ends ends;
  const auto outcomes = run(site, ends, {error_about(frame({ours}), kTooBig4), error_about(frame({others}), kTooBig4)});
  EXPECT_EQ(outcomes[0].verdict, Verdict::kDoor) << "a flow of ours that is not known";
  EXPECT_EQ(outcomes[1].verdict, Verdict::kHandOver);
  ASSERT_EQ(ends.handed_over.size(), 1u);
  EXPECT_EQ(ends.handed_over[0].to, 1u);
}

}  // namespace
}  // namespace cardea::dataplane::test
