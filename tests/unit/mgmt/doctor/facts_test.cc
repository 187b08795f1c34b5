// Facts from a copy of the kernel's files, written as Linux writes them.
#include "mgmt/doctor/facts.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/base/scratch_folder.h"

namespace cardea::mgmt::doctor {
namespace {

using testing::ElementsAre;

struct HostCopy {
  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }
  void link(const std::string& path, const std::string& target) const {
    const std::filesystem::path file = root + path;
    std::filesystem::create_directories(file.parent_path());
    std::filesystem::create_symlink(root + target, file);
  }
  // A network card with its driver, on bus 3b.
  void card(const std::string& address, const std::string& driver) const {
    const std::string at = "/sys/bus/pci/devices/" + address;
    write(at + "/class", "0x020000");
    write(at + "/numa_node", "1");
    write(at + "/current_link_speed", "8.0 GT/s PCIe");
    write(at + "/max_link_speed", "16.0 GT/s PCIe");
    write(at + "/current_link_width", "8");
    write(at + "/max_link_width", "16");
    write(at + "/power/control", "auto");
    if (!driver.empty()) link(at + "/driver", "/sys/bus/pci/drivers/" + driver);
  }
  Facts facts() const { return Facts(root); }

  ScratchFolder folder;
  std::string root = folder.file("host");
};

TEST(DoctorFacts, HugePagesOfEachSizeOnEachNode) {
  const HostCopy copy;
  for (const std::string node : {"node0", "node1"}) {
    copy.write("/sys/devices/system/node/" + node + "/hugepages/hugepages-2048kB/nr_hugepages",
               node == "node0" ? "512" : "0");
    copy.write("/sys/devices/system/node/" + node + "/hugepages/hugepages-2048kB/free_hugepages",
               node == "node0" ? "100" : "0");
  }
  copy.write("/sys/devices/system/node/has_cpu", "0-1");
  const auto pages = copy.facts().host().huge_pages;
  ASSERT_EQ(pages.size(), 2u);
  EXPECT_EQ(pages[0].page_bytes, 2u << 20);
  EXPECT_EQ(pages[0].total, 512u);
  EXPECT_EQ(pages[0].free, 100u);
  EXPECT_EQ(pages[1].node, 1);
  EXPECT_EQ(pages[1].total, 0u);
}

TEST(DoctorFacts, Cpus) {
  const HostCopy copy;
  copy.write("/sys/devices/system/cpu/online", "0-3");
  copy.write("/sys/devices/system/cpu/isolated", "2-3");
  copy.write("/sys/devices/system/cpu/cpu3/node1/x", "");
  copy.write("/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave");
  copy.write("/proc/irq/40/effective_affinity_list", "2");
  copy.write("/proc/irq/40/eth1-rx-0/x", "");
  copy.write("/proc/irq/41/effective_affinity_list", "0-3");
  copy.write("/proc/irq/41/nvme0/x", "");
  const HostFacts host = copy.facts().host();
  EXPECT_THAT(host.isolated, ElementsAre(2, 3));
  EXPECT_EQ(host.node_of_cpu.size(), 4u);
  EXPECT_EQ(host.node_of_cpu.at(3), 1);
  EXPECT_EQ(host.node_of_cpu.at(0), 0);
  EXPECT_EQ(host.governors, (std::map<uint16_t, std::string>{{2, "powersave"}}));
  EXPECT_EQ(host.interrupts, (std::map<uint16_t, std::vector<std::string>>{{2, {"eth1-rx-0"}}}));
}

TEST(DoctorFacts, ACard) {
  const HostCopy copy;
  copy.card("0000:3b:00.0", "vfio-pci");
  copy.card("0000:3b:00.1", "ixgbe");
  copy.write("/sys/bus/pci/devices/0000:3a:00.0/class", "0x060400");
  copy.link("/sys/bus/pci/devices/0000:3a:00.0/driver", "/sys/bus/pci/drivers/pcieport");
  for (const std::string other : {"0000:3a:00.0", "0000:3b:00.0", "0000:3b:00.1"})
    copy.write("/sys/kernel/iommu_groups/17/devices/" + other, "");
  copy.link("/sys/bus/pci/devices/0000:3b:00.0/iommu_group", "/sys/kernel/iommu_groups/17");
  const DeviceFacts device = copy.facts().device("wan", "0000:3b:00.0,mprq_en=1");
  EXPECT_EQ(device.kind, DeviceKind::kPci);
  ASSERT_TRUE(device.pci);
  EXPECT_EQ(device.pci->driver, "vfio-pci");
  EXPECT_EQ(device.pci->node, 1);
  EXPECT_EQ(device.pci->iommu_group, "17");
  EXPECT_THAT(device.pci->group_in_use, ElementsAre("0000:3b:00.1 (ixgbe)"));
  EXPECT_EQ(device.pci->link_gts, 8);
  EXPECT_EQ(device.pci->link_gts_max, 16);
  EXPECT_EQ(device.pci->link_lanes, 8u);
  EXPECT_EQ(device.pci->link_lanes_max, 16u);
  EXPECT_TRUE(device.pci->may_sleep);
  EXPECT_FALSE(device.interface);
  EXPECT_TRUE(copy.facts().host().has_iommu);
  EXPECT_THAT(copy.facts().network_cards(), ElementsAre("0000:3b:00.0", "0000:3b:00.1"));
  EXPECT_FALSE(copy.facts().device("wan", "0000:ff:00.0").pci);
}

TEST(DoctorFacts, AnInterfaceAndTheCardAboveIt) {
  const HostCopy copy;
  copy.card("0000:00:03.0", "virtio-pci");
  copy.write("/sys/devices/pci0000:00/0000:00:03.0/virtio2/x", "");
  copy.link("/sys/class/net/eth1/device", "/sys/devices/pci0000:00/0000:00:03.0/virtio2");
  for (const auto& [name, text] : {std::pair{"mtu", "9000"}, {"flags", "0x1003"}, {"carrier", "1"}, {"speed", "25000"}})
    copy.write(std::string("/sys/class/net/eth1/") + name, text);
  for (const std::string queue : {"rx-0", "rx-1", "tx-0"}) copy.write("/sys/class/net/eth1/queues/" + queue + "/x", "");
  const DeviceFacts device = copy.facts().device("wan", "net_af_xdp,iface=eth1,start_queue=0");
  EXPECT_EQ(device.kind, DeviceKind::kInterface);
  ASSERT_TRUE(device.interface);
  EXPECT_TRUE(device.interface->is_up && device.interface->has_carrier);
  EXPECT_EQ(device.interface->mtu, 9000u);
  EXPECT_EQ(device.interface->receive_queues, 2u);
  EXPECT_EQ(device.interface->speed_mbits, 25000u);
  ASSERT_TRUE(device.pci);
  EXPECT_EQ(device.pci->address, "0000:00:03.0");
  EXPECT_FALSE(copy.facts().device("wan", "net_af_xdp,iface=eth2").interface);
}

TEST(DoctorFacts, ACardThatTheKernelDrivesAndTheHostIsReachedBy) {
  const HostCopy copy;
  copy.card("0000:00:03.0", "e1000e");
  copy.write("/sys/devices/pci0000:00/0000:00:03.0/x", "");
  for (const std::string name : {"eth0", "eth1", "eth10"}) copy.write("/sys/class/net/" + name + "/mtu", "1500");
  copy.link("/sys/class/net/eth1/device", "/sys/devices/pci0000:00/0000:00:03.0");
  const auto routed = [&] { return copy.facts().device("wan", "0000:00:03.0").interface.value().has_default_route; };
  EXPECT_FALSE(routed());
  copy.write("/proc/net/route", "eth10\t00000000\t0100000A\neth1\t0000000A\t00000000");
  EXPECT_FALSE(routed());
  copy.write("/proc/net/route", "eth0\t00000000\t0100000A\neth1\t00000000\t0100000A");
  EXPECT_TRUE(routed());
  copy.write("/proc/net/route", "");
  copy.write("/proc/net/ipv6_route", std::string(32, '0') + " 00 " + std::string(32, '0') + " 00 fe8 1 1 1 3     eth1");
  EXPECT_TRUE(routed());
}

TEST(DoctorFacts, AnInterfaceWithoutACardAndADeviceWithoutEither) {
  const HostCopy copy;
  copy.write("/sys/class/net/veth0/mtu", "1500");
  copy.write("/sys/class/net/veth0/flags", "0x1002");
  const DeviceFacts veth = copy.facts().device("lan", "net_af_packet,iface=veth0");
  ASSERT_TRUE(veth.interface);
  EXPECT_FALSE(veth.interface->is_up || veth.interface->has_carrier || veth.pci);
  EXPECT_EQ(copy.facts().device("lan", "net_memif0,role=server").kind, DeviceKind::kOther);
}

TEST(DoctorFacts, ThisHostCanBeReadToo) {
  const HostFacts host = Facts("").host();
  EXPECT_FALSE(host.node_of_cpu.empty());
}

}  // namespace
}  // namespace cardea::mgmt::doctor
