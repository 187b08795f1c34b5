// A TAP that the kernel made.
#include "dataplane/door/tap.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "tests/unit/dataplane/own_network.h"

namespace cardea::dataplane {
namespace {

using Mac = std::array<uint8_t, 6>;
constexpr Mac kPorts{2, 0, 0, 0, 1, 1}, kAnothers{2, 0, 0, 0, 9, 9};

ifreq named() {
  ifreq ifr{};
  std::copy_n("wan", 4, ifr.ifr_name);
  return ifr;
}
Mac mac(int socket) {
  ifreq ifr = named();
  EXPECT_EQ(::ioctl(socket, SIOCGIFHWADDR, &ifr), 0);
  Mac found;
  std::copy_n(ifr.ifr_hwaddr.sa_data, found.size(), found.begin());
  return found;
}
void change_mac(int socket, const Mac& to) {
  ifreq ifr = named();
  EXPECT_EQ(::ioctl(socket, SIOCGIFHWADDR, &ifr), 0);
  std::ranges::copy(to, ifr.ifr_hwaddr.sa_data);
  EXPECT_EQ(::ioctl(socket, SIOCSIFHWADDR, &ifr), 0);
}

TEST(Tap, HasThePortsAddressAgainWhenSomebodyGaveItAnother) {
  const test::OwnNetwork network;
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  auto tap = Tap::open("wan", kPorts, 1500);
  ASSERT_TRUE(tap) << tap.error().message;
  EXPECT_FALSE((*tap)->keep_mac().value());

  change_mac(socket.get(), kAnothers);
  ASSERT_EQ(mac(socket.get()), kAnothers);
  EXPECT_TRUE((*tap)->keep_mac().value());
  EXPECT_EQ(mac(socket.get()), kPorts);
}

}  // namespace
}  // namespace cardea::dataplane
