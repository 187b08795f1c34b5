// A TAP that the kernel made.
#include "dataplane/door/tap.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

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

// By a packet socket, as any program of the host.
void host_sends(int index, uint16_t port) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  ::inet_pton(AF_INET, "198.51.100.9", &to.sin_addr);
  ASSERT_GT(index, 0);
  ASSERT_EQ(::sendto(socket.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to), 1);
}
size_t frames_in(const Tap& tap, uint32_t queue) {
  size_t frames = 0;
  std::array<std::byte, 2048> frame;
  while (::read(tap.descriptor(queue), frame.data(), frame.size()) > 0) ++frames;
  return frames;
}

TEST(Tap, HasAQueueForEachOfTheDoorsThreadsAndUsesThemAll) {
  const test::OwnNetwork network;
  auto tap = Tap::open("wan", kPorts, 1500, 2);
  ASSERT_TRUE(tap) << tap.error().message;
  ASSERT_NE((*tap)->descriptor(0), (*tap)->descriptor(1));
  ASSERT_EQ(std::system("ip address add 198.51.100.1/24 dev wan && "
                        "ip neigh add 198.51.100.9 lladdr 02:00:00:00:00:09 dev wan"),
            0);
  (void)frames_in(**tap, 0), (void)frames_in(**tap, 1);  // what an interface that is new says by itself
  for (uint16_t port = 1; port <= 64; ++port) host_sends((*tap)->index(), port);
  const size_t first = frames_in(**tap, 0), second = frames_in(**tap, 1);
  EXPECT_GE(first + second, 64u);
  EXPECT_GT(first, 8u);
  EXPECT_GT(second, 8u);
}

TEST(Tap, IsMadeOnceWhateverItsQueues) {
  const test::OwnNetwork network;
  auto tap = Tap::open("wan", kPorts, 1500, 2);
  ASSERT_TRUE(tap);
  const auto again = Tap::open("wan", kPorts, 1500, 2);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("there is one of that name"), std::string::npos) << again.error().message;
}

}  // namespace
}  // namespace cardea::dataplane
