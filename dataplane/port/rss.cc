// Asking DPDK for receive side scaling, and for its table.
#include "dataplane/port/rss.h"

#include <algorithm>
#include <array>

namespace cardea::dataplane {
namespace {

constexpr uint64_t kWanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

// The key that every vendor's documentation uses, and twelve bytes for those that want 52. DPDK wants it writable.
std::array<uint8_t, 52> key{0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43,
                            0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb,
                            0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01,
                            0xfa, 0x3b, 0x1e, 0x77, 0x90, 0xc5, 0x4d, 0x2f, 0x68, 0x8b, 0xe1, 0x52, 0x09};

std::vector<uint16_t> read_table(uint16_t port, uint16_t size) {
  std::vector<rte_eth_rss_reta_entry64> groups((size + RTE_ETH_RETA_GROUP_SIZE - 1) / RTE_ETH_RETA_GROUP_SIZE);
  for (auto& group : groups) group.mask = ~uint64_t{0};
  if (size == 0 || rte_eth_dev_rss_reta_query(port, groups.data(), size) != 0) return {};
  std::vector<uint16_t> table(size);
  for (size_t i = 0; i < size; ++i) table[i] = groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
  return table;
}

}  // namespace

void spread_by_flows(rte_eth_conf& conf, const rte_eth_dev_info& info) {
  const uint64_t hash = info.flow_type_rss_offloads & kWanted;
  if (hash == 0) return;
  conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
  conf.rx_adv_conf.rss_conf.rss_hf = hash;
  if (info.hash_key_size != 40 && info.hash_key_size != 52) return;  // the driver's own then
  conf.rx_adv_conf.rss_conf.rss_key = key.data();
  conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size;
}

Steering read_steering(uint16_t port) {
  rte_eth_dev_info info{};
  std::array<uint8_t, 64> read{};
  rte_eth_rss_conf conf{};
  conf.rss_key = read.data();
  conf.rss_key_len = uint8_t(std::min<size_t>(read.size(), key.size()));
  if (rte_eth_dev_info_get(port, &info) != 0 || rte_eth_dev_rss_hash_conf_get(port, &conf) != 0) return {};
  const size_t size = info.hash_key_size == 0 ? 40 : info.hash_key_size;  // those that do not say mean the usual
  if (size < 40 || size > read.size()) return {};
  return {.key = {read.begin(), read.begin() + std::ptrdiff_t(size)},
          .table = read_table(port, info.reta_size),
          .tcp_ports = (conf.rss_hf & RTE_ETH_RSS_TCP) != 0,
          .udp_ports = (conf.rss_hf & RTE_ETH_RSS_UDP) != 0};
}

}  // namespace cardea::dataplane
