// Frames given to the kernel on a real interface, and what its sockets get of them. Run as root.
#include "dataplane/door/shared_interface.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>

#include "dataplane/door/virtio_header.h"
#include "tests/packets/site.h"
#include "tests/unit/dataplane/own_network.h"
#include "tests/unit/dataplane/xdp/loaded_program.h"

namespace cardea::dataplane {
namespace {

using Frame = std::vector<std::byte>;
using test::frame;
using test::tuple;

constexpr uint16_t kPort = 7000;

Frame datagram(const FlowTuple& tuple, uint16_t payload = 6) {
  Frame bytes = frame({.tuple = tuple, .payload = payload});
  bytes[0] = std::byte{2}, bytes[5] = std::byte{5};
  return bytes;
}
const FlowTuple kFour = tuple("192.0.2.9:5", "192.0.2.2:7000", Protocol::kUdp),
                kSix = tuple("[2001:db8:2::9]:5", "[2001:db8:2::2]:7000", Protocol::kUdp);

class SharedInterfaceTest : public testing::Test {
 protected:
  SharedInterfaceTest() : side_(SharedInterface::open("eth9", program_.filter).value()) {
    sockaddr_in6 any{.sin6_family = AF_INET6, .sin6_port = htons(kPort)};
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  }
  Reason give(Frame bytes) {
    VirtioHeader header{};
    const iovec pieces[] = {{&header, sizeof header}, {bytes.data(), bytes.size()}};
    return side_->give(0, pieces);
  }
  // Bytes of the datagram that the host's socket got; -1: none.
  ssize_t host_gets(int patience_ms = 2000) {
    pollfd wait{socket_.get(), POLLIN, 0};
    if (::poll(&wait, 1, patience_ms) != 1) return -1;
    char bytes[4096];
    return ::recv(socket_.get(), bytes, sizeof bytes, 0);
  }

  test::OwnNetwork network_;
  xdp::test::LoadedProgram program_;
  std::unique_ptr<KernelSide> side_;
  FileDescriptor socket_{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(SharedInterfaceTest, IsTheInterfaceAndLeavesSendingToIt) {
  EXPECT_EQ(side_->index(), int(::if_nametoindex("eth9")));
  EXPECT_EQ(side_->descriptor(0), -1);
  EXPECT_FALSE(side_->takes_large());
}

TEST_F(SharedInterfaceTest, WhatIsGivenIsReceivedAsIfItCameIn) {
  for (const FlowTuple& to : {kFour, kSix}) {
    EXPECT_EQ(give(datagram(to, 100)), Reason::kNone);
    EXPECT_EQ(host_gets(), 100);
  }
  EXPECT_EQ(give(datagram(kFour, 1472)), Reason::kNone);
  EXPECT_EQ(host_gets(), 1472);
}

TEST_F(SharedInterfaceTest, WhatIsForAServiceIsNeverGiven) {
  xdp::Share share;
  for (const FlowTuple& to : {kFour, kSix})
    share.ports.insert({to.destination, to.destination_port_be, Protocol::kUdp});
  ASSERT_TRUE(program_.filter.add(share));
  EXPECT_EQ(give(datagram(kFour)), Reason::k_not_yet);
  EXPECT_EQ(give(datagram(kSix)), Reason::k_not_yet);
  EXPECT_EQ(host_gets(50), -1);
  ASSERT_TRUE(program_.filter.keep_only({}));
  EXPECT_EQ(give(datagram(kSix)), Reason::kNone);
  EXPECT_EQ(host_gets(), 6);
}

// A daemon of this host may listen among the NAT's ports.
TEST_F(SharedInterfaceTest, WhatCameToANatPortOfNoFlowIsTheHosts) {
  xdp::Share share;
  share.addresses[kFour.destination] = {xdp::kNat, 6000, kPort};
  ASSERT_TRUE(program_.filter.add(share));
  EXPECT_EQ(give(datagram(kFour)), Reason::kNone);
  EXPECT_EQ(host_gets(), 6);
}

TEST_F(SharedInterfaceTest, WhatIsTooLargeToReceiveIsLostAndSaidSo) {
  EXPECT_EQ(give(datagram(kFour, 5000)), Reason::k_door_full);
}

TEST(SharedInterface, ThatIsNotThereIsAnError) {
  xdp::test::LoadedProgram program;
  EXPECT_FALSE(SharedInterface::open("nothing0", program.filter));
}

}  // namespace
}  // namespace cardea::dataplane
