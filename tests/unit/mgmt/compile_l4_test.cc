#include "mgmt/compile_l4.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "dataplane/plan_generated.h"
#include "dataplane/plan_schema.h"
#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt {
namespace {

namespace image = dataplane::image;

const image::Plan* plan_of(const Image& bytes) {
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), 64, 100'000'000);
  EXPECT_TRUE(verifier.VerifyBuffer<image::Plan>(dataplane::kPlanIdentifier));
  return image::GetPlan(bytes.data());
}

struct Compiled {
  RingCache rings;
  std::vector<PoolState> states;
  Image bytes;
  const image::Plan* plan = nullptr;

  Compiled(const conf::Config& config, const Runtime& runtime, uint64_t generation = 1) {
    states = pool_states(config, runtime, rings).value();
    bytes = compile_l4(config, states, generation).value();
    plan = plan_of(bytes);
  }
};

size_t slots_of(const image::Pool* pool, uint16_t backend) {
  return size_t(std::ranges::count(*pool->ring(), backend));
}

TEST(CompileL4, SaysEverythingTheDataplaneNeeds) {
  const Compiled compiled(test::config(), {}, 17);
  const auto* plan = compiled.plan;
  EXPECT_EQ(plan->schema(), dataplane::kPlanSchema);
  EXPECT_EQ(plan->generation(), 17u);
  EXPECT_EQ(plan->cluster()->str(), "test");
  EXPECT_EQ(plan->hash_key_0(), HashKey::from_seed("a seed").k0);
  ASSERT_EQ(plan->settings()->workers()->size(), 2u);
  ASSERT_EQ(plan->ports()->size(), 1u);
  EXPECT_EQ(plan->ports()->Get(0)->device()->str(), "net_null0");
  EXPECT_EQ(plan->ports()->Get(0)->addresses()->Get(1)->length(), 64);
  ASSERT_EQ(plan->services()->size(), 2u);
  const auto* names = plan->services()->Get(1);
  EXPECT_EQ(plan->pools()->Get(names->pool())->name()->str(), "dns");
  EXPECT_EQ(names->listen()->Get(0)->port(), 53);
  const auto* third = plan->pools()->Get(0)->backends()->Get(2);
  EXPECT_EQ(third->name()->str(), "[2001:db8::5]:8080");
  const auto address = IpAddress::parse("2001:db8::5").value();
  EXPECT_EQ(std::memcmp(third->address()->bytes()->data(), address.bytes.data(), 16), 0);
}

TEST(CompileL4, TheDoorIsAsItWasWritten) {
  conf::Config config = test::config();
  config.dataplane->door = {.rate = 12'345, .ports = {22, 9477}, .other_hosts = true};
  const Compiled compiled(config, {});
  const auto* settings = compiled.plan->settings();
  EXPECT_EQ(settings->door_rate(), 12'345u);
  ASSERT_EQ(settings->door_ports()->size(), 2u);
  EXPECT_EQ(settings->door_ports()->Get(1), 9477);
  EXPECT_TRUE(settings->door_other_hosts());
}

// Each setting has a value of its own, so that none can stand in another's place.
TEST(CompileL4, EverySettingArrivesInItsOwnPlace) {
  conf::Config config = test::config();
  conf::Dataplane& from = *config.dataplane;
  from.poll = conf::Poll::kBusy;
  from.flows = 5000;
  from.checksums = conf::Checksums::kFull;
  from.nat = {.addresses = {IpAddress::parse("192.0.2.9").value()}, .port_first = 2001, .port_last = 30'002};
  from.timeouts = {.tcp_syn = conf::milliseconds(11),
                   .tcp_established = conf::milliseconds(12),
                   .tcp_closing = conf::milliseconds(13),
                   .udp = conf::milliseconds(14)};
  from.services_max = 21, from.backends_max = 22, from.neighbours_max = 23;
  from.ports[0].mtu = 9000, from.ports[0].kernel = conf::PortKernel::kInterface;
  from.floating = {Prefix::parse("203.0.113.0/30").value()};
  const Compiled compiled(config, {});
  const auto& to = *compiled.plan->settings();
  EXPECT_EQ(to.poll(), image::Poll::busy);
  EXPECT_EQ(to.flows(), 5000u);
  EXPECT_EQ(to.checksums(), image::Checksums::full);
  EXPECT_EQ(to.nat_addresses()->size(), 1u);
  EXPECT_EQ(to.nat_port_first(), 2001);
  EXPECT_EQ(to.nat_port_last(), 30'002);
  EXPECT_EQ(to.tcp_syn_timeout_ms(), 11u);
  EXPECT_EQ(to.tcp_established_timeout_ms(), 12u);
  EXPECT_EQ(to.tcp_closing_timeout_ms(), 13u);
  EXPECT_EQ(to.udp_timeout_ms(), 14u);
  EXPECT_EQ(to.services_max(), 21u);
  EXPECT_EQ(to.backends_max(), 22u);
  EXPECT_EQ(to.neighbours_max(), 23u);
  ASSERT_EQ(to.floating()->size(), 1u);
  EXPECT_EQ(to.floating()->Get(0)->length(), 30);
  EXPECT_EQ(compiled.plan->ports()->Get(0)->mtu(), 9000);
  EXPECT_EQ(compiled.plan->ports()->Get(0)->kernel(), image::KernelSide::device);
  EXPECT_EQ(compiled.plan->ports()->Get(0)->gateways()->size(), 1u);
}

TEST(CompileL4, APortIsSharedWhereItsDeviceCanAndNothingElseIsSaid) {
  conf::Config config = test::config();
  conf::Port& port = config.dataplane->ports[0];
  const auto kernel = [&](const char* device, std::optional<conf::PortKernel> written = {}) {
    port.device = device, port.kernel = written;
    return Compiled(config, {}).plan->ports()->Get(0)->kernel();
  };
  EXPECT_EQ(kernel("net_af_xdp,iface=eth1"), image::KernelSide::device);
  EXPECT_EQ(kernel("net_af_xdp,iface=eth1", conf::PortKernel::kTap), image::KernelSide::tap);
  EXPECT_EQ(kernel("net_af_xdp,iface=eth1,xdp_prog=/x.o"), image::KernelSide::tap);
  EXPECT_EQ(kernel("net_af_packet,iface=eth1"), image::KernelSide::tap);
  EXPECT_EQ(kernel("0000:3b:00.0"), image::KernelSide::tap);
}

TEST(CompileL4, SharesFollowWeightsWithinOneSlot) {
  const Compiled compiled(test::config(), {});
  const auto* web = compiled.plan->pools()->Get(0);
  EXPECT_NEAR(double(slots_of(web, 0)), 1009 * 3 / 5.0, 1.0);
  EXPECT_NEAR(double(slots_of(web, 1)), 1009 * 1 / 5.0, 1.0);
  EXPECT_EQ(compiled.states[0].ring->slots_of[0], slots_of(web, 0));
}

TEST(CompileL4, OnlyBackendsThatServeGetSlots) {
  Runtime runtime;
  runtime.health[{"web", "10.0.0.11:8080"}] = {false, "refused", {}};
  runtime.overrides[{"web", "10.0.0.12:8080"}] = {Order::kDrain, {}};
  const Compiled compiled(test::config(), runtime);
  const auto* web = compiled.plan->pools()->Get(0);
  EXPECT_EQ(slots_of(web, 0), 0u);
  EXPECT_EQ(slots_of(web, 1), 0u);
  EXPECT_EQ(slots_of(web, 2), web->ring()->size());
  EXPECT_EQ(web->backends()->Get(0)->state(), image::BackendState::down);
  EXPECT_EQ(web->backends()->Get(1)->state(), image::BackendState::drain);
}

TEST(CompileL4, APoolWithNobodyUpHasAnEmptyRing) {
  Runtime runtime;
  for (const char* backend : {"10.0.0.53:53", "10.0.0.54:53"})
    runtime.health[{"dns", backend}] = {false, "timeout", {}};
  const Compiled compiled(test::config(), runtime);
  const auto* dns = compiled.plan->pools()->Get(1);
  EXPECT_EQ(slots_of(dns, kRingEmpty), dns->ring()->size());
}

TEST(CompileL4, AnUpdateHasThePoolsThatWereAskedFor) {
  const auto config = test::config();
  RingCache rings;
  const auto states = pool_states(config, {}, rings).value();
  const size_t dns = 1;
  const auto bytes = compile_l4_update(config, states, std::span(&dns, 1), 5);
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  ASSERT_TRUE(verifier.VerifyBuffer<image::PoolUpdate>(dataplane::kPoolUpdateIdentifier));
  const auto* update = flatbuffers::GetRoot<image::PoolUpdate>(bytes.data());
  EXPECT_EQ(update->generation(), 5u);
  ASSERT_EQ(update->pools()->size(), 1u);
  EXPECT_EQ(update->pools()->Get(0)->name()->str(), "dns");
}

TEST(CompileL4, RingsThatDidNotChangeAreNotBuiltAgain) {
  const auto config = test::config();
  RingCache rings;
  auto first = pool_states(config, {}, rings).value();
  EXPECT_EQ(rings.built(), 2u);
  Runtime runtime;
  runtime.health[{"dns", "10.0.0.53:53"}] = {false, "refused", {}};
  const auto second = pool_states(config, runtime, rings).value();
  EXPECT_EQ(rings.built(), 3u);
  EXPECT_EQ(second[0].ring, first[0].ring);
  EXPECT_NE(second[1].ring, first[1].ring);
  first.clear();
  rings.trim();
  EXPECT_EQ(rings.size(), 2u);
}

TEST(CompileL4, EqualPoolsShareOneRing) {
  auto config = test::config();
  config.pools[1].backends = config.pools[0].backends;
  RingCache rings;
  const auto states = pool_states(config, {}, rings).value();
  EXPECT_EQ(rings.built(), 1u);
  EXPECT_EQ(states[0].ring, states[1].ring);
}

TEST(CompileL4, WithoutADataplaneSectionThereIsNoPlan) {
  auto config = test::config();
  config.dataplane.reset();
  RingCache rings;
  const auto states = pool_states(config, {}, rings).value();
  const auto plan = compile_l4(config, states, 1);
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message.find("dataplane"), std::string::npos);
}

TEST(CompileL4, ARingSizeThatIsNoPrimeIsRefusedByThePoolsName) {
  auto config = test::config();
  config.pools[1].ring_size = 1000;
  RingCache rings;
  const auto state = pool_state(config, 1, {}, rings);
  ASSERT_FALSE(state);
  EXPECT_NE(state.error().message.find("dns"), std::string::npos);
}

}  // namespace
}  // namespace cardea::mgmt
