#include "mgmt/metrics/losses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/stats.h"
#include "mgmt/cli/losses.h"
#include "tests/unit/base/scratch_folder.h"

namespace cardea::mgmt::metrics {
namespace {

using stats::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Losses, AreThoseThatHappenedTheMostFrequentFirst) {
  const ScratchFolder folder;
  auto segment = stats::Segment::create(folder.file("a.stats"), 2, 64, 256).value();
  const auto count = [&](const char* name, const char* labels, uint64_t core0, uint64_t core1) {
    const auto row = segment.add({Kind::kCounter, name, "", labels, ""}).value();
    stats::add(segment.cell(0, row), core0);
    stats::add(segment.cell(1, row), core1);
  };
  count("cardea_drops_total", "reason=\"no_nat_port\"", 30'000, 3'000);
  count("cardea_drops_total", "reason=\"ttl_expired\"", 0, 0);
  count("cardea_drops_total", "reason=\"too_big\"", 1, 0);
  count("cardea_port_missed_packets_total", "port=\"lan\"", 260'960, 0);
  count("cardea_port_packets_total", "port=\"lan\"", 5, 0);
  count("cardea_l7_memory_refused_total", "", 2, 2);
  EXPECT_THAT(
      losses({folder.file("a.stats"), folder.file("not.there")}),
      ElementsAre(Loss{"packets missed by port", "lan", 260'960}, Loss{"packets dropped", "no_nat_port", 33'000},
                  Loss{"requests refused for want of buffers", "", 4}, Loss{"packets dropped", "too_big", 1}));
  EXPECT_THAT(losses({}), IsEmpty());
}

// What the dataplane can run out of, each with its number in the segment.
TEST(Losses, HaveALineForEachQueueOfTheDoorAndEachLimitOfTheDataplane) {
  const ScratchFolder folder;
  auto segment = stats::Segment::create(folder.file("a.stats"), 1, 64, 256).value();
  const std::pair<const char*, const char*> rows[] = {{"cardea_drops_total", "reason=\"door_host_full\""},
                                                      {"cardea_drops_total", "reason=\"door_full\""},
                                                      {"cardea_drops_total", "reason=\"door_rest_full\""},
                                                      {"cardea_conversations_forgotten_total", ""},
                                                      {"cardea_fragmented_datagrams_evicted_total", ""},
                                                      {"cardea_neighbours_refused_total", ""},
                                                      {"cardea_flows_evicted_total", ""},
                                                      {"cardea_nat_ports_taken_total", ""},
                                                      {"cardea_flow_table_bypassed_packets_total", ""},
                                                      {"cardea_kernel_packets_lost_total", "direction=\"from\""}};
  for (const auto& [name, labels] : rows)
    stats::add(segment.cell(0, segment.add({Kind::kCounter, name, "", labels, ""}).value()), 1);
  const auto shown = losses({folder.file("a.stats")});
  EXPECT_EQ(shown.size(), std::size(rows));
  for (const char* door : {"door_host_full", "door_full", "door_rest_full"})
    EXPECT_THAT(shown, testing::Contains(Loss{"packets dropped", door, 1}));
}

nlohmann::json status(uint64_t dropped, uint64_t lines) {
  nlohmann::json losses = nlohmann::json::array();
  if (dropped > 0) losses.push_back({{"what", "packets dropped"}, {"detail", "no_nat_port"}, {"count", dropped}});
  if (lines > 0) losses.push_back({{"what", "lines of the access log lost"}, {"detail", nullptr}, {"count", lines}});
  return {{"losses", losses}};
}

TEST(Losses, AreShownOnTheStatusScreenAndNotWhenThereAreNone) {
  EXPECT_EQ(cli::losses_text(status(0, 0), false), "");
  EXPECT_EQ(cli::losses_text(status(33'000, 4), false),
            "lost       33 000 packets dropped: no_nat_port\n           4 lines of the access log lost\n");
}

TEST(Losses, TheStatusScreenHasRoomForTen) {
  nlohmann::json many = {{"losses", nlohmann::json::array()}};
  for (int i = 0; i < 12; ++i) many["losses"].push_back({{"what", "x"}, {"detail", std::to_string(i)}, {"count", 1}});
  EXPECT_THAT(cli::losses_text(many, false), HasSubstr("and 2 kinds more"));
}

TEST(Losses, TopShowsWhatIsBeingLost) {
  EXPECT_EQ(cli::losses_a_second(status(5, 4), status(5, 4), 1, false), "") << "nothing is now";
  EXPECT_EQ(cli::losses_a_second(status(1000, 4), status(3000, 4), 2, false),
            "lost  1 000/s packets dropped: no_nat_port\n");
  EXPECT_EQ(cli::losses_a_second(status(5000, 0), status(10, 0), 1, false), "lost  10/s packets dropped: no_nat_port\n")
      << "a process that began anew counts from 0";
}

}  // namespace
}  // namespace cardea::mgmt::metrics
