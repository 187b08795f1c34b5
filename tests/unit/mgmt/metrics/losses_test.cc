#include "mgmt/metrics/losses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

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
      losses({folder.file("a.stats"), folder.file("not.there")}, {}),
      ElementsAre(Loss{"packets missed by port", "lan", 260'960}, Loss{"packets dropped", "no_nat_port", 33'000},
                  Loss{"requests refused for want of buffers", "", 4}, Loss{"packets dropped", "too_big", 1}));
  EXPECT_THAT(losses({}, {}), IsEmpty());
}

TEST(Losses, OfTheHealthChecksAreAmongThem) {
  health::Counters checks{
      .targets = 9, .probes_running = 8, .probes_started = 7, .probes_passed = 6, .probes_failed = 5};
  EXPECT_THAT(losses({}, checks), IsEmpty()) << "a backend that fails its checks is no loss of ours";
  checks.without_way = 108;
  EXPECT_THAT(losses({}, checks), IsEmpty()) << "the dataplane was not there yet: every healthy start";
  checks.own_failures = 3, checks.probes_postponed = 4;
  EXPECT_THAT(losses({}, checks), ElementsAre(Loss{"health checks that waited for a socket", "", 4},
                                              Loss{"health checks that this host could not make", "", 3}));
}

// Counters whose steps cost nobody anything that was not his own doing: work done, and others' faults.
const std::set<std::string_view> kNoLosses = {
    "cardea_l7_pool_moved_total", "cardea_l7_pool_panic_requests_total", "cardea_l7_pool_backup_requests_total",
    "cardea_l7_pool_queued_total", "cardea_l7_backend_ejections_total", "cardea_backend_bytes_total",
    "cardea_backend_flows_total", "cardea_backend_packets_total", "cardea_service_bytes_total",
    "cardea_service_flows_total", "cardea_service_packets_total", "cardea_port_bytes_total",
    "cardea_port_packets_total", "cardea_kernel_packets_total", "cardea_checksums_finished_total",
    "cardea_core_busy_nanoseconds_total", "cardea_core_sleeping_nanoseconds_total", "cardea_core_wakeups_total",
    "cardea_fragments_joined_total", "cardea_fragments_made_total", "cardea_handed_over_packets_total",
    "cardea_l7_door_attached_total", "cardea_l7_door_bytes_total", "cardea_l7_door_packets_total",
    "cardea_shared_packets_total", "cardea_plans_adopted_total", "cardea_l7_plans_adopted_total",
    // `status` says it in words, and what ran runs on
    "cardea_plans_refused_total", "cardea_l7_plans_refused_total", "cardea_l7_backend_connects_total",
    "cardea_l7_backend_requests_total", "cardea_l7_backend_responses_total", "cardea_l7_backend_retries_total",
    "cardea_l7_backend_reused_total",
    // backends' faults: shown beside each backend
    "cardea_l7_backend_connect_failures_total", "cardea_l7_backend_failures_total",
    // clients' faults: shown beside each service
    "cardea_l7_compressed_bytes_total", "cardea_l7_compressed_responses_total", "cardea_l7_rate_limit_limited_total",
    "cardea_l7_service_auth_asks_total", "cardea_l7_service_auth_passed_total", "cardea_l7_service_auth_refused_total",
    "cardea_l7_service_waf_inspected_total", "cardea_l7_service_waf_blocked_total", "cardea_l7_service_waf_detected_total",
    "cardea_l7_service_waf_microseconds_total",
    "cardea_l7_service_denied_total", "cardea_l7_service_unauthorized_total", "cardea_l7_service_bad_requests_total",
    "cardea_l7_service_tls_failures_total", "cardea_l7_service_bytes_total", "cardea_l7_service_connections_total",
    "cardea_l7_service_requests_total", "cardea_l7_service_responses_total", "cardea_l7_service_tls_handshakes_total",
    "cardea_l7_service_tls_resumed_total", "cardea_l7_route_requests_total", "cardea_l7_route_responses_total",
    "cardea_l7_trailers_dropped_total",  // RFC 9110 6.5.1 wants it
    "cardea_l7_rate_limit_connections_refused_total", "cardea_l7_rate_limit_blocks_total", "cardea_blocks_refused_total",
    "cardea_l7_service_bodies_buffered_total", "cardea_l7_service_bodies_unbuffered_total", "cardea_l7_service_mirrored_total", "cardea_l7_ocsp_fetches_total", "cardea_l7_file_waits_total", "cardea_l7_files_kept_total", "cardea_l7_service_early_hints_total",
    // what a network does to TCP, and strangers: each has a name
    "cardea_l7_tcp_events_total",
    // a cache that is full is a cache at work
    "cardea_l7_cache_evicted_total", "cardea_l7_cache_purged_total", "cardea_l7_cache_refused_total",
    "cardea_l7_cache_renewals_total", "cardea_l7_cache_requests_total", "cardea_l7_cache_stored_total",
    "cardea_l7_log_lines_total", "cardea_l7_shard_busy_nanoseconds_total", "cardea_l7_shard_sleeping_nanoseconds_total",
    "cardea_backend_checks_total", "cardea_health_without_way_total", "cardea_config_rings_built_total"};

using Names = std::set<std::string>;

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Whatever a source file can register: a counter's name is written out there, and every counter's name ends in _total.
// Rows of L4's services and backends leave the first words to the table that makes them.
void add_counters(const std::string& text, Names& names) {
  static const std::regex name("\"([a-z0-9_]+_total)\"");
  for (auto at = std::sregex_iterator(text.begin(), text.end(), name); at != std::sregex_iterator(); ++at) {
    const std::string found = (*at)[1];
    if (found.starts_with("cardea_")) {
      names.insert(found);
    } else {
      names.insert({"cardea_service_" + found, "cardea_backend_" + found});
    }
  }
}

Names counters_of(std::initializer_list<const char*> folders) {
  Names names;
  for (const char* folder : folders)
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(CARDEA_SOURCE_DIR + std::string("/") + folder))
      if (entry.path().extension() == ".cc" || entry.path().extension() == ".h") add_counters(text_of(entry), names);
  return names;
}

TEST(Losses, EveryCounterOfEveryProcessIsOneOrIsSaidNotToBe) {
  Names counters = counters_of({"base", "dataplane", "l7"});
  add_counters(text_of(CARDEA_SOURCE_DIR "/mgmt/metrics/own_families.cc"), counters);
  EXPECT_GT(counters.size(), 50u);
  Names known;
  for (const auto& kind : loss_kinds()) EXPECT_TRUE(known.insert(std::string(kind.metric)).second) << kind.metric;
  for (const auto name : kNoLosses) EXPECT_TRUE(known.insert(std::string(name)).second) << name << " is a loss or none";
  EXPECT_THAT(counters, testing::IsSubsetOf(known)) << "mgmt/metrics/losses.cc, or kNoLosses here, has to name it";
  EXPECT_THAT(known, testing::IsSubsetOf(counters)) << "nobody counts that";
}

TEST(Losses, NoCounterEscapesByItsName) {
  static const std::regex row("kCounter,\\s*\"([^\"]*)\"");
  for (const char* folder : {"dataplane", "l7", "base"})
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(CARDEA_SOURCE_DIR + std::string("/") + folder)) {
      const auto text = entry.is_regular_file() ? text_of(entry) : std::string();
      for (auto at = std::sregex_iterator(text.begin(), text.end(), row); at != std::sregex_iterator(); ++at)
        EXPECT_TRUE((*at)[1].str().ends_with("_total")) << entry.path() << ": " << (*at)[1];
    }
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
  const auto shown = losses({folder.file("a.stats")}, {});
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
