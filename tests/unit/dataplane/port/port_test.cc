#include "dataplane/port/port.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include <string>

#include "tests/packets/site.h"

// What a driver calls when its device says something (DPDK's ethdev_driver.h, which is for drivers alone).
struct rte_eth_dev;
extern "C" rte_eth_dev* rte_eth_dev_allocated(const char* name);
extern "C" int rte_eth_dev_callback_process(rte_eth_dev* device, rte_eth_event_type event, void* ret_param);

namespace cardea::dataplane {
namespace {

// A port that DPDK opened, on a device of its own that has no wire. No name comes twice, for closed ones stay with
// DPDK.
class OpenPort : public testing::Test {
 protected:
  void SetUp() override {
    static int opened = 0;
    test::start_eal();
    device_ = "net_null7" + std::to_string(opened++);
    auto port = open_port({.name = "wan", .device = device_}, test::packet_pool());
    ASSERT_TRUE(port) << port.error().message;
    port_ = std::move(*port);
  }
  void TearDown() override {
    if (!port_.name.empty()) close_port(port_);
  }

  void say(rte_eth_event_type event) {
    rte_eth_dev_callback_process(rte_eth_dev_allocated(device_.c_str()), event, nullptr);
  }
  PortState state() const { return state_of(port_); }

  std::string device_;
  Port port_;
};

TEST_F(OpenPort, IsUpUntilItsDriverSaysOtherwise) {
  EXPECT_EQ(state(), PortState::kUp);
  say(RTE_ETH_EVENT_INTR_LSC);
  EXPECT_EQ(state(), PortState::kUp);
  say(RTE_ETH_EVENT_INTR_RESET);
  EXPECT_EQ(state(), PortState::kReplaced);
}

TEST_F(OpenPort, WhoseDeviceWasRemovedStaysSo) {
  say(RTE_ETH_EVENT_INTR_RMV);
  EXPECT_EQ(state(), PortState::kRemoved);
  say(RTE_ETH_EVENT_INTR_RESET);
  EXPECT_EQ(state(), PortState::kRemoved);
}

TEST_F(OpenPort, WhoseDeviceWasResetBeforeItWasRemovedIsRemoved) {
  say(RTE_ETH_EVENT_INTR_RESET);
  say(RTE_ETH_EVENT_INTR_RMV);
  EXPECT_EQ(state(), PortState::kRemoved);
}

}  // namespace
}  // namespace cardea::dataplane
