// What is remembered of exchanges that failed, were refused or were slow, and what pushes out what.
#include "l7/proxy/flight_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "l7/proxy/record.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using Kind = FlightRecorder::Kind;

struct Seen {
  Kind kind;
  nlohmann::json story;
};
std::vector<Seen> all(const FlightRecorder& recorder) {
  std::vector<Seen> seen;
  recorder.each([&](Kind kind, std::string_view text) {
    seen.push_back({kind, nlohmann::json::parse(text, nullptr, false)});
    EXPECT_TRUE(seen.back().story.is_object()) << text;
  });
  return seen;
}
size_t count_of(const std::vector<Seen>& seen, Kind kind) {
  return size_t(std::ranges::count(seen, kind, &Seen::kind));
}

class Records : public testing::Test {
 protected:
  void note(uint16_t status, std::string_view reason, std::chrono::nanoseconds took, cardea::Origin origin = cardea::Origin::kSelf) {
    now_ += 1s;
    record_.status = status, record_.reason = reason, record_.origin = origin;
    record_.began = now_ - took, record_.ended = now_;
    recorder_.note(record_);
  }
  Records() { record_.service = &service_, record_.protocol = "HTTP/1.1"; }

  ServicePlan service_;
  Record record_;
  Instant now_ = Instant{} + 1h;
  FlightRecorder recorder_;
};

TEST_F(Records, RefusalsDoNotPushOutFailures) {
  note(502, "connect_failed", 1ms, cardea::Origin::kBackend);
  for (size_t i = 0; i < 1000; ++i) note(404, "no_route", 1ms);
  const auto seen = all(recorder_);
  EXPECT_EQ(count_of(seen, Kind::kFailed), 1u);
  EXPECT_EQ(count_of(seen, Kind::kRefused), FlightRecorder::kRefused);
  EXPECT_EQ(count_of(seen, Kind::kSlow), 0u);
}

TEST_F(Records, TheLastFailuresStay) {
  for (size_t i = 0; i < FlightRecorder::kFailed + 5; ++i) {
    record_.generation = i;
    note(503, "no_backend", 1ms);
  }
  const auto seen = all(recorder_);
  ASSERT_EQ(seen.size(), FlightRecorder::kFailed);
  EXPECT_EQ(seen.front().story["gen"], 5);
  EXPECT_EQ(seen.back().story["gen"], FlightRecorder::kFailed + 4);
}

TEST_F(Records, TheSlowestStayUntilTheyAreOld) {
  for (size_t i = 0; i < FlightRecorder::kSlow; ++i) note(200, "ok", 100ms);
  note(200, "ok", 1ms);
  note(200, "ok", 2s);
  auto seen = all(recorder_);
  const auto of = [&](double ms) {
    return std::ranges::count_if(seen, [ms](const Seen& one) { return one.story["t_total_ms"] == ms; });
  };
  EXPECT_EQ(of(1), 0);
  EXPECT_EQ(of(2000), 1);
  EXPECT_EQ(of(100), FlightRecorder::kSlow - 1);
  now_ += 11min;
  note(200, "ok", 1ms);
  seen = all(recorder_);
  EXPECT_EQ(of(1), 1) << "the others are old";
}

TEST_F(Records, TunnelsAreNotSlow) {
  note(101, "ok", 1h);
  EXPECT_TRUE(all(recorder_).empty());
}

// Whatever a stranger sends: it is an object of JSON, and has what is ours.
TEST_F(Records, TextsThatAreTooLongAreLeftOut) {
  const std::string path(1024, '"'), query(512, '\xff');
  record_.method = "GET", record_.path = path, record_.query = query;
  note(502, "backend_closed", 1ms, cardea::Origin::kBackend);
  const auto seen = all(recorder_);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_FALSE(seen[0].story.contains("path"));
  EXPECT_EQ(seen[0].story["reason"], "backend_closed");
}

// ------------------------------------------------------------------ over whole exchanges

TEST(FlightRecorder, TellsEveryBackendThatWasTried) {
  Site site({}, 2);
  site.origins[0]->refuse();
  Peer client = site.client();
  client.send(get("/x"));
  Peer backend = site.origins[1]->accept();
  backend.message();
  backend.send(ok("hello", "", "503 Service Unavailable"));
  client.message();
  const auto line = site.log_line();
  const auto seen = all(site.shard->recorder());
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].kind, Kind::kFailed);
  EXPECT_EQ(seen[0].story["id"], line["id"]);
  EXPECT_EQ(seen[0].story["status"], 503);
  const auto& tried = seen[0].story["tried"];
  ASSERT_EQ(tried.size(), line["attempts"]);
  EXPECT_EQ(tried.back()["backend"], site.origins[1]->name());
  EXPECT_EQ(tried.back()["result"], "ok");
  EXPECT_EQ(tried.back()["choice"], "round_robin");
  if (tried.size() == 2) EXPECT_EQ(tried[0]["result"], "connect_failed");
}

}  // namespace
}  // namespace cardea::l7::proxy::test
