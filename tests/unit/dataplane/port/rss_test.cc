// The null device has a key and a table, as NICs do: what is asked for is what is read back.
#include "dataplane/port/rss.h"

#include <gtest/gtest.h>
#include <rte_dev.h>

#include "tests/packets/site.h"

namespace cardea::dataplane {
namespace {

struct NullDevice {
  NullDevice() {
    test::start_eal();
    made = rte_eal_hotplug_add("vdev", "net_null7", "") == 0 && rte_eth_dev_get_port_by_name("net_null7", &port) == 0;
  }
  ~NullDevice() {
    if (made) rte_eal_hotplug_remove("vdev", "net_null7");
  }
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

TEST(Rss, ADeviceThatCannotIsLeftAlone) {
  rte_eth_conf conf{};
  spread_by_flows(conf, {});
  EXPECT_FALSE(spreads_by_flows(conf));
}

}  // namespace
}  // namespace cardea::dataplane
