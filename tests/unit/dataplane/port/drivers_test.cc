#include "dataplane/port/drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/base/scratch_folder.h"

namespace cardea::dataplane {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Drivers : public testing::Test {
 protected:
  Drivers() {
    for (const char* name :
         {"bus_vdev", "bus_pci", "bus_vmbus", "common_mlx5", "crypto_openssl", "event_sw", "mempool_ring",
          "mempool_stack", "net_af_packet", "net_af_xdp", "net_bond", "net_mlx5", "net_null", "raw_skeleton"})
      add(name);
  }
  void add(const std::string& name) {
    std::ofstream(folder_.file("librte_" + name + ".so.23.0")).put('x');
    std::filesystem::create_symlink("librte_" + name + ".so.23.0", folder_.file("librte_" + name + ".so.23"));
    std::filesystem::create_symlink("librte_" + name + ".so.23.0", folder_.file("librte_" + name + ".so"));
  }
  // Names without what is the same of all.
  std::vector<std::string> chosen(const std::vector<std::string>& devices) {
    std::vector<Device> parsed;
    for (const std::string& device : devices) parsed.push_back(*parse_device(device));
    std::vector<std::string> names;
    for (const std::string& file : driver_libraries(parsed, folder_.file(""))) {
      const std::string before = folder_.file("librte_");
      EXPECT_TRUE(file.starts_with(before) && file.ends_with(".so.23.0")) << file;
      names.push_back(file.substr(before.size(), file.size() - before.size() - 8));
    }
    return names;
  }

  ScratchFolder folder_;
};

TEST_F(Drivers, OfVirtualDevicesAreTheirOwnAndNoOthers) {
  EXPECT_THAT(chosen({"net_af_packet,iface=eth1", "net_af_packet,iface=eth2"}),
              ElementsAre("bus_vdev", "mempool_ring", "mempool_stack", "net_af_packet"));
  EXPECT_THAT(chosen({"net_null0", "net_af_xdp,iface=eth2"}),
              ElementsAre("bus_vdev", "mempool_ring", "mempool_stack", "net_af_xdp", "net_null"));
}

TEST_F(Drivers, OfCardsAreAllThatMayBringANetworkPortUp) {
  const auto network = ElementsAre("bus_pci", "bus_vdev", "bus_vmbus", "common_mlx5", "mempool_ring", "mempool_stack",
                                   "net_af_packet", "net_af_xdp", "net_bond", "net_mlx5", "net_null");
  EXPECT_THAT(chosen({"0000:3b:00.0"}), network);
  EXPECT_THAT(chosen({"net_af_packet,iface=eth1", "0000:3b:00.0"}), network);
  EXPECT_THAT(chosen({"net_bonding0,slave=0000:3b:00.0"}), network) << "it stands on other devices";
}

TEST_F(Drivers, WhereOneIsMissingDpdkLooksForItself) {
  EXPECT_THAT(chosen({"net_af_packet,iface=eth1", "net_ring0"}), IsEmpty());
  EXPECT_THAT(driver_libraries(std::vector{*parse_device("net_null0")}, folder_.file("not.there")), IsEmpty());
}

TEST_F(Drivers, OfThisHostAreAllThere) {
  for (const char* device : {"net_af_packet,iface=eth1", "net_af_xdp,iface=eth1", "net_ring0", "0000:3b:00.0"})
    EXPECT_FALSE(driver_libraries(std::vector{*parse_device(device)}, driver_folder()).empty()) << device;
}

TEST_F(Drivers, TheFolderIsHiddenFromOneQuestion) {
  struct stat64 status{};
  const std::string folder = driver_folder();
  EXPECT_EQ(::stat64(folder.c_str(), &status), 0);
  hide_driver_folder_once();
  EXPECT_EQ(::stat64((folder + "/librte_net_ring.so").c_str(), &status), 0) << "what it was told to load";
  EXPECT_EQ(::stat64("/", &status), 0);
  EXPECT_TRUE(S_ISDIR(status.st_mode));
  EXPECT_EQ(::stat64(folder.c_str(), &status), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(::stat64(folder.c_str(), &status), 0);
}

}  // namespace
}  // namespace cardea::dataplane
