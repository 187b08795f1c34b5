// The control thread's turns over workers on rings and an interface in a network of the test's own: what it publishes
// behind what routers and the kernel say, and what becomes of packets that wait for a neighbour.
#include "dataplane/control/control.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <rte_mbuf.h>

#include <cstdlib>
#include <optional>

#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/dataplane/own_network.h"
#include "tests/unit/dataplane/workers_on_rings.h"
#include "tests/unit/dataplane/xdp/loaded_program.h"

namespace cardea::dataplane::test {
namespace {

using namespace std::chrono_literals;

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}

// eth9 of the test's network, in the TAP's place.
class Side : public KernelSide {
 public:
  int index() const override { return int(::if_nametoindex("eth9")); }
  int descriptor(uint32_t) const override { return -1; }
  Reason give(uint32_t, std::span<const iovec>) override { return Reason::kNone; }
  bool takes_large() const override { return false; }
  Result<> set_carrier(bool) override { return {}; }
  Result<bool> keep_mac() override { return false; }
};

struct OnControl : testing::Test {
  explicit OnControl(bool shared = false) : now(monotonic_now()) {
    image::PlanT plan = plan_of({});
    if (shared) plan.ports[0]->device = "net_af_xdp,iface=eth9";
    site.running.first_plan = build_live_plan(packed(plan), *site.running.registry).value();
    if (shared) share();
    site.running.sides.push_back(std::make_unique<Side>());
    control = Control::start(site.running, server, L7Attachments::listen(folder.file("door.sock")).value()).value();
    turn();
  }
  void share() {
    program.emplace();
    site.running.ports[0].device.interface = "eth9";
    ASSERT_TRUE(site.running.shared.fill(0, program->fd(), *site.running.first_plan));
    const std::string names[] = {"wan"};
    ASSERT_TRUE(site.running.shared.add_rows(*site.running.segment, names));
  }
  void turn() { ASSERT_TRUE(control->turn(now)); }
  void neighbour(const char* words) {
    ASSERT_EQ(std::system((std::string("ip neighbour replace 10.0.0.11 dev eth9 ") + words).c_str()), 0);
    turn();
  }

  uint32_t generation() const { return site.running.hops->load()->generation; }
  uint16_t mtu_to(const char* destination) const {
    const HopTable& hops = *site.running.hops->load();
    const HopId hop = hops.routes.lookup(address(destination));
    return hop == kNoHop ? uint16_t{0} : hops.hops[hop].mtu;
  }
  uint16_t mtu_to_slot(SlotId slot) const {
    const HopTable& hops = *site.running.hops->load();
    return hops.hops.at(hops.slot_hops.at(slot)).mtu;
  }
  void tell(const char* source, const char* destination, uint16_t mtu) {
    site.running.rings->workers[0]->told.push({address(source), address(destination), mtu});
    turn();
  }
  void let_wait(int packets) {
    for (; packets > 0; --packets) {
      rte_mbuf* waits = packet(Frame(60));
      ASSERT_TRUE(site.running.rings->workers[0]->waiting.push({waits, address("10.0.0.11"), 0}));
    }
    turn();
  }
  uint64_t drops(Reason reason) const { return site.drops(site.running.control_core(), reason); }

  const OwnNetwork network;
  std::optional<xdp::test::LoadedProgram> program;  // of the interface, where that is shared
  const ScratchFolder folder;
  cardea::control::PlanServer server = cardea::control::PlanServer::listen(folder.file("dataplane.sock")).value();
  WorkersOnRings site{{}, 1, {{}}};
  Instant now;
  std::unique_ptr<Control> control;
};

// ---- what routers say about tunnels

TEST_F(OnControl, ANarrowWayIsInTheHopsAtOnceAndAsLongAsItIsBelieved) {
  ASSERT_EQ(mtu_to("10.0.0.11"), 1500) << "the address of the port makes its network known";
  tell("10.0.0.1", "10.0.0.11", 1300);
  EXPECT_EQ(mtu_to("10.0.0.11"), 1300);
  EXPECT_EQ(mtu_to_slot(0), 1300) << "and in what workers look up for a backend";
  EXPECT_EQ(mtu_to("10.0.0.12"), 1500);
  tell("fd00::1", "fd00::11", 1400);
  EXPECT_EQ(mtu_to("fd00::11"), 1400);
  now += PathMtus::kLife - 1s;
  turn();
  EXPECT_EQ(mtu_to_slot(0), 1300);
  now += 2s;
  turn();
  EXPECT_EQ(mtu_to("10.0.0.11"), 1500);
  EXPECT_EQ(mtu_to("fd00::11"), 1500);
  EXPECT_EQ(mtu_to_slot(0), 1500);
}

TEST_F(OnControl, WhatIsSaidOfNoTunnelOfOursChangesNothing) {
  const uint32_t before = generation();
  for (const auto& [source, destination] : std::initializer_list<std::pair<const char*, const char*>>{
           {"10.0.0.2", "10.0.0.11"},       // another host's
           {"10.0.0.1", "10.0.0.200"},      // no backend
           {"10.0.0.2", "10.0.0.200"},      // neither
           {"fd00::2", "fd00::11"},         // the same of IPv6
           {"fd00::1", "fd00::200"},        //
           {"203.0.113.2", "10.0.0.11"},    // a service's address is no tunnel's
           {"10.0.0.1", "203.0.113.2"}}) {  //
    tell(source, destination, 1300);
    EXPECT_NE(mtu_to(destination), 1300) << source << " " << destination;
  }
  EXPECT_EQ(generation(), before);
  tell("10.0.0.1", "10.0.0.11", 1300);
  EXPECT_EQ(generation(), before + 1);
  tell("10.0.0.1", "10.0.0.11", 1400);
  EXPECT_EQ(generation(), before + 1) << "narrower is known";
}

// ---- packets that wait for a neighbour

TEST_F(OnControl, WhatWaitsLeavesByTheWorkerThatSendsThereOnceTheNeighbourIsKnown) {
  let_wait(2);
  EXPECT_TRUE(site.running.rings->workers[0]->outbox.empty());
  neighbour("lladdr 02:00:00:00:00:77");
  site.turn();
  const std::vector<Frame> frames = site.left();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0][5], std::byte{0x77});
  EXPECT_EQ(frames[0][11], std::byte{1}) << "the port's address";
  EXPECT_EQ(site.counted(0, site.of_port().packets_out), 2u);
}

TEST_F(OnControl, WhatTheSendersRingDoesNotTakeIsLost) {
  PacketRing& outbox = site.running.rings->workers[0]->outbox;
  rte_mbuf* filling = packet(Frame(60));
  while (outbox.push(&filling, 1) == 1) filling = packet(Frame(60));
  rte_pktmbuf_free(filling);
  const uint32_t before = rte_mempool_in_use_count(packet_pool());
  let_wait(3);
  neighbour("lladdr 02:00:00:00:00:77");
  EXPECT_EQ(drops(Reason::k_tx_full), 3u);
  EXPECT_EQ(rte_mempool_in_use_count(packet_pool()), before);
  for (rte_mbuf* one = nullptr; outbox.pop(&one, 1) == 1;) rte_pktmbuf_free(one);
}

TEST_F(OnControl, WhatWaitsForNobodyIsLostAndCounted) {
  let_wait(int(WaitingPackets::kHopMax) + 5);
  EXPECT_EQ(drops(Reason::k_neighbour_queue_full), 5u);
  now += WaitingPackets::kPatience;
  turn();
  EXPECT_EQ(drops(Reason::k_neighbour_failed), WaitingPackets::kHopMax);
  EXPECT_TRUE(site.running.rings->workers[0]->outbox.empty());
}

// ---- the kernel's routes

TEST_F(OnControl, ARouteThatComesOrGoesIsInTheHops) {
  EXPECT_EQ(mtu_to("198.51.100.7"), 0);
  ASSERT_EQ(std::system("ip route add 198.51.100.0/24 via 10.0.0.254 dev eth9"), 0);
  now += 1s;
  turn();
  EXPECT_EQ(mtu_to("198.51.100.7"), 1500);
  ASSERT_EQ(std::system("ip route del 198.51.100.0/24"), 0);
  turn();
  EXPECT_EQ(mtu_to("198.51.100.7"), 1500) << "read again in a while";
  now += 50ms;
  turn();
  EXPECT_EQ(mtu_to("198.51.100.7"), 0);
}

// ---- an interface that is shared with the kernel

struct OnSharedInterface : OnControl {
  OnSharedInterface() : OnControl(true) {}

  static bool has(const char* address) {
    return std::system((std::string("ip -o address show dev eth9 | grep -q ' ") + address + " '").c_str()) == 0;
  }
};

TEST_F(OnSharedInterface, WhatSomebodyTakesOffItIsSetAgainOnceHeIsDone) {
  ASSERT_TRUE(has("10.0.0.1/24") && has("fd00::1/64"));
  now += 1s;
  turn();
  ASSERT_EQ(std::system("ip address flush dev eth9"), 0);
  turn();
  EXPECT_FALSE(has("10.0.0.1/24") || has("fd00::1/64"));
  now += 199ms;
  turn();
  EXPECT_FALSE(has("10.0.0.1/24") || has("fd00::1/64"));
  now += 1ms;
  turn();
  EXPECT_TRUE(has("10.0.0.1/24") && has("fd00::1/64"));
  EXPECT_FALSE(has("192.0.2.2/24")) << "never ours";
}

TEST_F(OnSharedInterface, WhatLinuxTakesOffOneThatIsSetDownIsThereOnceItIsUp) {
  now += 1s;
  turn();
  ASSERT_EQ(std::system("ip link set eth9 down"), 0);
  ASSERT_FALSE(has("fd00::1/64"));
  turn();
  ASSERT_EQ(std::system("ip link set eth9 up"), 0);
  now += 1s;
  turn();
  EXPECT_TRUE(has("10.0.0.1/24") && has("fd00::1/64"));
}

}  // namespace
}  // namespace cardea::dataplane::test
