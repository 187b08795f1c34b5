// The packet line in memory, in nanoseconds a packet: bursts of 64 mbufs go through every room, emit and account included. What the NIC
// and its driver would do is left out: between bursts each frame's bytes are written anew into its mbuf (as DMA would, though by this
// core, and outside the clock), and the sink behind emit keeps the mbufs. Medians over several rounds.
#include <rte_mbuf.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "tests/packets/site.h"
#include "tools/benches/allocations.h"
#include "tools/benches/maglev_figures.h"

namespace cardea::dataplane::test {
namespace {

constexpr int kRounds = 9;
constexpr uint32_t kRoundBursts = 4096;  // 262,144 packets
constexpr uint32_t kMillion = 1'000'000;

uint16_t keep(void*, uint16_t, rte_mbuf**, uint16_t count) { return count; }
uint64_t refused = 0;
uint16_t refuse(void*, rte_mbuf** packets, uint16_t count) {
  refused += count;
  (void)packets;
  return count;
}

class Line {
 public:
  explicit Line(Site& site) : site_(site) {
    site.worker.egress.transmit = keep;
    site.worker.egress.to_kernel = refuse;
    for (rte_mbuf*& packet : packets_) CHECK((packet = rte_pktmbuf_alloc(packet_pool())) != nullptr);
  }
  ~Line() { rte_pktmbuf_free_bulk(packets_, kBurstMax); }

  // Nanoseconds that one burst took; `fill(row)` gives each packet's frame.
  template <typename Fill>
  int64_t burst(Fill&& fill) {
    Batch& batch = batch_;
    batch.count = kBurstMax;
    batch.spread = batch.handed_over = false;
    for (uint32_t row = 0; row < kBurstMax; ++row) {
      rte_mbuf* packet = packets_[row];
      rte_pktmbuf_reset(packet);
      const std::vector<std::byte>& bytes = fill(row, rte_pktmbuf_mtod(packet, std::byte*));
      packet->data_len = uint16_t(bytes.size());
      packet->pkt_len = packet->data_len;
      batch.packet[row] = packet;
    }
    const auto start = std::chrono::steady_clock::now();
    path::run(site_.worker, batch);
    return (std::chrono::steady_clock::now() - start).count();
  }
  const Batch& batch() const { return batch_; }

 private:
  Site& site_;
  Batch batch_;
  rte_mbuf* packets_[kBurstMax];
};

double median(std::vector<double>& values) {
  std::ranges::nth_element(values, values.begin() + long(values.size() / 2));
  return values[values.size() / 2];
}

void print(const std::string& name, double value, const char* unit) {
  std::printf("{\"name\": \"%s\", \"value\": %.1f, \"unit\": \"%s\"}\n", name.c_str(), value, unit);
  std::fflush(stdout);
}

// A frame whose client is number `flow`: the address and port are patched in and no checksum but IPv4's is looked at.
struct Template {
  std::vector<std::byte> bytes;
  bool v6;

  const std::vector<std::byte>& write(uint32_t flow, std::byte* at) const {
    std::memcpy(at, bytes.data(), bytes.size());
    if (v6) {
      store_be32(at + 14 + 20, flow);
      return bytes;
    }
    std::byte* ip = at + 14;
    const uint32_t was = load_be32(ip + 12), is = was + flow;
    store_be32(ip + 12, is);
    uint32_t sum = uint16_t(~load_be16(ip + 10)) + (is >> 16) + (is & 0xffff) + uint16_t(~(was >> 16)) + uint16_t(~was);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    store_be16(ip + 10, uint16_t(~sum));
    return bytes;
  }
};

Template frames(const char* service, bool v6, uint8_t flags) {
  const FlowTuple t = v6 ? tuple("[2001:db8:1::1]:40000", service) : tuple("20.0.0.1:40000", service);
  return {frame({.tuple = t, .tcp_flags = flags}), v6};
}

template <typename Next>
double packets_ns(Line& line, Next&& next_frame, uint32_t bursts = kRoundBursts) {
  std::vector<double> rounds;
  rounds.reserve(kRounds);
  // The median burst of a round: bursts that the scheduler interrupted do not count.
  std::vector<double> each(bursts);
  for (int round = 0; round < kRounds; ++round) {
    for (double& ns : each) ns = double(line.burst(next_frame));
    rounds.push_back(median(each) / kBurstMax);
  }
  return median(rounds);
}

uint64_t heap_calls = 0;

void bench_service(const std::string& mode, const char* service, bool v6, uint32_t flows) {
  // So many backends share the NAT ports: each port serves every backend once.
  Site site({.backends = 200, .flows = std::max(flows, 64u) + 64});
  Line line(site);
  const Template syn = frames(service, v6, wire::kTcpSyn), ack = frames(service, v6, wire::kTcpAck);
  const std::string suffix = v6 ? ".v6" : "";
  std::vector<double> beginning;
  for (uint32_t flow = 0; flow < flows; flow += kBurstMax)
    beginning.push_back(double(line.burst([&](uint32_t row, std::byte* at) -> auto& { return syn.write(flow + row, at); })));
  const uint64_t made = site.worker.flows.size();
  CHECK(made >= flows, "not every flow could be made");
  if (flows >= kMillion && mode == "ipip") print("l4.new_flows" + suffix, median(beginning) / kBurstMax, "ns/packet");
  std::mt19937 random(1);
  std::vector<uint32_t> order(size_t{kRoundBursts} * kBurstMax);
  for (uint32_t& flow : order) flow = random() % flows;
  size_t at_order = 0;
  const auto next = [&](uint32_t, std::byte* at) -> auto& { return ack.write(order[at_order++ % order.size()], at); };
  const uint64_t heap_before = bench::allocations();
  const double figure = packets_ns(line, next);
  heap_calls += bench::allocations() - heap_before - 2;  // the two vectors of times
  print("l4." + mode + (flows == 1 ? ".one_flow" : ".million_flows") + suffix, figure, "ns/packet");
  if (mode != "fullnat" || flows == 1) return;
  std::vector<std::vector<std::byte>> replies;
  for (uint32_t group = 1; replies.size() < 4096; ++group)
    site.worker.flows.visit_group(group * 37, [&](FlowRef ref) { replies.push_back(frame({.tuple = site.worker.flows.reply_tuple(ref)})); });
  size_t turn = 0;
  const double reply = packets_ns(line, [&](uint32_t, std::byte* at) -> auto& {
    const auto& bytes = replies[turn++ % replies.size()];
    std::memcpy(at, bytes.data(), bytes.size());
    return bytes;
  });
  print("l4.fullnat.reply" + suffix, reply, "ns/packet");
}

void bench_l4() {
  for (const bool v6 : {false, true})
    for (const uint32_t flows : {1u, kMillion}) {
      bench_service("ipip", v6 ? "[2001:db8::2]:80" : "203.0.113.2:80", v6, flows);
      bench_service("fullnat", v6 ? "[2001:db8::1]:80" : "203.0.113.1:80", v6, flows);
    }
  CHECK(refused == 0, "packets left the line for the kernel");
  print("l4.allocations", double(heap_calls), "calls");
}

}  // namespace
}  // namespace cardea::dataplane::test

int main() {
  cardea::dataplane::test::bench_l4();
  cardea::bench::print_maglev_figures();
}
