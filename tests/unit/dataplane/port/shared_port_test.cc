// A port on an interface that stays the kernel's: who gets what comes in. Run as root.
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "dataplane/port/packet_pool.h"
#include "dataplane/port/port.h"
#include "tests/packets/site.h"
#include "tests/unit/dataplane/own_network.h"
#include "tests/unit/dataplane/xdp/loaded_program.h"

namespace cardea::dataplane {
namespace {

using Frame = std::vector<std::byte>;
using test::frame;
using test::tuple;

constexpr std::array<uint8_t, 6> kMac = {2, 0, 0, 0, 0, 5};

rte_mempool* pool() {
  test::start_eal();
  static rte_mempool* one =
      make_packet_pool({.name = "shared", .buffers = 8 * kXdpDescriptors + 512, .room = 2176}).value();
  return one;
}

Frame to_eth9(Frame bytes) {
  std::memcpy(bytes.data(), kMac.data(), kMac.size());
  return bytes;
}

class SharedPort : public testing::Test {
 protected:
  void TearDown() override {
    if (port_) close_port(*port_);
  }

  PortRequest request(const char* device = "net_af_xdp,iface=eth9") {
    static uint16_t opened = 40;  // closed ones stay with DPDK
    return {.index = opened++, .name = "wan", .device = device, .share = [this](int program) -> Result<> {
              auto found = xdp::Filter::of_program(program);
              if (!found) return std::unexpected(found.error());
              filter_.emplace(std::move(*found));
              if (auto done = filter_->add(share_); !done) return done;
              return filter_->set_link_address(kMac);
            }};
  }
  void open() {
    auto port = open_port(request(), pool());
    ASSERT_TRUE(port) << port.error().message;
    port_.emplace(std::move(*port));
  }

  void wire_sends(const Frame& bytes) const {
    FileDescriptor wire(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    const sockaddr_ll to{.sll_family = AF_PACKET, .sll_ifindex = int(::if_nametoindex("wire9"))};
    ASSERT_EQ(::sendto(wire.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
              ssize_t(bytes.size()));
  }
  // The next frame that came to the port.
  Frame port_gets(int patience_ms = 2000) const {
    for (int waited = 0; waited <= patience_ms; ++waited) {
      rte_mbuf* packet = nullptr;
      if (rte_eth_rx_burst(port_->id, 0, &packet, 1) == 1) {
        const auto* at = rte_pktmbuf_mtod(packet, const std::byte*);
        Frame bytes(at, at + packet->data_len);
        rte_pktmbuf_free(packet);
        return bytes;
      }
      ::usleep(1000);
    }
    return {};
  }
  bool host_gets(int patience_ms = 2000) const {
    pollfd wait{host_.get(), POLLIN, 0};
    char bytes[2048];
    return ::poll(&wait, 1, patience_ms) == 1 && ::recv(host_.get(), bytes, sizeof bytes, 0) > 0;
  }
  // But for IFF_RUNNING, which the kernel sets in its own time once there is a link.
  short interface_flags() const {
    ifreq ifr{};
    std::strcpy(ifr.ifr_name, "eth9");
    EXPECT_EQ(::ioctl(host_.get(), SIOCGIFFLAGS, &ifr), 0);
    return short(ifr.ifr_flags & ~IFF_RUNNING);
  }
  uint32_t program() const {
    uint32_t id = 0;
    EXPECT_EQ(::bpf_xdp_query_id(int(::if_nametoindex("eth9")), 0, &id), 0);
    return id;
  }
  static uint32_t mtu() { return read_host_interface("eth9").value().mtu; }
  static std::string shown(const char* command) {
    std::string text;
    FILE* pipe = ::popen(command, "r");
    for (char line[512]; std::fgets(line, sizeof line, pipe) != nullptr;) text += line;
    ::pclose(pipe);
    return text;
  }
  static bool tags_stay_in_frames() { return std::system("ethtool -k eth9 | grep -q 'rx-vlan-offload: off'") == 0; }
  void listen_on_host() {
    const sockaddr_in6 any{.sin6_family = AF_INET6, .sin6_port = htons(7000)};
    ASSERT_EQ(::bind(host_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  }

  test::OwnNetwork network_;
  const FlowTuple service_ = tuple("192.0.2.9:5", "203.0.113.1:80"),
                  hosts_ = tuple("192.0.2.9:5", "192.0.2.2:7000", Protocol::kUdp);
  xdp::Share share_{.ports = {{service_.destination, service_.destination_port_be, Protocol::kTcp}},
                    .addresses = {{service_.destination, {xdp::kServices, 0, 0}}}};
  std::optional<xdp::Filter> filter_;
  std::optional<Port> port_;
  FileDescriptor host_{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(SharedPort, GetsWhatIsForAServiceAndTheKernelTheRest) {
  listen_on_host();
  open();
  wire_sends(to_eth9(frame({hosts_})));
  EXPECT_TRUE(host_gets());
  const Frame sent = to_eth9(frame({service_}));
  wire_sends(sent);
  EXPECT_EQ(port_gets(), sent);
  EXPECT_FALSE(host_gets(20));
  EXPECT_EQ(filter_->counts().value()[xdp::k_service], 1u);
}

TEST_F(SharedPort, LeavesTheInterfaceAsItWas) {
  const short before = interface_flags();
  EXPECT_FALSE(tags_stay_in_frames());
  open();
  EXPECT_TRUE(port_->shared);
  EXPECT_TRUE(tags_stay_in_frames());
  EXPECT_EQ(interface_flags(), before) << "neither promiscuous nor without ARP";
  EXPECT_NE(program(), 0u);
  close_port(*port_);
  port_.reset();
  EXPECT_EQ(interface_flags(), before);
  EXPECT_FALSE(tags_stay_in_frames());
  EXPECT_EQ(program(), 0u);
}

// The kernel otherwise takes the other addresses of a network off with the first one (promote_secondaries).
TEST_F(SharedPort, KeepsAddressesThatWereSetBehindOneThatGoes) {
  ASSERT_EQ(std::system("echo 0 > /proc/sys/net/ipv4/conf/eth9/promote_secondaries"), 0);
  open();
  ASSERT_EQ(std::system("ip addr add 192.0.2.77/24 dev eth9 && ip addr del 192.0.2.2/24 dev eth9"), 0);
  EXPECT_EQ(std::system("ip -o addr show dev eth9 | grep -q 192.0.2.77"), 0);
  close_port(*port_);
  port_.reset();
  EXPECT_EQ(std::system("test $(cat /proc/sys/net/ipv4/conf/eth9/promote_secondaries) = 0"), 0);
}

TEST_F(SharedPort, TakesThePlaceOfAKilledProcesssProgram) {
  xdp::test::LoadedProgram left;
  ASSERT_EQ(::bpf_xdp_attach(int(::if_nametoindex("eth9")), left.fd(), XDP_FLAGS_UPDATE_IF_NOEXIST, nullptr), 0);
  const uint32_t before = program();
  open();
  EXPECT_NE(program(), before);
  const Frame sent = to_eth9(frame({service_}));
  wire_sends(sent);
  EXPECT_EQ(port_gets(), sent);
}

TEST_F(SharedPort, EndsTheSilenceOfAPortThatWasNot) {
  ASSERT_TRUE(prepare_host_interface("eth9", 1500));
  EXPECT_NE(interface_flags() & (IFF_NOARP | IFF_PROMISC), 0);
  open();
  EXPECT_EQ(interface_flags() & (IFF_NOARP | IFF_PROMISC), 0);
  EXPECT_EQ(std::system("test $(cat /proc/sys/net/ipv4/conf/eth9/arp_ignore) = 0"), 0);
}

TEST_F(SharedPort, SwitchesOnWhatAPortThatWasNotSharedLeftOff) {
  constexpr const char* kForwards = "test $(cat /proc/sys/net/ipv4/conf/eth9/forwarding) = 1";
  ASSERT_EQ(std::system("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 2 > /proc/sys/net/ipv4/conf/default/rp_filter; "
                        "ethtool -K eth9 gro on"),
            0);
  const std::string before = shown("ethtool -k eth9");
  ASSERT_TRUE(prepare_host_interface("eth9", 1500));
  ASSERT_NE(shown("ethtool -k eth9"), before);
  ASSERT_NE(std::system(kForwards), 0);
  const auto changed = share_host_interface("eth9", 1500);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(std::system(kForwards), 0);
  EXPECT_EQ(std::system("test $(cat /proc/sys/net/ipv4/conf/eth9/rp_filter) = 2"), 0);
  EXPECT_TRUE(tags_stay_in_frames());
  give_back_host_interface("eth9", *changed);
  EXPECT_EQ(shown("ethtool -k eth9"), before);
}

TEST_F(SharedPort, WhoseInterfaceNobodySilencedKeepsItsOffloads) {
  ASSERT_EQ(std::system("ethtool -K eth9 tso off gro off"), 0);
  ASSERT_TRUE(share_host_interface("eth9", 1500));
  EXPECT_EQ(std::system("ethtool -k eth9 | grep -q '^tcp-segmentation-offload: off'"), 0);
  EXPECT_EQ(std::system("ethtool -k eth9 | grep -q '^generic-receive-offload: off'"), 0);
}

TEST_F(SharedPort, RaisesTheMtuToItsOwnAndGivesItBack) {
  PortRequest larger = request();
  larger.mtu = 1600;
  auto port = open_port(larger, pool());
  ASSERT_TRUE(port) << port.error().message;
  EXPECT_EQ(mtu(), 1600u);
  close_port(*port);
  EXPECT_EQ(mtu(), 1500u);
}

TEST_F(SharedPort, WhatSomebodyElseMadeOfARaisedMtuStays) {
  const auto before = share_host_interface("eth9", 1600);
  ASSERT_TRUE(before) << before.error().message;
  ASSERT_EQ(std::system("ip link set eth9 mtu 1700"), 0);
  give_back_host_interface("eth9", *before);
  EXPECT_EQ(mtu(), 1700u);
  const auto large_enough = share_host_interface("eth9", 1600);
  ASSERT_TRUE(large_enough);
  EXPECT_EQ(mtu(), 1700u);
  give_back_host_interface("eth9", *large_enough);
  EXPECT_EQ(mtu(), 1700u);
}

TEST_F(SharedPort, ThatCannotBeOpenedLeavesTheMtuAsItWas) {
  PortRequest larger = request("net_af_xdp,iface=eth9,queue_count=2");
  larger.mtu = 1600;
  const auto port = open_port(larger, pool());
  ASSERT_FALSE(port);
  EXPECT_EQ(mtu(), 1500u) << port.error().message;
  const auto too_large = share_host_interface("eth9", 100'000);
  ASSERT_FALSE(too_large);
  EXPECT_NE(too_large.error().message.find("an MTU of 1500 is less than the port's"), std::string::npos)
      << too_large.error().message;
}

TEST_F(SharedPort, IsRefusedWhereItCannotBe) {
  auto port = open_port(request("net_af_packet,iface=eth9"), pool());
  ASSERT_FALSE(port);
  EXPECT_NE(port.error().message.find("only net_af_xdp shares"), std::string::npos) << port.error().message;
}

TEST_F(SharedPort, WhoseMapsCannotBeFilledSaysWhy) {
  PortRequest full = request();
  full.share = [](int) { return fail("there is no room"); };
  const auto port = open_port(full, pool());
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error().message, "port wan: there is no room");
  EXPECT_FALSE(tags_stay_in_frames());
  EXPECT_EQ(program(), 0u);
}

}  // namespace
}  // namespace cardea::dataplane
