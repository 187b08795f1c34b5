#include "dataplane/port/device.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

using Kind = Device::Kind;

TEST(Device, PciAddressesWithAndWithoutDomain) {
  for (const char* text : {"0000:3b:00.0", "3b:00.0", "3B:1f.7"}) {
    auto device = parse_device(text);
    ASSERT_TRUE(device) << text;
    EXPECT_EQ(device->kind, Kind::kPci) << text;
  }
  EXPECT_EQ(parse_device("3b:00.0")->driver, "0000:3b:00.0");
  EXPECT_EQ(parse_device("0001:3b:00.0")->driver, "0001:3b:00.0");
}

TEST(Device, WhatIsWrittenBehindAPciAddressReachesItsDriver) {
  EXPECT_EQ(allowed_pci(*parse_device("3b:00.0,mprq_en=1,rxq_pkt_pad_en")), "0000:3b:00.0,mprq_en=1,rxq_pkt_pad_en");
  EXPECT_EQ(allowed_pci(*parse_device("0000:3b:00.0")), "0000:3b:00.0");
}

TEST(Device, VirtualDevicesKeepTheirArguments) {
  auto device = parse_device("net_af_packet,iface=eth1,qpairs=2");
  ASSERT_TRUE(device);
  EXPECT_EQ(device->kind, Kind::kAfPacket);
  EXPECT_EQ(device->interface, "eth1");
  EXPECT_EQ(device->arguments.size(), 2u);
  EXPECT_EQ(parse_device("net_af_xdp,iface=eth1")->kind, Kind::kAfXdp);
  EXPECT_EQ(parse_device("net_pcap,rx_pcap=in.pcap,tx_pcap=out.pcap")->kind, Kind::kOther);
  EXPECT_EQ(parse_device("net_ring0")->kind, Kind::kOther);
}

TEST(Device, RefusesWhatNobodyCanOpen) {
  for (const char* text :
       {"", "eth1", "3b:00", "3b:00.g", "net_af_packet", "net_af_xdp,start_queue=0", "net_ring,", "net_pcap,=x"}) {
    auto device = parse_device(text);
    ASSERT_FALSE(device) << text;
    EXPECT_EQ(device.error().origin, Origin::kOperator) << text;
    EXPECT_NE(device.error().message.find(text), std::string::npos) << device.error().message;
  }
}

TEST(Device, NamesGetTheNumberThatDpdkWants) {
  EXPECT_EQ(vdev_name(*parse_device("net_af_packet,iface=a"), 3), "net_af_packet3");
  EXPECT_EQ(vdev_name(*parse_device("net_ring7"), 3), "net_ring7");
}

TEST(Device, AfPacketFramesHoldTheMtu) {
  const Device device = *parse_device("net_af_packet,iface=eth1");
  EXPECT_EQ(vdev_arguments(device, {.queues = 1, .mtu = 1500}),
            "iface=eth1,qpairs=1,blocksz=65536,framesz=2048,framecnt=4096,qdisc_bypass=1");
  EXPECT_NE(vdev_arguments(device, {.queues = 1, .mtu = 2000}).find("framesz=3072"), std::string::npos);
  EXPECT_NE(vdev_arguments(device, {.queues = 1, .mtu = 9000}).find("blocksz=36864,framesz=9216"), std::string::npos);
}

TEST(Device, AfPacketBlocksAreWholeFramesAndWholePages) {
  const Device device = *parse_device("net_af_packet,iface=eth1");
  for (uint32_t mtu = 1280; mtu <= 9600; ++mtu) {
    const std::string text = vdev_arguments(device, {.queues = 1, .mtu = mtu});
    const auto number = [&](const std::string& key) {
      return std::stoul(text.substr(text.find(key + "=") + key.size() + 1));
    };
    ASSERT_EQ(number("framesz"), af_packet_frame(device, mtu));
    ASSERT_GE(number("framesz"), mtu + 18 + 66) << "with Ethernet, a VLAN tag and the kernel's header";
    ASSERT_EQ(number("blocksz") % number("framesz"), 0u) << mtu;
    ASSERT_EQ(number("blocksz") % 4096, 0u) << mtu;
    ASSERT_EQ(number("framecnt") % (number("blocksz") / number("framesz")), 0u) << mtu;
  }
}

TEST(Device, ABufferHoldsWhatTheOperatorMadeTheFrame) {
  EXPECT_EQ(af_packet_frame(*parse_device("net_af_packet,iface=a,framesz=4096"), 1500), 4096u);
  EXPECT_EQ(af_packet_frame(*parse_device("net_af_packet,iface=a"), 1500), 2048u);
}

TEST(Device, WhatTheOperatorWroteWins) {
  const Device device = *parse_device("net_af_packet,iface=eth1,framesz=4096,qdisc_bypass=0");
  EXPECT_EQ(vdev_arguments(device, {}), "iface=eth1,framesz=4096,qdisc_bypass=0,qpairs=1,blocksz=65536,framecnt=4096");
}

TEST(Device, AfXdpTakesAllQueuesAndLetsSleepersSleep) {
  const Device device = *parse_device("net_af_xdp,iface=eth1");
  EXPECT_EQ(vdev_arguments(device, {.queues = 4}), "iface=eth1,start_queue=0,queue_count=4,busy_budget=0");
  EXPECT_EQ(vdev_arguments(device, {.queues = 4, .busy = true}), "iface=eth1,start_queue=0,queue_count=4");
}

}  // namespace
}  // namespace cardea::dataplane
