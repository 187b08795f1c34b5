#include "dataplane/state/slots.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace cardea::dataplane {
namespace {

struct Registry {
  std::string path = fmt::format("/dev/shm/cardea-slots-test-{}", getpid());
  stats::Segment segment = stats::Segment::create(path, 2, 64, 128).value();
  SlotRegistry slots{segment, 2, 3};
  ~Registry() { unlink(path.c_str()); }
};

SlotIdentity backend(uint32_t number, const char* pool = "web") {
  return {pool, fmt::format("10.0.0.{}:80", number), {IpAddress::v4(0x0a000000 + number), 80}};
}

TEST(SlotRegistry, TheSameBackendKeepsItsSlotAndTheSameAddressInAnotherPoolIsAnotherBackend) {
  Registry r;
  const SlotId first = r.slots.slot(backend(1)).value();
  EXPECT_EQ(r.slots.slot(backend(1)).value(), first);
  EXPECT_NE(r.slots.slot(backend(1, "api")).value(), first);
  EXPECT_EQ(*r.slots.identity(first), backend(1));
  EXPECT_EQ(r.slots.identity(7), nullptr);
}

TEST(SlotRegistry, SaysWhichLimitIsReached) {
  Registry r;
  for (uint32_t i = 1; i <= 3; ++i) ASSERT_TRUE(r.slots.slot(backend(i)));
  const auto fourth = r.slots.slot(backend(4));
  ASSERT_FALSE(fourth);
  EXPECT_NE(fourth.error().message.find("raise dataplane.backends_max"), std::string::npos) << fourth.error().message;
  ASSERT_TRUE(r.slots.service("a"));
  ASSERT_TRUE(r.slots.service("b"));
  const auto third = r.slots.service("c");
  ASSERT_FALSE(third);
  EXPECT_NE(third.error().message.find("services_max"), std::string::npos) << third.error().message;
}

TEST(SlotRegistry, FreesWhatNoPlanAndNoFlowUses) {
  Registry r;
  const SlotId kept = r.slots.slot(backend(1)).value(), with_flows = r.slots.slot(backend(2)).value(),
               gone = r.slots.slot(backend(3)).value();
  stats::add(&r.segment.cells(1)[r.slots.slot_cells(with_flows).flows], 5);
  r.slots.forget_plan();
  r.slots.keep_slot(kept);
  EXPECT_EQ(r.slots.free_unused(), 1u);
  EXPECT_EQ(r.slots.identity(gone), nullptr);
  EXPECT_NE(r.slots.identity(with_flows), nullptr) << "its flows still name it";
  EXPECT_EQ(r.slots.slot(backend(9)).value(), gone) << "numbers are used again";
  stats::set(&r.segment.cells(1)[r.slots.slot_cells(with_flows).flows], 0);
  r.slots.keep_slot(gone);
  EXPECT_EQ(r.slots.free_unused(), 1u);
  EXPECT_EQ(r.slots.identity(with_flows), nullptr);
}

TEST(SlotRegistry, ANameThatMovedToAnotherEndpointKeepsItsRowsUntilBothAreGone) {
  Registry r;
  SlotIdentity moved = backend(1);
  moved.endpoint.port = 81;
  const SlotId before = r.slots.slot(backend(1)).value(), after = r.slots.slot(moved).value();
  ASSERT_NE(before, after);
  EXPECT_EQ(r.slots.slot_cells(before).packets_in, r.slots.slot_cells(after).packets_in);
  r.slots.forget_plan();
  r.slots.keep_slot(after);
  EXPECT_EQ(r.slots.free_unused(), 1u);
  stats::add(&r.segment.cells(0)[r.slots.slot_cells(after).packets_in], 4);
  const auto counted = [&] {
    const stats::Snapshot snapshot = stats::read(r.path).value();
    for (const auto& sample : snapshot.samples)
      if (sample.description.name == "cardea_backend_packets_total" && sample.value == 4) return true;
    return false;
  };
  EXPECT_TRUE(counted());
  r.slots.forget_plan();
  EXPECT_EQ(r.slots.free_unused(), 1u);
  EXPECT_FALSE(counted());
}

TEST(SlotRegistry, AGaugeThatMovedBetweenCoresCountsAsOne) {
  Registry r;
  const SlotId slot = r.slots.slot(backend(1)).value();
  stats::add(&r.segment.cells(0)[r.slots.slot_cells(slot).flows], 1);
  stats::add(&r.segment.cells(1)[r.slots.slot_cells(slot).flows], ~uint64_t{0});  // minus one
  r.slots.forget_plan();
  EXPECT_EQ(r.slots.free_unused(), 1u);
}

TEST(SlotRegistry, RowsCarryTheOperatorsNamesEscaped) {
  Registry r;
  const ServiceId id = r.slots.service("we\"b").value();
  stats::add(&r.segment.cells(0)[r.slots.service_cells(id).packets_in], 3);
  const auto snapshot = stats::read(r.path).value();
  bool found = false;
  for (const auto& sample : snapshot.samples)
    if (sample.description.name == "cardea_service_packets_total" &&
        sample.description.labels == "service=\"we\\\"b\",direction=\"in\"")
      found = sample.value == 3;
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace cardea::dataplane
