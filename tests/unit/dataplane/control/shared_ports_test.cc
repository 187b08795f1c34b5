// What programs of shared ports take, from plan to plan, and what they count. Run as root.
#include "dataplane/control/shared_ports.h"

#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>

#include "tests/packets/site.h"
#include "tests/unit/dataplane/own_network.h"
#include "tests/unit/dataplane/xdp/loaded_program.h"

namespace cardea::dataplane {
namespace {

std::vector<std::byte> frame_to(const std::string& service) {
  std::vector<std::byte> bytes = test::frame({test::tuple("198.51.100.7:5555", service)});
  bytes[0] = std::byte{2}, bytes[5] = std::byte{5};  // eth9's
  return bytes;
}

class SharedPortsTest : public testing::Test {
 protected:
  SharedPortsTest() {
    image::PlanT plan = shared_plan();
    site_.reload(plan);
    EXPECT_TRUE(ports_.fill(0, program_.fd(), *site_.plan));
  }
  static image::PlanT shared_plan() {
    image::PlanT plan = test::plan_of({});
    plan.ports[0]->device = "net_af_xdp,iface=eth9";
    plan.ports[0]->kernel = image::KernelSide::device;
    return plan;
  }
  std::unique_ptr<const LivePlan> live(const image::PlanT& plan) {
    return build_live_plan(test::packed(plan), *site_.registry).value();
  }
  // The first service, and no other, on this address and port.
  std::unique_ptr<const LivePlan> plan_with(const std::string& listen) {
    image::PlanT plan = shared_plan();
    const Endpoint at = Endpoint::parse(listen).value();
    plan.services.resize(1);
    plan.services[0]->listen = {
        {image::Address(std::span<const uint8_t, 16>(at.address.bytes)), at.port, image::Protocol::tcp}};
    return live(plan);
  }
  bool takes(const std::string& service) const { return program_.verdict(frame_to(service)) != XDP_PASS; }
  uint64_t counted(const std::string& name, const std::string& labels) {
    const auto row = site_.segment->add({stats::Kind::kCounter, name, "packets", labels, ""});
    return *site_.segment->cell(0, row.value());
  }

  test::OwnNetwork network_;
  xdp::test::LoadedProgram program_;
  test::Site site_;
  SharedPorts ports_;
};

TEST_F(SharedPortsTest, TakeWhatThePlanForwardsByTheInterfacesLinkAddress) {
  EXPECT_EQ(ports_.indexes(), std::set<uint16_t>{0});
  EXPECT_NE(ports_.of(0), nullptr);
  EXPECT_EQ(ports_.of(1), nullptr);
  EXPECT_TRUE(takes("203.0.113.1:80"));
  EXPECT_FALSE(takes("203.0.113.3:80")) << "the kernel's";
}

TEST_F(SharedPortsTest, TakeBothPlansUntilOneIsGivenBack) {
  const auto next = plan_with("203.0.113.9:80");
  ASSERT_TRUE(ports_.take(*site_.plan, *next));
  EXPECT_TRUE(takes("203.0.113.1:80") && takes("203.0.113.9:80"));
  ASSERT_TRUE(ports_.give_back(*next));
  EXPECT_FALSE(takes("203.0.113.1:80"));
  EXPECT_TRUE(takes("203.0.113.9:80"));
}

TEST_F(SharedPortsTest, WithoutRoomForAPlanStayAsTheyWere) {
  auto large = std::make_unique<LivePlan>(*plan_with("203.0.113.9:80"));
  for (uint32_t i = 0; i <= xdp::kAddressesMax; ++i)
    large->nat_sources.push_back({.address = IpAddress::v4(0x0a000000 + i)});
  const auto done = ports_.take(*site_.plan, *large);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("more than the 65536"), std::string::npos) << done.error().message;
  EXPECT_TRUE(takes("203.0.113.1:80"));
  EXPECT_FALSE(takes("10.0.0.200:2000"));
}

TEST_F(SharedPortsTest, CountByReasonAndGoOnFromWhereAKilledProcessEnded) {
  ASSERT_EQ(::bpf_xdp_attach(int(::if_nametoindex("eth9")), program_.fd(), 0, nullptr), 0);
  EXPECT_TRUE(takes("203.0.113.1:80") && takes("203.0.113.1:80")) << "nobody is there for them";
  xdp::test::LoadedProgram next_program;
  SharedPorts next;
  ASSERT_TRUE(next.fill(0, next_program.fd(), *site_.plan));
  const std::string names[] = {"wan"};
  ASSERT_TRUE(next.add_rows(*site_.segment, names));
  (void)next_program.verdict(frame_to("203.0.113.1:80"));
  (void)next_program.verdict(frame_to("203.0.113.3:80"));
  next.write_rows(site_.segment->cells(0));
  EXPECT_EQ(counted("cardea_shared_packets_total", "port=\"wan\",reason=\"service\""), 1u);
  EXPECT_EQ(counted("cardea_shared_packets_total", "port=\"wan\",reason=\"kernel\""), 1u);
  EXPECT_EQ(counted("cardea_shared_unattended_packets_total", "port=\"wan\""), 3u);
}

}  // namespace
}  // namespace cardea::dataplane
