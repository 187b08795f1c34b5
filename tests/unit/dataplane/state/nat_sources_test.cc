// NAT addresses are known for as long as a plan or a flow uses them, and counted in a row of their own.
#include "dataplane/state/nat_sources.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace cardea::dataplane {
namespace {

struct Known {
  std::string path = fmt::format("/dev/shm/cardea-nat-sources-{}.stats", getpid());
  stats::Segment segment = stats::Segment::create(path, 3, 4096, 8192).value();
  NatSources sources{segment};
  ~Known() { unlink(path.c_str()); }

  int64_t rows() const {
    const auto snapshot = stats::read(path);
    return std::ranges::count_if(
        snapshot->samples, [](const stats::Sample& sample) { return sample.description.name == "cardea_nat_flows"; });
  }
  uint32_t cell(const char* address) {
    for (const NatSource& source : sources.known())
      if (source.address.text() == address) return source.flows;
    return 0;
  }
};

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}

TEST(NatSources, AreKnownOnceHoweverManyPortsNameThem) {
  Known k;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(k.sources.add(address("192.0.2.1")));
  EXPECT_TRUE(k.sources.add(address("2001:db8::1")));
  EXPECT_EQ(k.sources.size(), 2u);
  EXPECT_NE(k.cell("192.0.2.1"), k.cell("2001:db8::1"));
}

TEST(NatSources, StayWithTheirPlanOrTheirFlowsOfAnyCore) {
  Known k;
  for (const char* text : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) ASSERT_TRUE(k.sources.add(address(text)));
  stats::add(&k.segment.cells(2)[k.cell("192.0.2.2")], 1);
  const auto tidy = [&] {
    k.sources.forget_plan();
    k.sources.keep(address("192.0.2.1"));
    k.sources.free_unused();
  };
  tidy();
  EXPECT_EQ(k.sources.size(), 2u);
  EXPECT_NE(k.cell("192.0.2.1"), 0u);
  EXPECT_NE(k.cell("192.0.2.2"), 0u) << "a flow has it";
  EXPECT_EQ(k.rows(), 2);
  stats::add(&k.segment.cells(2)[k.cell("192.0.2.2")], ~uint64_t{0});
  tidy();
  EXPECT_EQ(k.sources.size(), 1u);
  EXPECT_EQ(k.rows(), 1) << "its row is gone with it";
}

TEST(NatSources, TooManyAreRefused) {
  Known k;
  for (uint32_t i = 0; i < NatSources::kMax; ++i) ASSERT_TRUE(k.sources.add(IpAddress::v4(0x0a000000 + i))) << i;
  const auto refused = k.sources.add(IpAddress::v4(1));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("1024 NAT addresses"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(k.sources.add(IpAddress::v4(0x0a000000))) << "known already";
}

}  // namespace
}  // namespace cardea::dataplane
