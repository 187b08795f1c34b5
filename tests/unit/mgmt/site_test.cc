// What is in force after cardea-mgmt was restarted: what was accepted last, whatever the file says by then.
#include "mgmt/site.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "tests/unit/base/soon.h"
#include "tests/unit/mgmt/health/loopback_server.h"
#include "tests/unit/mgmt/health/tls_server.h"
#include "tests/unit/mgmt/plan_peer.h"

namespace cardea::mgmt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using test::L7Peer;

std::string document(const std::string& backends, const std::string& shards = "0",
                     const std::string& health = "type = \"none\";") {
  return R"(cluster: { name = "here"; seed = "a seed that is long enough"; };
    l7: { shards = [)" +
         shards + R"(]; };
    pools = ( { name = "web"; backends = ( )" +
         backends + " ); health: { " + health + R"( }; } );
    services = ( { name = "shop"; mode = "http"; listen = ["127.0.0.1:8080/tcp"]; pool = "web"; } );)";
}
const std::string kTwo = R"({ address = "10.0.0.11:80"; }, { address = "10.0.0.12:80"; })";
const std::string kOne = R"({ address = "10.0.0.12:80"; })";

class SiteTest : public ::testing::Test {
 protected:
  SiteTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "cardea-site-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    write(document(kTwo));
  }
  ~SiteTest() override {
    stop();
    std::filesystem::remove_all(folder_);
  }
  void start() {
    loop_ = std::make_unique<EventLoop>();
    site_ = std::make_unique<Site>(*loop_, Folders{folder_ + "/cardea.cfg", folder_, folder_}, [](const auto&) {});
    site_->start();
    runner_ = std::jthread([this] { loop_->run(); });
  }
  void stop() {
    if (!site_) return;
    loop_->stop();
    runner_.join();
    site_->finish();
    site_.reset();
  }
  void restart() { stop(), start(); }
  void write(const std::string& text) { std::ofstream(folder_ + "/cardea.cfg") << text; }
  std::string l7_socket() const { return folder_ + "/l7.sock"; }

  View view() {
    return loop_->ask([this] { return site_->view(); }).get();
  }
  bool in_step() {
    return soon([this] { return view().processes[0].in_step; });
  }
  Reload reload() {
    std::promise<Reload> promise;
    loop_->post([&] { site_->reload([&](const Reload& how) { promise.set_value(how); }); });
    return promise.get_future().get();
  }
  OrderEnding order(const BackendOrder& what) {
    std::promise<OrderEnding> promise;
    loop_->post([&] { site_->order(what, [&](OrderEnding how) { promise.set_value(std::move(how)); }); });
    return promise.get_future().get();
  }
  OrderEnding drain(const std::string& backend) { return order({{"web", backend}, Order::kDrain, {}}); }
  void say(uint64_t target, const std::string& backend, bool up) {
    loop_->ask([&] { site_->on_health({target, "web", backend, up, "refused", {}}); }).get();
  }

  std::string folder_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Site> site_;
  std::jthread runner_;
};

TEST_F(SiteTest, ABrokenFileAtARestartLeavesInForceWhatWasAccepted) {
  L7Peer l7(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  const uint64_t accepted = view().in_force.generation;
  write("pools = (");
  restart();
  ASSERT_TRUE(in_step());
  EXPECT_EQ(view().in_force.generation, accepted);
  EXPECT_EQ(drain("10.0.0.11:80").kind, OrderEnding::Kind::kDone);
  ASSERT_TRUE(view().last_reload);
  EXPECT_FALSE(view().last_reload->success());
  EXPECT_THAT(view().last_reload->error, HasSubstr("mistake"));
}

TEST_F(SiteTest, ADraftAtARestartIsToldAndNotInForceUntilItIsLoaded) {
  L7Peer l7(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  const uint64_t accepted = view().in_force.generation;
  write(document(kOne));
  restart();
  ASSERT_TRUE(in_step());
  EXPECT_EQ(view().in_force.generation, accepted);
  EXPECT_EQ(view().in_force.config->pools[0].backends.size(), 2u);
  EXPECT_THAT(view().warnings, ElementsAre(HasSubstr("`cardea reload` takes it")));
  EXPECT_TRUE(reload().success());
  EXPECT_THAT(view().warnings, IsEmpty());
  EXPECT_EQ(view().in_force.config->pools[0].backends.size(), 1u);
  restart();
  EXPECT_EQ(view().in_force.config->pools[0].backends.size(), 1u);
  EXPECT_THAT(view().warnings, IsEmpty());
}

TEST_F(SiteTest, ARefusedDraftErasesNoOverride) {
  L7Peer l7(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  drain("10.0.0.11:80");
  write(document(kOne));
  l7.refuse("no room for it");
  EXPECT_FALSE(reload().success());
  restart();
  l7.refuse("");
  EXPECT_EQ(view().in_force.config->pools[0].backends.size(), 2u);
  EXPECT_EQ(view().runtime.override_of({"web", "10.0.0.11:80"}).order, Order::kDrain);
}

TEST_F(SiteTest, AnOverrideIsForgottenWhenEveryProcessRunsAPlanWithoutItsBackend) {
  auto l7 = std::make_unique<L7Peer>(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  drain("10.0.0.11:80");
  l7.reset();
  ASSERT_TRUE(soon([this] { return !view().processes[0].connected; }));
  write(document(kOne));
  EXPECT_TRUE(reload().success()) << "it is away and gets this when it comes";
  EXPECT_EQ(view().runtime.overrides.size(), 1u) << "cardea-l7 may still have the backend";
  l7 = std::make_unique<L7Peer>(l7_socket());
  ASSERT_TRUE(in_step());
  EXPECT_EQ(view().runtime.overrides.size(), 0u);
}

TEST_F(SiteTest, WhatWaitsForARestartStillWaitsAfterOneOfMgmt) {
  auto l7 = std::make_unique<L7Peer>(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  const uint64_t accepted = view().in_force.generation;
  write(document(kOne, "0, 1"));
  l7->refuse("restart cardea-l7 to change l7.shards", control::Code::kNeedsRestart);
  const auto refused = reload();
  EXPECT_EQ(refused.error, fmt::format("generation {} waits for a restart of cardea-l7: restart cardea-l7 to change "
                                       "l7.shards",
                                       accepted + 1));
  EXPECT_THAT(refused.hint, HasSubstr("stored for the next start: systemctl reload cardea-l7"));
  EXPECT_EQ(view().waiting, accepted + 1);
  EXPECT_THAT(view().waits_for, ElementsAre("cardea-l7"));
  l7->refuse("");
  ASSERT_TRUE(in_step());
  stop();
  l7.reset();
  for (const char* file : {"/runtime.json", "/runtime.json.before"}) std::filesystem::remove(folder_ + file);
  start();
  EXPECT_EQ(view().in_force.generation, accepted);
  EXPECT_EQ(view().runtime.generation, accepted + 1) << "the number of what waits is taken";
  EXPECT_THAT(view().warnings, IsEmpty()) << "the file says what waits";
  l7 = std::make_unique<L7Peer>(l7_socket());
  ASSERT_TRUE(soon([&] { return view().in_force.generation == accepted + 1; }));
  ASSERT_TRUE(in_step());
  EXPECT_EQ(l7->plans().front().generation, accepted + 1) << "never the old one first";
  EXPECT_EQ(view().waiting, 0u);
}

TEST_F(SiteTest, NoGenerationIsGivenOutTwiceThoughTheRuntimeStateIsLost) {
  L7Peer l7(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  const uint64_t accepted = view().in_force.generation;
  stop();
  for (const char* file : {"/runtime.json", "/runtime.json.before"}) std::filesystem::remove(folder_ + file);
  start();
  EXPECT_TRUE(reload().success());
  EXPECT_GT(view().in_force.generation, accepted);
}

TEST_F(SiteTest, AnEventOfATargetThatIsNoMoreChangesNothing) {
  L7Peer l7(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  loop_->ask([this] { site_->on_health({123456, "web", "10.0.0.11:80", false, "refused", {}}); }).get();
  EXPECT_TRUE(view().runtime.health.empty());
}

TEST_F(SiteTest, AnOverrideOutlivesAPlanWithoutItsBackendWhileOneWithItWaits) {
  auto l7 = std::make_unique<L7Peer>(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  const uint64_t both = view().in_force.generation, without = both + 1, waits = both + 2;
  drain("10.0.0.11:80");
  l7.reset();
  ASSERT_TRUE(soon([this] { return !view().processes[0].connected; }));
  write(document(kOne));
  ASSERT_TRUE(reload().success());
  l7 = std::make_unique<L7Peer>(l7_socket(), "no room", waits);
  ASSERT_TRUE(soon([this] { return view().processes[0].problem == "no room"; }));
  l7->refuse("");
  write(document(kTwo, "0, 1"));
  EXPECT_THAT(reload().hint, HasSubstr("stored for the next start: systemctl reload cardea-l7"));
  l7.reset();
  ASSERT_TRUE(soon([this] { return !view().processes[0].connected; }));
  l7 = std::make_unique<L7Peer>(l7_socket(), "", waits);
  ASSERT_TRUE(soon([&] { return !l7->plans().empty(); }));
  ASSERT_TRUE(in_step());
  EXPECT_EQ(l7->plans().back().generation, without);
  EXPECT_EQ(view().runtime.overrides.size(), 1u) << "what waits has the backend again";
  l7.reset();
  l7 = std::make_unique<L7Peer>(l7_socket());
  ASSERT_TRUE(soon([&] { return view().in_force.generation == waits; }));
  EXPECT_EQ(view().runtime.override_of({"web", "10.0.0.11:80"}).order, Order::kDrain);
}

// An event that is no more true by the time it is heard: the checker, which tells changes only, has nothing to add to
// it.
TEST_F(SiteTest, AReloadMendsWhatTheChecksSeeOtherwise) {
  L7Peer l7(l7_socket());
  health::LoopbackServer backend([](int) {});
  const auto address = backend.endpoint().text();
  const auto backends = fmt::format(R"({{ address = "{}"; }})", address);
  const char* const tcp = R"(type = "tcp"; interval = "50ms"; timeout = "50ms"; fall = 10;)";
  write(document(backends, "0", tcp));
  start();
  ASSERT_TRUE(in_step());
  ASSERT_TRUE(soon([this] { return site_->checker().status().at(0).checks_passed > 0; }));
  say(1, address, false);
  ASSERT_FALSE(view().runtime.healthy({"web", address}));
  write(document(backends + R"(, { address = "10.0.0.12:80"; })", "0", tcp));
  ASSERT_TRUE(reload().success());
  EXPECT_TRUE(view().runtime.healthy({"web", address}));
}

TEST_F(SiteTest, AReloadThatHadToWaitCountsAsDoneOnceItsRestartHasCome) {
  auto l7 = std::make_unique<L7Peer>(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  const uint64_t accepted = view().in_force.generation;
  write(document(kOne, "0, 1"));
  l7->refuse("not while it runs", control::Code::kNeedsRestart);
  EXPECT_FALSE(reload().success());
  EXPECT_EQ(view().last_reload->generation, accepted);
  l7.reset();
  l7 = std::make_unique<L7Peer>(l7_socket());
  ASSERT_TRUE(soon([&] { return view().in_force.generation == accepted + 1; }));
  EXPECT_TRUE(view().last_reload->success());
  EXPECT_EQ(view().last_reload->generation, accepted + 1);
  EXPECT_EQ(view().last_reload->error, "");
  EXPECT_EQ(view().last_reload->hint, "");
}

TEST_F(SiteTest, AReloadThatHadToWaitSaysWhatItsRestartRefused) {
  auto l7 = std::make_unique<L7Peer>(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  const uint64_t accepted = view().in_force.generation;
  write(document(kOne, "0, 1"));
  l7->refuse("not while it runs", control::Code::kNeedsRestart);
  EXPECT_FALSE(reload().success());
  l7.reset();
  l7 = std::make_unique<L7Peer>(l7_socket(), "no such card", 0, control::Code::kCannotStart);
  ASSERT_TRUE(soon([&] { return view().waiting == 0; }));
  EXPECT_EQ(view().in_force.generation, accepted);
  EXPECT_FALSE(view().last_reload->success());
  EXPECT_EQ(view().last_reload->error,
            fmt::format("generation {} was given up at the restart that it waited for: cardea-l7 refused it: no such card",
                        accepted + 1));
  EXPECT_EQ(view().last_reload->hint, fmt::format("generation {} stays in force", accepted));
  EXPECT_TRUE(reload().findings.empty());
}

TEST_F(SiteTest, WhatItsRestartRefusedIsToldAlsoByOneThatWasStartedSince) {
  auto l7 = std::make_unique<L7Peer>(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  write(document(kOne, "0, 1"));
  l7->refuse("not while it runs", control::Code::kNeedsRestart);
  EXPECT_FALSE(reload().success());
  stop();
  l7.reset();
  l7 = std::make_unique<L7Peer>(l7_socket(), "no such card", 0, control::Code::kCannotStart);
  start();
  ASSERT_TRUE(soon([&] { return view().waiting == 0; }));
  EXPECT_THAT(view().warnings, ElementsAre(HasSubstr("no such card")));
  l7->refuse("");
  EXPECT_TRUE(reload().success());
  EXPECT_THAT(view().warnings, IsEmpty());
}

TEST_F(SiteTest, ReloadsThatComeDuringOneAreDoneByOneMore) {
  L7Peer l7(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  const uint64_t before = view().in_force.generation;
  std::array<std::promise<Reload>, 4> ended;
  loop_->post([&] {
    for (auto& one : ended) site_->reload([&one](const Reload& how) { one.set_value(how); });
  });
  for (auto& one : ended) EXPECT_TRUE(one.get_future().get().success());
  EXPECT_EQ(view().in_force.generation, before + 2);
}

TEST_F(SiteTest, AnOrderChangesWhatItNamesAndNothingElse) {
  L7Peer l7(l7_socket());
  write(document(kTwo + R"(, { address = "[2001:db8::5]:80"; })"));
  start();
  ASSERT_TRUE(in_step());
  const BackendRef ref{"web", "10.0.0.11:80"};
  drain(ref.backend);
  const auto weighed = order({ref, {}, std::optional<uint32_t>(7)});
  EXPECT_EQ(weighed.previous, (Override{Order::kDrain, {}}));
  EXPECT_TRUE(weighed.applied);
  EXPECT_EQ(view().runtime.override_of(ref), (Override{Order::kDrain, 7}));
  order({ref, Order::kReady, {}});
  EXPECT_EQ(view().runtime.override_of(ref), (Override{Order::kReady, 7}));
  order({ref, {}, std::optional<uint32_t>()});
  EXPECT_TRUE(view().runtime.overrides.empty()) << "it is as the file says";
  EXPECT_EQ(drain("[2001:DB8:0::5]:80").kind, OrderEnding::Kind::kDone);
  EXPECT_EQ(view().runtime.override_of({"web", "[2001:db8::5]:80"}).order, Order::kDrain);
  EXPECT_EQ(drain("10.0.0.99:80").kind, OrderEnding::Kind::kUnknown);
}

TEST_F(SiteTest, AnOrderIsNotAppliedBeforeItsProcessHasIt) {
  start();
  const auto away = drain("10.0.0.11:80");
  EXPECT_EQ(away.kind, OrderEnding::Kind::kDone);
  EXPECT_FALSE(away.applied);
  EXPECT_THAT(away.note, HasSubstr("cardea-l7 is not connected; it gets this as soon as it is"));
  L7Peer l7(l7_socket());
  ASSERT_TRUE(in_step());
  l7.refuse("no room");
  const auto refused = drain("10.0.0.12:80");
  EXPECT_FALSE(refused.applied);
  EXPECT_THAT(refused.note, HasSubstr("refused new states: no room"));
}

TEST_F(SiteTest, TheNumberOfWhatWaitsIsNotGivenOutAgain) {
  L7Peer l7(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  const uint64_t accepted = view().in_force.generation;
  write(document(kOne, "0, 1"));
  l7.refuse("not while it runs", control::Code::kNeedsRestart);
  EXPECT_FALSE(reload().success());
  l7.refuse("");
  write(document(kOne));
  EXPECT_TRUE(reload().success());
  EXPECT_EQ(view().in_force.generation, accepted + 2);
}

// cardea-l7 names the file; where the document says so is seen from here.
TEST_F(SiteTest, ACertificateThatCannotBeUsedIsAFindingBesideItsSetting) {
  L7Peer l7(l7_socket());
  start();
  ASSERT_TRUE(in_step());
  for (const char* file : {"/c.crt", "/c.key"}) std::ofstream(folder_ + file) << "no PEM\n";
  std::string text = document(kTwo);
  text.replace(
      text.find("pool = \"web\"; }"), 13,
      fmt::format(R"(tls: {{ certificates = ( {{ cert = "{0}/c.crt"; key = "{0}/c.key"; }} ); }}; pool = "web";)",
                  folder_));
  write(text);
  l7.refuse("c.crt cannot be read");
  const Reload refused = reload();
  EXPECT_THAT(refused.error, HasSubstr("c.crt cannot be read"));
  ASSERT_EQ(refused.findings.size(), 1u);
  EXPECT_EQ(refused.findings[0].place.path, "services[0].tls.certificates[0].cert");
}

TEST_F(SiteTest, ChecksGoByThePoolsAuthoritiesAndName) {
  L7Peer l7(l7_socket());
  const auto context = health::self_made_context();
  health::write_certificate(context.get(), folder_ + "/ca.pem");
  std::string name;
  health::LoopbackServer backend(
      health::answer_over_tls("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &name, context));
  std::string text = document(fmt::format(R"({{ address = "{}"; }})", backend.endpoint().text()), "0",
                              R"(type = "https"; verify = true; interval = "1s"; timeout = "1s"; fall = 10;)");
  text.replace(text.find("backends ="), 0,
               fmt::format(R"(tls: {{ server_name = "backend.test"; authorities = "{}/ca.pem"; }}; )", folder_));
  write(text);
  start();
  ASSERT_TRUE(in_step());
  EXPECT_TRUE(soon([this] {
    const auto seen = site_->checker().status();
    return !seen.empty() && seen[0].checks_passed > 0;
  }));
}

TEST_F(SiteTest, WhatChecksFoundIsKnownAfterARestart) {
  L7Peer l7(l7_socket());
  write(document(kTwo, "0", R"(type = "tcp"; interval = "1h"; timeout = "50ms"; fall = 10;)"));
  start();
  ASSERT_TRUE(in_step());
  const auto long_ago = std::chrono::system_clock::time_point(std::chrono::seconds(1'000'000'000));
  loop_->ask([&] { site_->on_health({1, "web", "10.0.0.11:80", false, "refused", long_ago}); }).get();
  restart();
  EXPECT_FALSE(view().runtime.healthy({"web", "10.0.0.11:80"}));
  const auto seen = site_->checker().status();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_FALSE(seen[0].up) << "it has to pass its checks again";
  EXPECT_EQ(seen[0].since, long_ago) << "and is down for as long as it is";
  EXPECT_TRUE(seen[1].up);
}

}  // namespace
}  // namespace cardea::mgmt
