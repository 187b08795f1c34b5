// What a plan takes, and the maps from plan to plan. Run as root.
#include "dataplane/xdp/filter.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "tests/packets/site.h"
#include "tests/unit/dataplane/xdp/loaded_program.h"

namespace cardea::dataplane::xdp {
namespace {

using dataplane::test::frame;
using dataplane::test::plan_of;
using dataplane::test::Site;
using dataplane::test::tuple;

TakenPort port(const std::string& text, Protocol protocol = Protocol::kTcp) {
  const Endpoint endpoint = Endpoint::parse(text).value();
  return {endpoint.address, __builtin_bswap16(endpoint.port), protocol};
}
IpAddress address(const std::string& text) {
  return IpAddress::parse(text).value();
}

TEST(Share, IsWhatLayerFourForwardsAndItsOwnAddresses) {
  Site site({.nat_port_first = 2000, .nat_port_last = 2999, .nat_addresses = {"10.0.0.200"}});
  const Share share = share_of(*site.plan);
  EXPECT_EQ(share.ports.size(), 8u);
  EXPECT_TRUE(share.ports.contains(port("203.0.113.1:53", Protocol::kUdp)));
  EXPECT_TRUE(share.ports.contains(port("[2001:db8::2]:80")));
  EXPECT_FALSE(share.ports.contains(port("203.0.113.3:80"))) << "the kernel's";
  EXPECT_EQ(share.addresses.at(address("203.0.113.1")), (TakenAddress{kServices, 0, 0}));
  EXPECT_EQ(share.addresses.at(address("10.0.0.200")), (TakenAddress{kNat, 2000, 2999}));
  EXPECT_EQ(share.addresses.at(address("10.0.0.1")), (TakenAddress{kTunnels, 0, 0}));
  EXPECT_FALSE(share.addresses.contains(address("203.0.113.3")));
}

TEST(Share, AnAddressThatIsSeveralThingsIsAllOfThem) {
  image::PlanT plan = plan_of({});
  image::Listen& listen = plan.services[0]->listen[0];
  listen = {image::Address(std::span<const uint8_t, 16>(address("10.0.0.1").bytes)), 80, image::Protocol::tcp};
  Site site;
  site.reload(plan);
  EXPECT_EQ(share_of(*site.plan).addresses.at(address("10.0.0.1")),
            (TakenAddress{kServices | kNat | kTunnels, 1024, 32767}));
}

TEST(Share, PortsThatOurOwnTcpDialsFromAreTakenOnEveryAddressOfAPort) {
  Site site({.nat_addresses = {"10.0.0.200"}, .shards = 1});
  const Share share = share_of(*site.plan);
  EXPECT_TRUE(share.ports.contains(port("203.0.113.4:80")));
  EXPECT_EQ(share.addresses.at(address("10.0.0.1")), (TakenAddress{kTunnels | kOwnTcp, 0, 0, 61000, 65535}));
  EXPECT_EQ(share.addresses.at(address("fd00::1")), (TakenAddress{kTunnels | kOwnTcp, 0, 0, 61000, 65535}));
  EXPECT_EQ(share.addresses.at(address("10.0.0.200")), (TakenAddress{kNat, 1024, 32767, 0, 0}));
}

struct Filling : testing::Test {
  Filling() { EXPECT_TRUE(program.filter.set_link_address({2, 0, 0, 0, 0, 5})); }
  bool takes(const std::string& to) const {
    std::vector<std::byte> bytes = frame({tuple("198.51.100.7:5555", to)});
    bytes[0] = std::byte{2}, bytes[5] = std::byte{5};
    return program.verdict(bytes) != XDP_PASS;
  }
  test::LoadedProgram program;
  Share old{.ports = {port("203.0.113.1:80"), port("203.0.113.1:81")},
            .addresses = {{address("203.0.113.1"), {kServices, 0, 0}}, {address("10.0.0.1"), {kNat, 2000, 2999}}}};
  Share next{.ports = {port("203.0.113.1:81"), port("203.0.113.2:80")},
             .addresses = {{address("203.0.113.1"), {kServices, 0, 0}}, {address("203.0.113.2"), {kServices, 0, 0}}}};
};

TEST_F(Filling, BetweenTwoPlansWhatEitherHasIsTaken) {
  ASSERT_TRUE(program.filter.add(old));
  EXPECT_TRUE(takes("203.0.113.1:80") && takes("10.0.0.1:2000"));
  EXPECT_FALSE(takes("203.0.113.2:80"));
  ASSERT_TRUE(program.filter.add(next));
  EXPECT_TRUE(takes("203.0.113.1:80") && takes("203.0.113.1:81") && takes("203.0.113.2:80") && takes("10.0.0.1:2000"));
  ASSERT_TRUE(program.filter.keep_only(next));
  EXPECT_TRUE(takes("203.0.113.1:81") && takes("203.0.113.2:80"));
  EXPECT_FALSE(takes("203.0.113.1:80") || takes("10.0.0.1:2000"));
}

TEST_F(Filling, APlanThatIsRefusedLeavesWhatWasThere) {
  ASSERT_TRUE(program.filter.add(old));
  ASSERT_TRUE(program.filter.add(next));
  ASSERT_TRUE(program.filter.keep_only(old));
  EXPECT_TRUE(takes("203.0.113.1:80") && takes("203.0.113.1:81") && takes("10.0.0.1:2000"));
  EXPECT_FALSE(takes("203.0.113.2:80"));
}

TEST_F(Filling, AnAddressKeepsItsOtherUses) {
  Share both = old;
  both.addresses[address("10.0.0.1")].flags |= kServices;
  both.ports.insert(port("10.0.0.1:80"));
  ASSERT_TRUE(program.filter.add(old));
  ASSERT_TRUE(program.filter.add(both));
  EXPECT_TRUE(takes("10.0.0.1:80") && takes("10.0.0.1:2999"));
  ASSERT_TRUE(program.filter.keep_only(old));
  EXPECT_FALSE(takes("10.0.0.1:80"));
  EXPECT_TRUE(takes("10.0.0.1:2999"));
}

TEST_F(Filling, MoreThanThereIsRoomForIsRefusedWithTheLimit) {
  Share many;
  for (uint32_t i = 0; i <= kAddressesMax; ++i) many.addresses[IpAddress::v4(0x0a000000 + i)] = {kServices, 0, 0};
  const auto done = program.filter.add(many);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("more than the 65536"), std::string::npos) << done.error().message;
  ASSERT_TRUE(program.filter.keep_only(old));
  ASSERT_TRUE(program.filter.add(old)) << "there is room again";
}

}  // namespace
}  // namespace cardea::dataplane::xdp
