// Plans that must be refused, each with the sentence that an operator will read, and what plans and updates become.
#include "dataplane/state/live_plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/maglev.h"
#include "tests/packets/site.h"

namespace cardea::dataplane {
namespace {

using test::packed;
using test::plan_of;
using test::pool_update;

struct Refusal {
  const char* what;
  void (*spoil)(image::PlanT&);
  const char* sentence;  // part of it
};

void relisten(image::PlanT& plan, uint16_t port, image::Protocol protocol) {
  image::Listen& listen = plan.services[0]->listen[0];
  listen = {listen.address(), port, protocol};
}

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithASentenceThatNamesTheCause) {
  test::Site site;
  image::PlanT plan = plan_of({});
  GetParam().spoil(plan);
  const auto built = build_live_plan(packed(plan), *site.registry);
  ASSERT_FALSE(built) << GetParam().what;
  EXPECT_NE(built.error().message.find(GetParam().sentence), std::string::npos) << built.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Plans, Refused,
    testing::Values(
        Refusal{"schema", [](auto& p) { p.schema = 99; }, "it is of schema 00000063"},
        Refusal{"empty ring", [](auto& p) { p.pools[0]->ring.clear(); }, "the ring of pool \"v4\" has 0 slots"},
        Refusal{"ring beyond", [](auto& p) { p.pools[0]->ring[5] = 4; },
                "slot 5 of the ring of pool \"v4\" names backend 4, but there are 4"},
        Refusal{"pool twice", [](auto& p) { p.pools[1]->name = "v4"; }, "pool \"v4\" is there twice"},
        Refusal{"backend twice", [](auto& p) { p.pools[0]->backends[1]->name = p.pools[0]->backends[0]->name; },
                "has backend \"10.0.0.11:8080\" twice"},
        Refusal{"backend state", [](auto& p) { p.pools[0]->backends[1]->state = image::BackendState(9); },
                "has an unknown state"},
        Refusal{"backend port", [](auto& p) { p.pools[0]->backends[1]->port = 0; }, "has port 0"},
        Refusal{"backends_max", [](auto& p) { p.settings->backends_max = 7; },
                "8 backends, but dataplane.backends_max is 7"},
        Refusal{"door shut", [](auto& p) { p.settings->door_rate = 0; }, "a door that lets nothing in"},
        Refusal{"door ports", [](auto& p) { p.settings->door_ports.resize(65); }, "65 ports of the host"},
        Refusal{"backends_max beyond", [](auto& p) { p.settings->backends_max = 2'000'000; },
                "dataplane.backends_max of 2000000"},
        Refusal{"services_max", [](auto& p) { p.settings->services_max = 3; },
                "6 services, but dataplane.services_max is 3"},
        Refusal{"service twice", [](auto& p) { p.services[1]->name = "nat4"; }, "service \"nat4\" is there twice"},
        Refusal{"forward", [](auto& p) { p.services[1]->forward = image::Forward::none; },
                "service \"nat6\" has an unknown way of forwarding"},
        Refusal{"pool index", [](auto& p) { p.services[1]->pool = 2; },
                "service \"nat6\" names pool 2, but there are 2"},
        Refusal{"listen port", [](auto& p) { relisten(p, 0, image::Protocol::tcp); },
                "listens on a port or protocol that does not exist"},
        Refusal{"listen protocol", [](auto& p) { relisten(p, 80, image::Protocol(7)); },
                "listens on a port or protocol that does not exist"},
        Refusal{"listens twice", [](auto& p) { p.services[2]->listen = p.services[0]->listen; },
                "service \"tunnel4\" listens on 203.0.113.1:80, and so does another"},
        Refusal{"no workers", [](auto& p) { p.settings->workers.clear(); }, "0 workers"},
        Refusal{"no ports", [](auto& p) { p.ports.clear(); }, "0 ports; 1 to 32 are possible"},
        Refusal{"no flows", [](auto& p) { p.settings->flows = 0; }, "0 flows; up to 100M a worker are possible"},
        Refusal{"flows beyond", [](auto& p) { p.settings->flows = 100'000'001; }, "100000001 flows"},
        Refusal{"nat ports", [](auto& p) { p.settings->nat_port_first = 9, p.settings->nat_port_last = 8; },
                "NAT ports 9 to 8"},
        Refusal{"poll", [](auto& p) { p.settings->poll = image::Poll(8); }, "an unknown way to poll"},
        Refusal{"timeout", [](auto& p) { p.settings->udp_timeout_ms = 0; }, "a flow timeout of 0 ms"},
        Refusal{"prefix",
                [](auto& p) {
                  p.ports[0]->addresses[0] = {p.ports[0]->addresses[0].address(), 33};
                },
                "port \"wan\" has an address with prefix length 33"},
        Refusal{"floating",
                [](auto& p) {
                  p.settings->floating = {{p.ports[0]->addresses[0].address(), 33}};
                },
                "floating addresses with prefix length 33"}),
    [](const auto& row) {
      std::string name = row.param.what;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

TEST(LivePlan, DamagedBytesAreNotAPlan) {
  test::Site site;
  const std::vector<std::byte> good = packed(plan_of({}));
  EXPECT_FALSE(build_live_plan({}, *site.registry));
  const auto cut = build_live_plan(Bytes(good).first(good.size() / 2), *site.registry);
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().message.find("damaged"), std::string::npos) << cut.error().message;
  auto other = good;
  other[4] = std::byte{'X'};
  EXPECT_NE(build_live_plan(other, *site.registry).error().message.find("identifier"), std::string::npos);
}

TEST(LivePlan, KeepsNumbersOverPlansAndLetsTcpOfLeftOversGoOn) {
  test::Site site;
  const SlotId first = site.plan->pools[0]->backends[0].slot, second = site.plan->pools[0]->backends[1].slot;
  stats::add(&site.worker.cells[site.plan->slots[first].cells.flows], 1);
  image::PlanT next = plan_of({.backends = 1});
  next.pools[0]->backends[0]->name = "10.0.0.12:8080";
  next.pools[0]->backends[0]->address = std::make_unique<image::Address>(*plan_of({}).pools[0]->backends[1]->address);
  const auto plan = build_live_plan(packed(next), *site.registry).value();
  EXPECT_EQ(plan->pools[0]->backends[0].slot, second);
  EXPECT_EQ(plan->pools[0]->ring[0], second);
  ASSERT_LT(first, plan->slots.size());
  EXPECT_EQ(plan->slots[first].address, IpAddress::parse("10.0.0.11").value()) << "its flows go on";
  EXPECT_FALSE(plan->slots[first].keeps_old) << "what can choose again does";
  site.registry->forget_plan();
  keep(*plan, *site.registry);
  site.registry->free_unused();
  EXPECT_NE(site.registry->identity(first), nullptr);
}

TEST(LivePlan, AnUpdateReplacesItsPoolsAndSharesTheOthers) {
  test::Site site;
  const auto before = site.plan->pools[1];
  const auto listens = site.plan->listen_table;
  site.update(pool_update("v4", 4, image::BackendState::drain));
  EXPECT_EQ(site.plan->pools[1], before);
  EXPECT_EQ(site.plan->listen_table, listens);
  EXPECT_EQ(site.plan->pools[0]->ring[0], kNoSlot);
  const LiveSlot& slot = site.plan->slots[site.plan->pools[0]->backends[0].slot];
  EXPECT_TRUE(slot.keeps_old);
}

TEST(LivePlan, AnUpdateWithoutABackendKeepsNothingOfItButTcp) {
  test::Site site;
  const SlotId gone = site.plan->pools[0]->backends[3].slot, stays = site.plan->pools[0]->backends[0].slot;
  site.update(pool_update("v4", 3, image::BackendState::up));
  EXPECT_FALSE(site.plan->slots[gone].keeps_old);
  EXPECT_EQ(site.plan->slots[gone].family, 4) << "its connections are still forwarded";
  EXPECT_TRUE(site.plan->slots[stays].keeps_old);
}

TEST(LivePlan, UpdatesThatDoNotFitAreRefused) {
  test::Site site;
  const auto message = [&](const image::PoolUpdateT& update) {
    const auto made = update_pools(*site.plan, packed(update), *site.registry);
    return made ? std::string() : made.error().message;
  };
  auto update = pool_update("v4", 4, image::BackendState::up);
  update.generation = 6;
  EXPECT_EQ(message(update), "the update is for generation 6, but 7 is running");
  update = pool_update("v4", 4, image::BackendState::up);
  update.schema = 5;
  EXPECT_NE(message(update).find("it is of schema 00000005"), std::string::npos);
  update = pool_update("other", 4, image::BackendState::up);
  EXPECT_EQ(message(update), "the running plan has no pool \"other\"");
  update = pool_update("v4", 4, image::BackendState::up);
  update.pools[0]->ring[0] = 77;
  EXPECT_NE(message(update).find("names backend 77"), std::string::npos);
  EXPECT_FALSE(update_pools(*site.plan, packed(plan_of({})), *site.registry)) << "a plan is not an update";
}

struct Restart {
  const char* setting;
  void (*change)(image::PlanT&);
};

class NeedsRestart : public testing::TestWithParam<Restart> {};

TEST_P(NeedsRestart, IsSaidByTheSettingsName) {
  test::Site site;
  image::PlanT next = plan_of({});
  GetParam().change(next);
  const auto plan = build_live_plan(packed(next), *site.registry);
  ASSERT_TRUE(plan) << plan.error().message;
  const auto ok = check_reloadable(*site.plan, **plan);
  ASSERT_FALSE(ok);
  EXPECT_EQ(ok.error().message, fmt::format("restart cardea-dataplane to change {}", GetParam().setting));
  EXPECT_EQ(ok.error().origin, Origin::kOperator);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, NeedsRestart,
    testing::Values(Restart{"dataplane.workers",
                            [](auto& p) {
                              p.settings->workers = {0, 1};
                            }},
                    Restart{"dataplane.flows", [](auto& p) { p.settings->flows = 2048; }},
                    Restart{"dataplane.poll", [](auto& p) { p.settings->poll = image::Poll::busy; }},
                    Restart{"cluster.seed", [](auto& p) { p.hash_key_0 += 1; }},
                    Restart{"dataplane.nat.port_first", [](auto& p) { p.settings->nat_port_first = 2000; }},
                    Restart{"dataplane.nat.port_last", [](auto& p) { p.settings->nat_port_last = 9999; }},
                    Restart{"dataplane.services_max", [](auto& p) { p.settings->services_max = 10; }},
                    Restart{"dataplane.backends_max", [](auto& p) { p.settings->backends_max = 10; }},
                    Restart{"dataplane.neighbours_max", [](auto& p) { p.settings->neighbours_max = 10; }},
                    Restart{"dataplane.ports", [](auto& p) { p.ports[0]->mtu = 9000; }},
                    Restart{"dataplane.ports", [](auto& p) { p.ports[0]->kernel = image::KernelSide::device; }}));

TEST(LivePlan, OtherChangesNeedNoRestart) {
  test::Site site;
  image::PlanT next = plan_of({.backends = 2});
  next.services.pop_back();
  next.settings->udp_timeout_ms = 5;
  const auto plan = build_live_plan(packed(next), *site.registry);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(check_reloadable(*site.plan, **plan));
}

}  // namespace
}  // namespace cardea::dataplane
