// The packet line in memory, in nanoseconds a packet: bursts of 64 mbufs go through every room, emit and account
// included. What the NIC and its driver would do is left out: between bursts each frame's bytes are written anew into
// its mbuf (as DMA would, though by this core, and outside the clock), and the sink behind emit keeps the mbufs.
// Figures are medians over bursts (steady_time.h). An argument chooses what begins with it: "ipip",
// "fullnat.million_flows", "ipip.one_flow.v6".
#include <rte_mbuf.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "tests/packets/site.h"
#include "tools/benches/allocations.h"
#include "tools/benches/maglev_figures.h"
#include "tools/benches/steady_time.h"

namespace cardea::dataplane::test {
namespace {

constexpr uint32_t kBursts = 32768;  // 2 M packets a figure
constexpr uint32_t kMillion = 1'000'000;

uint16_t keep(void*, uint16_t, rte_mbuf**, uint16_t count) {
  return count;
}
uint64_t refused = 0;
uint16_t refuse(void*, DoorClass, rte_mbuf**, uint16_t count) {
  refused += count;
  return count;
}

uint64_t heap_calls = 0;  // of every burst of the run

class Line {
 public:
  explicit Line(Site& site) : site_(site), time_(kBursts) {
    site.worker.egress.transmit = keep;
    site.worker.egress.to_kernel = refuse;
    for (rte_mbuf*& packet : packets_) CHECK((packet = rte_pktmbuf_alloc(packet_pool())) != nullptr);
  }
  ~Line() { rte_pktmbuf_free_bulk(packets_, kBurstMax); }

  // One burst on the clock; `fill(row, at)` writes each packet's frame and says how long it is.
  template <typename Fill>
  void burst(Fill&& fill) {
    batch_.count = kBurstMax;
    for (uint32_t row = 0; row < kBurstMax; ++row) {
      rte_mbuf* packet = packets_[row];
      rte_pktmbuf_reset(packet);
      packet->data_len = fill(row, rte_pktmbuf_mtod(packet, std::byte*));
      packet->pkt_len = packet->data_len;
      batch_.packet[row] = packet;
    }
    time_.measure([&] {
      const uint64_t heap_before = bench::allocations();
      path::run(site_.worker, batch_);
      heap_calls += bench::allocations() - heap_before;
    });
  }
  void print(const std::string& name) {
    const auto figure = time_.figure();
    std::printf(
        "{\"name\": \"%s\", \"value\": %.1f, \"unit\": \"ns/packet\", \"all\": %.1f, \"steady_percent\": %.0f}\n",
        name.c_str(), figure.nanoseconds / kBurstMax, figure.all_nanoseconds / kBurstMax, figure.steady_percent);
    std::fflush(stdout);
  }

 private:
  Site& site_;
  bench::SteadyTime time_;
  Batch batch_;
  rte_mbuf* packets_[kBurstMax];
};

// A frame whose client is number `flow`: the address is patched in and no checksum but IPv4's is looked at.
struct Template {
  std::vector<std::byte> bytes;
  bool v6;

  uint16_t write(uint32_t flow, std::byte* at) const {
    std::memcpy(at, bytes.data(), bytes.size());
    if (v6) {
      store_be32(at + 14 + 20, flow);
      return uint16_t(bytes.size());
    }
    std::byte* ip = at + 14;
    const uint32_t was = load_be32(ip + 12), is = was + flow;
    store_be32(ip + 12, is);
    uint32_t sum = uint16_t(~load_be16(ip + 10)) + (is >> 16) + (is & 0xffff) + uint16_t(~(was >> 16)) + uint16_t(~was);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    store_be16(ip + 10, uint16_t(~sum));
    return uint16_t(bytes.size());
  }
};

Template frames(const char* service, bool v6, uint8_t flags) {
  const FlowTuple t = v6 ? tuple("[2001:db8:1::1]:40000", service) : tuple("20.0.0.1:40000", service);
  return {frame({.tuple = t, .tcp_flags = flags}), v6};
}

void begin_flows(Site& site, Line& line, const Template& syn, uint32_t flows, const std::string& figure) {
  for (uint32_t flow = 0; flow < flows; flow += kBurstMax)
    line.burst([&](uint32_t row, std::byte* at) { return syn.write(flow + row, at); });
  CHECK(site.worker.flows.size() >= flows, "not every flow could be made");
  if (flows >= kMillion) line.print(figure);
}

// As their handshakes would leave them.
void shake_hands(Site& site) {
  FlowTable& table = site.worker.flows;
  for (uint32_t group = 1; group < table.groups(); ++group)
    table.visit_group(group, [&](FlowRef ref) {
      table.head(ref).state = FlowState::kEstablished;
      if (FlowTable::kind(ref) == FlowKind::kNat) table.nat(ref).heard = kBackendAnswered | kProven;
    });
}

void established(Line& line, const Template& ack, uint32_t flows, const std::string& figure) {
  std::mt19937 random(1);
  std::vector<uint32_t> order(size_t{kBursts} * kBurstMax);
  for (uint32_t& flow : order) flow = random() % flows;
  const uint32_t* next = order.data();
  for (uint32_t i = 0; i < kBursts; ++i) line.burst([&](uint32_t, std::byte* at) { return ack.write(*next++, at); });
  line.print(figure);
}

// Of 65,536 flows in random order, taken from all over the table.
void replies(Site& site, Line& line, const std::string& figure) {
  std::vector<std::vector<std::byte>> frames;
  for (uint32_t group = 1; frames.size() < 65536; group += 13)
    site.worker.flows.visit_group(group % site.worker.flows.groups(), [&](FlowRef ref) {
      frames.push_back(frame({.tuple = site.worker.flows.reply_tuple(ref)}));
    });
  std::ranges::shuffle(frames, std::mt19937(2));
  size_t turn = 0;
  for (uint32_t i = 0; i < kBursts; ++i)
    line.burst([&](uint32_t, std::byte* at) {
      const auto& bytes = frames[turn++ % frames.size()];
      std::memcpy(at, bytes.data(), bytes.size());
      return uint16_t(bytes.size());
    });
  line.print(figure);
}

void bench_service(const std::string& mode, const char* service, uint32_t flows, std::string_view only) {
  const bool v6 = service[0] == '[';
  const std::string suffix = v6 ? ".v6" : "";
  const std::string figure = mode + (flows == 1 ? ".one_flow" : ".million_flows") + suffix;
  if (!figure.starts_with(only)) return;
  // So many backends share the NAT ports: each port serves every backend once.
  // Tunnels may fill seven eighths of the table.
  Site site({.backends = 200, .flows = (std::max(flows, 64u) + 64) / 7 * 8 + 8});
  Line line(site);
  const std::string new_flows = (mode == "ipip" ? "l4.new_flows" : "l4." + mode + ".new_flows") + suffix;
  begin_flows(site, line, frames(service, v6, wire::kTcpSyn), flows, new_flows);
  shake_hands(site);
  established(line, frames(service, v6, wire::kTcpAck), flows, "l4." + figure);
  if (mode == "fullnat" && flows > 1) replies(site, line, "l4.fullnat.reply" + suffix);
}

void bench_l4(std::string_view only) {
  start_eal(true);
  bench::SteadyTime::find_full_speed();
  for (const uint32_t flows : {1u, kMillion}) {
    bench_service("ipip", "203.0.113.2:80", flows, only);
    bench_service("ipip", "[2001:db8::2]:80", flows, only);
    bench_service("fullnat", "203.0.113.1:80", flows, only);
    bench_service("fullnat", "[2001:db8::1]:80", flows, only);
  }
  CHECK(refused == 0, "packets left the line for the kernel");
  std::printf("{\"name\": \"l4.allocations\", \"value\": %llu, \"unit\": \"calls\"}\n",
              static_cast<unsigned long long>(heap_calls));
}

}  // namespace
}  // namespace cardea::dataplane::test

int main(int count, char** words) {
  cardea::dataplane::test::bench_l4(count > 1 ? words[1] : "");
  cardea::bench::print_maglev_figures();
}
