#include "dataplane/port/numa.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/base/scratch_folder.h"

namespace cardea::dataplane {
namespace {

void tell(const std::filesystem::path& device, const char* node) {
  std::filesystem::create_directories(device);
  std::ofstream(device / "numa_node") << node;
}

TEST(Numa, ADeviceIsOnTheSocketThatTheKernelSays) {
  const ScratchFolder folder;
  const std::filesystem::path sys = folder.file("");
  tell(sys / "bus/pci/devices/0000:3b:00.0", "1\n");
  tell(sys / "class/net/eth1/device", "0\n");
  EXPECT_EQ(socket_of(*parse_device("3b:00.0,mprq_en=1"), sys), 1);
  EXPECT_EQ(socket_of(*parse_device("net_af_xdp,iface=eth1"), sys), 0);
  EXPECT_EQ(socket_of(*parse_device("net_af_packet,iface=eth1"), sys), 0);
}

TEST(Numa, WithoutAnAnswerItIsOnNone) {
  const ScratchFolder folder;
  const std::filesystem::path sys = folder.file("");
  tell(sys / "bus/pci/devices/0000:3b:00.0", "-1\n");
  tell(sys / "bus/pci/devices/0000:3b:00.1", "");
  EXPECT_EQ(socket_of(*parse_device("3b:00.0"), sys), kAnySocket) << "a host with one socket";
  EXPECT_EQ(socket_of(*parse_device("3b:00.1"), sys), kAnySocket);
  EXPECT_EQ(socket_of(*parse_device("3b:00.2"), sys), kAnySocket);
  EXPECT_EQ(socket_of(*parse_device("net_af_packet,iface=veth0"), sys), kAnySocket) << "it stands on no device";
  EXPECT_EQ(socket_of(*parse_device("net_ring0"), sys), kAnySocket);
}

}  // namespace
}  // namespace cardea::dataplane
