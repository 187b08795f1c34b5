// The null device has a key and a table, as NICs do: what is asked for is what is read back.
#include "dataplane/port/rss.h"

#include <gtest/gtest.h>
#include <rte_dev.h>

#include <algorithm>
#include <vector>

#include "tests/packets/site.h"

namespace cardea::dataplane {
namespace {

struct NullDevice {
  explicit NullDevice(const char* called = "net_null7") : name(called) {
    test::start_eal();
    made = rte_eal_hotplug_add("vdev", name, "") == 0 && rte_eth_dev_get_port_by_name(name, &port) == 0;
  }
  ~NullDevice() {
    if (made) rte_eal_hotplug_remove("vdev", name);
  }
  const char* name;
  bool made = false;
  uint16_t port = 0;
};

TEST(Rss, TheKeyAndTheTableAreReadBack) {
  NullDevice device;
  ASSERT_TRUE(device.made) << "DPDK is here without its null device";
  rte_eth_dev_info info{};
  ASSERT_EQ(rte_eth_dev_info_get(device.port, &info), 0);
  rte_eth_conf conf{};
  spread_by_flows(conf, info);
  ASSERT_TRUE(spreads_by_flows(conf));
  ASSERT_EQ(rte_eth_dev_configure(device.port, 1, 1, &conf), 0);
  const Steering steering = read_steering(device.port);
  ASSERT_TRUE(steering.known());
  EXPECT_EQ(steering.table.size(), info.reta_size);
  EXPECT_EQ(steering.key.size(), info.hash_key_size == 0 ? 40u : info.hash_key_size);
}

std::vector<uint8_t> key_for(uint8_t size) {
  rte_eth_dev_info info{};
  info.flow_type_rss_offloads = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
  info.hash_key_size = size;
  rte_eth_conf conf{};
  spread_by_flows(conf, info);
  const rte_eth_rss_conf& asked = conf.rx_adv_conf.rss_conf;
  return asked.rss_key == nullptr ? std::vector<uint8_t>{}
                                  : std::vector<uint8_t>(asked.rss_key, asked.rss_key + asked.rss_key_len);
}

// What came by one port and is answered by the other is the same worker's where both count alike: a key that we chose.
TEST(Rss, AllPortsHaveOneKeyAsLongAsEachWants) {
  const std::vector<uint8_t> usual = key_for(40), again = key_for(40), longer = key_for(52);
  ASSERT_EQ(usual.size(), 40u) << "the driver's own may be any";
  ASSERT_EQ(longer.size(), 52u);
  EXPECT_EQ(again, usual);
  EXPECT_TRUE(std::equal(usual.begin(), usual.end(), longer.begin()));
  EXPECT_TRUE(key_for(64).empty()) << "nobody knows what it would do with ours";
}

TEST(Rss, TwoDevicesThatSayNothingHaveTheSameKey) {
  NullDevice devices[] = {NullDevice("net_null81"), NullDevice("net_null82")};
  for (const NullDevice& device : devices) {
    ASSERT_TRUE(device.made);
    rte_eth_dev_info info{};
    ASSERT_EQ(rte_eth_dev_info_get(device.port, &info), 0);
    rte_eth_conf conf{};
    spread_by_flows(conf, info);
    ASSERT_EQ(rte_eth_dev_configure(device.port, 1, 1, &conf), 0);
  }
  EXPECT_EQ(read_steering(devices[0].port).key, read_steering(devices[1].port).key);
}

TEST(Rss, ADeviceThatCannotIsLeftAlone) {
  rte_eth_conf conf{};
  spread_by_flows(conf, {});
  EXPECT_FALSE(spreads_by_flows(conf));
}

}  // namespace
}  // namespace cardea::dataplane
