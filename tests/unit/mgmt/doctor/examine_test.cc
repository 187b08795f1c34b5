// Each thing that can be wrong, alone, on a host where nothing else is.
#include "mgmt/doctor/examine.h"

#include <gmock/gmock.h>

#include <functional>

namespace cardea::mgmt::doctor {
namespace {

using testing::HasSubstr;

struct Case {
  HostFacts host;
  DeviceFacts device;
  conf::Port port;
  conf::Dataplane dataplane;

  Findings port_findings() const { return examine_port(device, port, host, dataplane, {"0000:3b:00.0"}); }
  Findings host_findings() const { return examine_host(host, dataplane, {device}); }
};

// A card under vfio-pci as it should be.
Case sound_card() {
  Case c;
  c.host = {.huge_pages = {{.page_bytes = 2 << 20, .total = 512, .free = 512, .node = 0}},
            .has_iommu = true,
            .isolated = {1},
            .node_of_cpu = {{0, 0}, {1, 0}, {2, 1}},
            .governors = {{1, "performance"}},
            .interrupts = {{0, {"nvme0"}}}};
  c.device = {.port = "wan", .device = "0000:3b:00.0", .kind = DeviceKind::kPci};
  c.device.pci = PciFacts{.address = "0000:3b:00.0",
                          .driver = "vfio-pci",
                          .node = 0,
                          .iommu_group = "17",
                          .link_gts = 8,
                          .link_gts_max = 8,
                          .link_lanes = 8,
                          .link_lanes_max = 8};
  c.port.name = "wan";
  c.dataplane.workers = {1};
  return c;
}

Case sound_interface() {
  Case c = sound_card();
  c.device = {.port = "wan", .device = "net_af_xdp,iface=eth1", .kind = DeviceKind::kInterface};
  c.device.interface =
      InterfaceFacts{.name = "eth1", .is_up = true, .has_carrier = true, .mtu = 1500, .receive_queues = 1};
  return c;
}

TEST(Doctor, WorkersThatAreNotIsolatedAreOneLineOfTheKernels) {
  Case c = sound_card();
  c.dataplane.workers = {2, 3};
  c.host.node_of_cpu[3] = 1;
  const Findings findings = c.host_findings();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_THAT(findings[0].message, HasSubstr("workers' CPUs 2, 3 are not isolated"));
  EXPECT_THAT(findings[0].mend, HasSubstr("add isolcpus=1,2,3 nohz_full=1,2,3 ")) << "CPU 1 stays isolated";
}

TEST(Doctor, AWorkerNeedsACpuThatIsThere) {
  Case c = sound_card();
  c.dataplane.workers = {1, 9};
  const Findings findings = c.host_findings();
  ASSERT_EQ(findings.size(), 1u) << "nothing is said of isolating it";
  EXPECT_EQ(findings[0].level, Finding::kError);
  EXPECT_EQ(findings[0].message, "there is no CPU 9 for a worker");
}

TEST(Doctor, FindsNothingWhereNothingIsWrong) {
  for (const Case& c : {sound_card(), sound_interface()}) {
    EXPECT_TRUE(c.port_findings().empty()) << c.port_findings()[0].message;
    EXPECT_TRUE(c.host_findings().empty()) << c.host_findings()[0].message;
  }
}

struct Fault {
  const char* name;
  std::function<void(Case&)> spoil;
  bool of_host;
  Finding::Level level;
  const char *message, *mend;
};

class DoctorFault : public testing::TestWithParam<Fault> {};

const Fault kCardFaults[] = {
    {"NoCard", [](Case& c) { c.device.pci.reset(); }, false, Finding::kError, "no PCI device 0000:3b:00.0",
     "0000:3b:00.0"},
    {"KernelDriver", [](Case& c) { c.device.pci->driver = "ixgbe"; }, false, Finding::kError,
     "driver ixgbe has the card", "cardea-host-setup --nic 0000:3b:00.0"},
    {"TheHostsOwn",
     [](Case& c) {
       c.device.pci->driver = "e1000e", c.device.interface = InterfaceFacts{.name = "eth0", .has_default_route = true};
     },
     false, Finding::kError, "default route goes by it, as eth0", "another card"},
    {"NoDriver", [](Case& c) { c.device.pci->driver.clear(); }, false, Finding::kError, "no driver",
     "cardea-host-setup --nic 0000:3b:00.0"},
    {"Uio", [](Case& c) { c.device.pci->driver = "uio_pci_generic"; }, false, Finding::kWarning, "anywhere in memory",
     "cardea-host-setup --nic 0000:3b:00.0"},
    {"NoIommu", [](Case& c) { c.host.has_iommu = false; }, false, Finding::kError, "no IOMMU", "intel_iommu=on"},
    {"NoIommuGroup", [](Case& c) { c.device.pci->iommu_group.reset(); }, false, Finding::kError, "no IOMMU",
     "intel_iommu=on"},
    {"SharedGroup", [](Case& c) { c.device.pci->group_in_use = {"0000:3b:00.1 (ixgbe)"}; }, false, Finding::kError,
     "group 17 has others that the kernel drives: 0000:3b:00.1 (ixgbe)", "vfio-pci"},
    {"SlowSlot", [](Case& c) { c.device.pci->link_lanes = 4; }, false, Finding::kWarning,
     "8 GT/s on 4 lanes, of 8 GT/s on 8", "slot"},
    {"SlowLink", [](Case& c) { c.device.pci->link_gts = 2.5; }, false, Finding::kWarning, "2.5 GT/s on 8 lanes",
     "slot"},
    {"MaySleep", [](Case& c) { c.device.pci->may_sleep = true; }, false, Finding::kHint, "sleep",
     "echo on > /sys/bus/pci/devices/0000:3b:00.0/power/control"},
    {"OtherNode", [](Case& c) { c.dataplane.workers = {2}, c.host.isolated = {2}; }, false, Finding::kWarning,
     "CPU 2 is on NUMA node 1, the card on node 0", "node 0"},
    {"NoPagesOnNode", [](Case& c) { c.host.huge_pages[0].node = 1; }, false, Finding::kWarning,
     "NUMA node 0, where the card is, has no huge pages", "/sys/devices/system/node/node0/"},
    {"NoPages", [](Case& c) { c.host.huge_pages[0].total = 0; }, true, Finding::kError, "no huge pages",
     "cardea-host-setup --hugepages"},
    {"AllTaken", [](Case& c) { c.host.huge_pages[0].free = 0; }, true, Finding::kHint, "all huge pages are in use", ""},
    {"NotIsolated", [](Case& c) { c.host.isolated.clear(); }, true, Finding::kHint, "CPU 1 is not isolated",
     "isolcpus=1"},
    {"Governed", [](Case& c) { c.host.governors[1] = "powersave"; }, true, Finding::kWarning, "\"powersave\"",
     "cpu1/cpufreq/scaling_governor"},
    {"Interrupts", [](Case& c) { c.host.interrupts[1] = {"nvme0", "ahci"}; }, true, Finding::kHint,
     "interrupts go to worker's CPU 1: nvme0, ahci", "smp_affinity_list"}};

const Fault kInterfaceFaults[] = {{"NoInterface", [](Case& c) { c.device.interface.reset(); }, false, Finding::kError,
                                   "no interface eth1", "ip link"},
                                  {"Down", [](Case& c) { c.device.interface->is_up = false; }, false, Finding::kWarning,
                                   "eth1 is down", "ip link set eth1 up"},
                                  {"NoCarrier", [](Case& c) { c.device.interface->has_carrier = false; }, false,
                                   Finding::kWarning, "no carrier", "cable"},
                                  {"SmallMtu", [](Case& c) { c.port.mtu = 9000; }, false, Finding::kError,
                                   "MTU of 1500, the port one of 9000", "ip link set eth1 mtu 9000"},
                                  {"FewQueues", [](Case& c) { c.dataplane.workers = {1, 1}; }, false, Finding::kHint,
                                   "1 receive queue for 2 workers", "ethtool -L eth1 combined 2"},
                                  {"NoPages", [](Case& c) { c.host.huge_pages[0].total = 0; }, true, Finding::kWarning,
                                   "pages of 4 KB", "cardea-host-setup --hugepages"}};

void expect_alone(Case c, const Fault& fault) {
  fault.spoil(c);
  const Findings found = fault.of_host ? c.host_findings() : c.port_findings();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].level, fault.level);
  EXPECT_EQ(found[0].about, fault.of_host ? "host" : "wan");
  EXPECT_THAT(found[0].message, HasSubstr(fault.message));
  EXPECT_THAT(found[0].mend, HasSubstr(fault.mend));
}

class DoctorCard : public DoctorFault {};
TEST_P(DoctorCard, IsToldAlone) {
  expect_alone(sound_card(), GetParam());
}
INSTANTIATE_TEST_SUITE_P(Faults, DoctorCard, testing::ValuesIn(kCardFaults),
                         [](const auto& fault) { return fault.param.name; });

class DoctorInterface : public DoctorFault {};
TEST_P(DoctorInterface, IsToldAlone) {
  expect_alone(sound_interface(), GetParam());
}
INSTANTIATE_TEST_SUITE_P(Faults, DoctorInterface, testing::ValuesIn(kInterfaceFaults),
                         [](const auto& fault) { return fault.param.name; });

TEST(Doctor, NvidiasCardsStayWithTheirDriver) {
  Case c = sound_card();
  c.device.pci->driver = "mlx5_core";
  c.host.has_iommu = false;
  EXPECT_TRUE(c.port_findings().empty());
}

}  // namespace
}  // namespace cardea::mgmt::doctor
