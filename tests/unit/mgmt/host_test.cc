#include "mgmt/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt {
namespace {

using Cpus = std::vector<uint16_t>;

TEST(Host, CpusAreReadAsLinuxListsThem) {
  EXPECT_EQ(cpus_of_list("0-1\n"), (Cpus{0, 1}));
  EXPECT_EQ(cpus_of_list("0,2-4,9\n"), (Cpus{0, 2, 3, 4, 9}));
  EXPECT_EQ(cpus_of_list("7"), (Cpus{7}));
  for (const char* bad : {"", "\n", "x", "3-1", "0,3-1", "1-", "-2", "70000"}) EXPECT_FALSE(cpus_of_list(bad)) << bad;
}

TEST(Host, ACpuThatIsNotThereIsAnErrorBesideItsSetting) {
  conf::Config config;
  config.l7.emplace().shards = {0, 77};
  config.l7->place.path = "l7";
  config.dataplane.emplace().workers = {1, 2};
  config.dataplane->place.path = "dataplane";
  const auto findings = look_at_cpus(config, {0, 1});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].place.path, "dataplane.workers");
  EXPECT_EQ(findings[0].message, "this host has no CPU 2");
  EXPECT_EQ(findings[1].place.path, "l7.shards");
  EXPECT_EQ(findings[1].message, "this host has no CPU 77");
  EXPECT_EQ(findings[1].expected, "CPUs among 0 to 1");
  EXPECT_EQ(findings[1].level, conf::Finding::error);
  EXPECT_EQ(look_at_cpus(config, {0, 2, 77})[0].expected, "CPUs among 0, 2, 77");
  EXPECT_TRUE(look_at_cpus(config, {0, 1, 2, 77}).empty());
}

TEST(Host, CachesLargerThanItsMemoryAreAWarning) {
  conf::Config config;
  EXPECT_TRUE(look_at_memory(config, 1).empty());
  config.caches = {{.place = {"", 0, "caches[0]"}, .name = "a", .memory = 3'000'000'000},
                   {.place = {"", 0, "caches[1]"}, .name = "b", .memory = 6'000'000'000}};
  EXPECT_TRUE(look_at_memory(config, 9'000'000'000).empty());
  const auto findings = look_at_memory(config, 8'999'999'999);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].place.path, "caches[1].memory");
  EXPECT_EQ(findings[0].message, "the caches together may grow to 9.0 GB, and this host has 9.0 GB of memory");
  config.caches[0].memory = config.caches[1].memory = UINT64_MAX;
  EXPECT_EQ(look_at_memory(config, 1).size(), 1u);
}

TEST(Host, AGroupAndALogFolderThatAreNotThereAreWarnings) {
  conf::Config config;
  config.mgmt.api_group = "no-such-group-here";
  config.l7.emplace().access_log = "/nonexistent/folder/access.log";
  config.l7->place.path = "l7";
  conf::Findings findings;
  look_at_host(config, Look::kInside, findings);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].place.path, "mgmt.api_group");
  EXPECT_EQ(findings[1].place.path, "l7.access_log");
  for (const auto& finding : findings) EXPECT_EQ(finding.level, conf::Finding::warning);
  config.mgmt.api_group = "root";
  findings.clear();
  for (const char* good : {"", "stderr", "/access.log"}) {
    config.l7->access_log = good;
    look_at_host(config, Look::kInside, findings);
  }
  EXPECT_TRUE(findings.empty());
}

TEST(Host, WhatRunsHereIsSeen) {
  conf::Config config;
  config.l7.emplace().shards = {4095};
  conf::Findings findings;
  look_at_host(config, Look::kWhetherThere, findings);
  EXPECT_EQ(findings.size(), 1u);
}

TEST(Host, BackendsThatNothingLeadsToAreAWarningForEachPool) {
  conf::Config config = test::config();
  config.pools[0].backends = {test::backend("10.0.0.11:80"), test::backend("192.0.2.77:80"),
                              test::backend("10.9.0.1:80"), test::backend("10.9.0.2:80")};
  config.pools[0].backends[2].place.path = "pools[0].backends[2]";
  const auto knows_ten = [](const IpAddress& to) { return Prefix::parse("10.0.0.0/24").value().contains(to); };
  const auto findings = look_at_ways(config, knows_ten);
  ASSERT_EQ(findings.size(), 1u) << "192.0.2.77 is on a port's network";
  EXPECT_EQ(findings[0].level, conf::Finding::warning);
  EXPECT_EQ(findings[0].place.path, "pools[0].backends[2].address");
  EXPECT_EQ(findings[0].message,
            "this host has no route to 10.9.0.1 and 1 more of the pool: what is sent there is lost");
  config.dataplane.reset();
  EXPECT_THAT(look_at_ways(config, knows_ten)[0].message,
              ::testing::StartsWith("this host has no route to 192.0.2.77"));
}

TEST(LookAtSharedInterfaces, NamesThoseThatCarryLessThanTheirPort) {
  conf::Config config = test::config();
  conf::Port& port = config.dataplane->ports[0];
  port.device = "net_af_xdp,iface=eth1", port.mtu = 9000, port.place.path = "dataplane.ports[0]";
  const auto mtu_of = [](const std::string& interface) {
    return interface == "eth1" ? std::optional<uint32_t>(1500) : std::nullopt;
  };
  const auto findings = look_at_shared_interfaces(config, mtu_of);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].level, conf::Finding::hint);
  EXPECT_EQ(findings[0].place.path, "dataplane.ports[0].mtu");
  EXPECT_THAT(findings[0].message, ::testing::HasSubstr("eth1 has an MTU of 1500, less than the port's 9000: the dataplane raises it"));
  port.kernel = conf::PortKernel::kTap;
  EXPECT_TRUE(look_at_shared_interfaces(config, mtu_of).empty()) << "nobody else uses that one";
  port.kernel.reset(), port.mtu = 1500;
  EXPECT_TRUE(look_at_shared_interfaces(config, mtu_of).empty());
}

}  // namespace
}  // namespace cardea::mgmt
