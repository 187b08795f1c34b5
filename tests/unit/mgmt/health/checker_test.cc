#include "mgmt/health/checker.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/file_descriptor.h"
#include "tests/unit/mgmt/health/loopback_server.h"
#include "tests/unit/mgmt/health/tls_server.h"

namespace cardea::mgmt::health {
namespace {

using namespace std::chrono_literals;
using conf::HealthCheck;
using conf::HealthType;
using testing::HasSubstr;
using testing::StartsWith;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kPatience = 20s;  // until a test says that something awaited will not come

// Collects a checker's events and lets the test wait for the next one.
class Ear {
 public:
  Checker::OnEvent hear() {
    return [this](const Event& event) {
      const std::scoped_lock lock(mutex_);
      events_.push_back(event);
      times_.push_back(SteadyClock::now());
      heard_.notify_all();
    };
  }
  // The n-th event so far, counted from 0.
  std::optional<Event> await(size_t n) {
    std::unique_lock lock(mutex_);
    if (!heard_.wait_for(lock, kPatience, [&] { return events_.size() > n; })) return std::nullopt;
    return events_[n];
  }
  SteadyClock::time_point time_of(size_t n) {
    const std::scoped_lock lock(mutex_);
    return times_.at(n);
  }
  size_t count() {
    const std::scoped_lock lock(mutex_);
    return events_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable heard_;
  std::vector<Event> events_;
  std::vector<SteadyClock::time_point> times_;
};

HealthCheck check_of(HealthType type) {
  HealthCheck check;
  check.type = type;
  check.interval = 50ms;
  check.timeout = 5000ms;
  check.rise = 1;
  check.fall = 1;
  return check;
}

Target target_of(const Endpoint& address, const HealthCheck& check, bool up) {
  return {.pool = "web", .backend = address.text(), .address = address, .check = check, .initially_up = up};
}

template <typename Condition>
bool await(Condition condition) {
  const auto give_up = SteadyClock::now() + kPatience;
  while (!condition()) {
    if (SteadyClock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

// What the first event says about a backend that counts as `up` before.
Event first_event(const Endpoint& address, const HealthCheck& check, bool up) {
  Ear ear;
  Checker checker(ear.hear());
  checker.set_targets({target_of(address, check, up)});
  return ear.await(0).value_or(Event{.reason = "no event"});
}
std::string why_down(const Endpoint& address, const HealthCheck& check) {
  const Event event = first_event(address, check, true);
  EXPECT_FALSE(event.up);
  return event.reason;
}
bool comes_up(const Endpoint& address, const HealthCheck& check) {
  return first_event(address, check, false).up;
}

TEST(Checker, TcpBackendThatAcceptsComesUp) {
  LoopbackServer server(wait_for_close);
  const Event event = first_event(server.endpoint(), check_of(HealthType::kTcp), false);
  EXPECT_TRUE(event.up);
  EXPECT_EQ(event.pool, "web");
  EXPECT_EQ(event.backend, server.endpoint().text());
  EXPECT_EQ(event.reason, "passed a check");
}

TEST(Checker, BackendThatRefusesGoesDown) {
  LoopbackServer server(wait_for_close);
  server.stop();
  EXPECT_EQ(why_down(server.endpoint(), check_of(HealthType::kTcp)), "refused");
  EXPECT_EQ(why_down(server.endpoint(), check_of(HealthType::kHttp)), "refused");
}

TEST(Checker, HttpAsksForThePathAndNamesTheHost) {
  std::mutex mutex;
  std::string head;
  LoopbackServer server([&](int fd) {
    const std::string got = read_head(fd);
    const std::scoped_lock lock(mutex);
    head = got;
    send_all(fd, "HTTP/1.1 200 OK\r\n\r\n");
  });
  HealthCheck check = check_of(HealthType::kHttp);
  check.path = "/health?full=1";
  ASSERT_TRUE(comes_up(server.endpoint(), check));
  {
    const std::scoped_lock lock(mutex);
    EXPECT_THAT(head, StartsWith("GET /health?full=1 HTTP/1.1\r\nHost: " + server.endpoint().text() + "\r\n"));
  }
  check.host = "shop.test";
  ASSERT_TRUE(comes_up(server.endpoint(), check));
  const std::scoped_lock lock(mutex);
  EXPECT_THAT(head, HasSubstr("\r\nHost: shop.test\r\n"));
}

TEST(Checker, HttpAnswersAreJudged) {
  HealthCheck check = check_of(HealthType::kHttp);
  LoopbackServer busy(answer_with("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(why_down(busy.endpoint(), check), "status 503 expected 200");
  LoopbackServer garbage(answer_with("220 mail ESMTP\r\n"));
  EXPECT_EQ(why_down(garbage.endpoint(), check), "answer is not HTTP: \"220 mail ESMTP\"");
  LoopbackServer silent(answer_with(""));
  EXPECT_EQ(why_down(silent.endpoint(), check), "closed without an answer");
  LoopbackServer huge(answer_with("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n"));
  EXPECT_EQ(why_down(huge.endpoint(), check), "header section is larger than 64 KB");
  check.expect = {200, 503};
  EXPECT_TRUE(comes_up(busy.endpoint(), check));
}

TEST(Checker, HttpBodyIsSearchedAsItTricklesIn) {
  HealthCheck check = check_of(HealthType::kHttp);
  LoopbackServer slow([](int fd) {
    read_head(fd);
    for (const char c : std::string("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\nstate: all-ready\n"))
      send_all(fd, {&c, 1});
    wait_for_close(fd);
  });
  check.body = "ready";
  EXPECT_TRUE(comes_up(slow.endpoint(), check));
  check.body = "on fire";
  EXPECT_EQ(why_down(slow.endpoint(), check), "body lacks \"on fire\"");
}

TEST(Checker, AnotherPortMayBeChecked) {
  LoopbackServer service(wait_for_close), health(answer_with("HTTP/1.1 200 OK\r\n\r\n"));
  service.stop();
  HealthCheck check = check_of(HealthType::kHttp);
  check.port = health.endpoint().port;
  EXPECT_TRUE(comes_up(service.endpoint(), check));
}

// What a server heard of the first check that it passed, up to so many bytes.
std::string heard_of(ProxyVersion version, HealthCheck check, size_t bytes, bool other_port = false) {
  std::mutex mutex;
  std::string heard;
  LoopbackServer server([&](int fd) {
    std::string got(bytes, '\0');
    const ssize_t size = ::recv(fd, got.data(), got.size(), MSG_WAITALL);
    {
      const std::scoped_lock lock(mutex);
      heard = got.substr(0, size < 0 ? 0 : size_t(size));
    }
    send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    wait_for_close(fd);
  });
  Ear ear;
  Checker checker(ear.hear());
  if (other_port) check.port = server.endpoint().port;
  Target target = target_of(other_port ? Endpoint{server.endpoint().address, 1} : server.endpoint(), check, false);
  target.proxy_header = version;
  checker.set_targets({target});
  EXPECT_TRUE(ear.await(0).value_or(Event{}).up);
  EXPECT_TRUE(await([&] {
    const std::scoped_lock lock(mutex);
    return !heard.empty();
  }));
  const std::scoped_lock lock(mutex);
  return heard;
}

TEST(Checker, ABackendThatExpectsTheProxyProtocolGetsAHeaderOfNobody) {
  using std::string_literals::operator""s;
  const HealthCheck http = check_of(HealthType::kHttp), tcp = check_of(HealthType::kTcp);
  const std::string line = "PROXY UNKNOWN\r\n", local = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s;
  EXPECT_EQ(heard_of(ProxyVersion::kV1, http, line.size() + 6), line + "GET / ");
  EXPECT_EQ(heard_of(ProxyVersion::kV2, http, local.size() + 6), local + "GET / ");
  EXPECT_EQ(heard_of(ProxyVersion::kV1, tcp, line.size()), line);
  EXPECT_EQ(heard_of(ProxyVersion::kV2, tcp, local.size()), local);
  EXPECT_EQ(heard_of(ProxyVersion::kV1, http, 6, true), "GET / ") << "a port of its own begins without";
}

TEST(Checker, TheProxyHeaderStandsBeforeTls) {
  const std::string line = "PROXY UNKNOWN\r\n";
  LoopbackServer server([&](int fd) {
    std::string got(line.size() + 1, '\0');
    ::recv(fd, got.data(), got.size(), MSG_WAITALL);
    send_all(fd, got == line + '\x16' ? "no TLS" : "");
  });
  Ear ear;
  Checker checker(ear.hear());
  Target target = target_of(server.endpoint(), check_of(HealthType::kHttps), true);
  target.proxy_header = ProxyVersion::kV1;
  checker.set_targets({target});
  EXPECT_EQ(ear.await(0).value_or(Event{}).reason, "tls: wrong version number");
}

TEST(Checker, HangingBackendTimesOut) {
  LoopbackServer hanging(wait_for_close);
  HealthCheck check = check_of(HealthType::kHttp);
  check.timeout = 80ms;
  EXPECT_EQ(why_down(hanging.endpoint(), check), "timeout after 80 ms while waiting for the answer");
  check.type = HealthType::kHttps;
  EXPECT_EQ(why_down(hanging.endpoint(), check), "timeout after 80 ms in the TLS handshake");
}

TEST(Checker, HttpsAcceptsSelfMadeCertificatesUnlessAskedToVerify) {
  std::string name;
  LoopbackServer server(answer_over_tls("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready", &name));
  HealthCheck check = check_of(HealthType::kHttps);
  check.host = "backend.test";
  check.body = "ready";
  EXPECT_TRUE(comes_up(server.endpoint(), check));
  check.verify = true;
  EXPECT_THAT(why_down(server.endpoint(), check), StartsWith("tls: self-signed certificate"));
  server.stop();
  EXPECT_EQ(name, "backend.test");
}

// They are taken within one call of OpenSSL's, for as long as they come.
TEST(Checker, AFloodOfKeyUpdatesEndsACheck) {
  LoopbackServer server(flood_over_tls());
  HealthCheck check = check_of(HealthType::kHttps);
  check.timeout = 5s;
  EXPECT_EQ(why_down(server.endpoint(), check), "tls: more than 32 records without data");
}

TEST(Checker, HttpsVerifiesByThePoolsAuthoritiesAndName) {
  const auto context = self_made_context();
  std::string path = std::filesystem::temp_directory_path() / "cardea-authorities-XXXXXX";
  FileDescriptor made(::mkstemp(path.data()));
  write_certificate(context.get(), path);
  std::string name;
  LoopbackServer server(answer_over_tls("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &name, context));
  HealthCheck check = check_of(HealthType::kHttps);
  check.verify = true;
  const auto event = [&](const PoolTls& tls, bool up) {
    Ear ear;
    Checker checker(ear.hear());
    Target target = target_of(server.endpoint(), check, up);
    target.tls = tls;
    checker.set_targets({target});
    return ear.await(0).value_or(Event{.reason = "no event"});
  };
  EXPECT_TRUE(event({"backend.test", path}, false).up);
  EXPECT_THAT(event({"other.test", path}, true).reason, StartsWith("tls: hostname mismatch"));
  EXPECT_THAT(event({"backend.test", ""}, true).reason, StartsWith("tls: self-signed certificate"));
  EXPECT_TRUE(event({"backend.test.", path}, false).up) << "a final dot is in no certificate (RFC 6066 3)";
  server.stop();
  EXPECT_EQ(name, "backend.test");
  std::filesystem::remove(path);
}

// Lines of /proc/net/tcp: number, local address, remote address, state (06: TIME-WAIT).
size_t in_time_wait(uint16_t port) {
  std::ifstream table("/proc/net/tcp");
  const std::string wanted = fmt::format(":{:04X} 06 ", port);
  size_t found = 0;
  for (std::string line; std::getline(table, line);) found += line.find(wanted) != line.npos;
  return found;
}

TEST(Checker, TcpChecksLeaveNoConnectionInTimeWait) {
  LoopbackServer server(wait_for_close);
  const size_t others = in_time_wait(server.endpoint().port);  // of whoever had the port before
  Checker checker([](const Event&) {});
  HealthCheck check = check_of(HealthType::kTcp);
  check.interval = 1ms;
  checker.set_targets({target_of(server.endpoint(), check, true)});
  ASSERT_TRUE(await([&] { return checker.status()[0].checks_passed >= 20; }));
  EXPECT_LE(in_time_wait(server.endpoint().port), others);
}

TEST(Checker, AnEventNamesItsTargetAsLongAsThatIsChecked) {
  LoopbackServer server(wait_for_close);
  Ear ear;
  Checker checker(ear.hear());
  Target target = target_of(server.endpoint(), check_of(HealthType::kTcp), false);
  checker.set_targets({target});
  const Event event = ear.await(0).value_or(Event{.reason = "no event"});
  EXPECT_TRUE(checker.watches(event.target));
  checker.set_targets({target});
  EXPECT_TRUE(checker.watches(event.target)) << "its definition is what it was";
  target.check.rise = 2;
  checker.set_targets({target});
  EXPECT_FALSE(checker.watches(event.target)) << "the new one is judged anew, from what it was given";
}

TEST(Checker, SinceWhenABackendIsWhatItIsIsTakenOver) {
  const auto since = std::chrono::system_clock::time_point(std::chrono::seconds(1'000'000));
  Checker checker([](const Event&) {});
  HealthCheck check = check_of(HealthType::kTcp);
  check.interval = std::chrono::hours(1);
  LoopbackServer server(wait_for_close);
  Target target = target_of(server.endpoint(), check, true);
  target.since = since;
  checker.set_targets({target});
  EXPECT_EQ(checker.status()[0].since, since);
}

TEST(Checker, ATargetIsAnotherWhenAnythingOfItIsButWhatItStartsFrom) {
  const Target target = target_of(Endpoint::parse("10.0.0.1:80").value(), check_of(HealthType::kHttps), true);
  const auto same_with = [&](auto change) {
    Target other = target;
    change(other);
    return target.same_definition(other);
  };
  EXPECT_TRUE(same_with([](Target& t) { t.initially_up = false; }));
  EXPECT_TRUE(same_with([](Target& t) { t.since += 1s; }));
  EXPECT_FALSE(same_with([](Target& t) { t.pool = "other"; }));
  EXPECT_FALSE(same_with([](Target& t) { t.address.port = 81; }));
  EXPECT_FALSE(same_with([](Target& t) { t.tls.server_name = "x"; }));
  EXPECT_FALSE(same_with([](Target& t) { t.tls.authorities = "x"; }));
  EXPECT_FALSE(same_with([](Target& t) { t.check.path = "/x"; }));
  EXPECT_FALSE(same_with([](Target& t) { t.check.body = "x"; }));
  EXPECT_FALSE(same_with([](Target& t) { t.check.jitter_percent = 1; }));
  EXPECT_FALSE(same_with([](Target& t) { t.check.port = 1; }));
  EXPECT_FALSE(same_with([](Target& t) { t.proxy_header = ProxyVersion::kV1; }));
}

TEST(Checker, HttpsSaysWhatIsWrongWithTls) {
  LoopbackServer closing([](int) {});
  HealthCheck check = check_of(HealthType::kHttps);
  LoopbackServer talkative([](int fd) { send_all(fd, "HTTP/1.1 400 Bad Request\r\n\r\n"), wait_for_close(fd); });
  EXPECT_EQ(why_down(talkative.endpoint(), check), "tls: wrong version number");
  EXPECT_THAT(why_down(closing.endpoint(), check), testing::AnyOf("reset", StartsWith("tls: ")));
}

TEST(Checker, DeadBackendIsKnownWithinIntervalTimesFall) {
  LoopbackServer server(answer_with("HTTP/1.1 200 OK\r\n\r\n"));
  HealthCheck check = check_of(HealthType::kHttp);
  check.interval = 200ms;
  check.fall = 3;
  Ear ear;
  Checker checker(ear.hear());
  checker.set_targets({target_of(server.endpoint(), check, false)});
  ASSERT_TRUE(ear.await(0));
  server.stop();
  const auto dead = SteadyClock::now();
  const auto event = ear.await(1);
  ASSERT_TRUE(event && !event->up);
  EXPECT_LT(ear.time_of(1) - dead, check.interval * 3 + 100ms);
  EXPECT_GT(ear.time_of(1) - dead, check.interval * 3 * 6 / 10);  // a pass just before, two gaps shortened by 10 %
}

TEST(Checker, HangingBackendIsKnownWithinIntervalTimesFallPlusTimeout) {
  std::atomic<bool> hang = false;
  LoopbackServer server([&](int fd) {
    read_head(fd);
    if (!hang) send_all(fd, "HTTP/1.1 200 OK\r\n\r\n");
    wait_for_close(fd);
  });
  HealthCheck check = check_of(HealthType::kHttp);
  check.interval = 200ms, check.timeout = 150ms, check.fall = 3;
  Ear ear;
  Checker checker(ear.hear());
  checker.set_targets({target_of(server.endpoint(), check, false)});
  ASSERT_TRUE(ear.await(0));
  hang = true;
  const auto hung = SteadyClock::now();
  const auto event = ear.await(1);
  ASSERT_TRUE(event && !event->up);
  EXPECT_LT(ear.time_of(1) - hung, check.interval * 3 + check.timeout + 100ms);
}

TEST(Checker, ComesBackAfterRisePasses) {
  auto server = std::make_optional<LoopbackServer>(answer_with("HTTP/1.1 200 OK\r\n\r\n"));
  const Endpoint endpoint = server->endpoint();
  HealthCheck check = check_of(HealthType::kHttp);
  check.rise = 3;
  Ear ear;
  Checker checker(ear.hear());
  checker.set_targets({target_of(endpoint, check, true)});
  ASSERT_TRUE(await([&] { return checker.status()[0].checks_passed > 0; }));
  server.reset();
  ASSERT_TRUE(ear.await(0));
  EXPECT_FALSE(checker.status()[0].up);
  server.emplace(answer_with("HTTP/1.1 200 OK\r\n\r\n"), endpoint.port);
  const auto event = ear.await(1);
  ASSERT_TRUE(event && event->up);
  EXPECT_EQ(event->reason, "passed 3 checks in a row");
  EXPECT_EQ(checker.status()[0].last_reason, "") << "why an earlier one failed is old news";
  EXPECT_GE(server->accepted(), 3);
}

TEST(Checker, SetTargetsKeepsTheStateOfWhatDidNotChange) {
  LoopbackServer server(answer_with("HTTP/1.1 500 No\r\n\r\n")), other(wait_for_close);
  const HealthCheck check = check_of(HealthType::kHttp);
  Target kept = target_of(server.endpoint(), check, true);
  Ear ear;
  Checker checker(ear.hear());
  checker.set_targets({kept});
  ASSERT_TRUE(ear.await(0));
  const auto before = checker.status()[0];
  checker.set_targets({target_of(other.endpoint(), check_of(HealthType::kTcp), true), kept});
  const auto after = checker.status();
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[0].backend, other.endpoint().text());
  EXPECT_EQ(after[1].backend, server.endpoint().text());
  EXPECT_FALSE(after[1].up);
  EXPECT_EQ(after[1].since, before.since);
  EXPECT_GE(after[1].checks_failed, before.checks_failed);

  kept.check.expect = {500};
  kept.initially_up = false;
  checker.set_targets({kept});
  const auto event = ear.await(1);
  ASSERT_TRUE(event && event->up);
  EXPECT_EQ(checker.counters().targets, 1u);
}

TEST(Checker, TargetsWithoutCheckAreUp) {
  Checker checker([](const Event&) { FAIL() << "nothing was to be checked"; });
  checker.set_targets({target_of({IpAddress::v4(INADDR_LOOPBACK), 1}, check_of(HealthType::kNone), false)});
  const auto status = checker.status();
  ASSERT_EQ(status.size(), 1u);
  EXPECT_TRUE(status[0].up);
  EXPECT_FALSE(status[0].checked);
}

TEST(Checker, ThousandsOfTargetsShareFewSockets) {
  LoopbackServer server([](int fd) {
    read_head(fd);
    send_all(fd, "HTTP/1.1 200 OK\r\n\r\n");
  });
  HealthCheck check = check_of(HealthType::kHttp);
  check.interval = 60'000ms;
  std::vector<Target> targets;
  for (int i = 0; i < 500; ++i) {
    targets.push_back(target_of(server.endpoint(), check, false));
    targets.back().backend = std::to_string(i);
  }
  // 500 ms is what first checks are spread over; with one socket some have to wait.
  Ear ear;
  Checker checker(ear.hear(), {.probes_max = 1, .seed = 7});
  checker.set_targets(targets);
  ASSERT_TRUE(ear.await(499));
  const Counters counters = checker.counters();
  EXPECT_EQ(counters.probes_started, 500u);
  EXPECT_EQ(counters.probes_passed, 500u);
  EXPECT_EQ(counters.probes_running, 0u);
  EXPECT_GT(counters.probes_postponed, 0u);
}

TEST(Checker, RunningOutOfDescriptorsIsHeldAgainstNobody) {
  LoopbackServer server(wait_for_close);
  Ear ear;
  Checker checker(ear.hear());
  const Target target = target_of(server.endpoint(), check_of(HealthType::kTcp), true);
  // The sanitizer looks at an object's type through a pipe the first time, so all that is needed below works once
  // before.
  ASSERT_FALSE(fail_errno("open a socket", EMFILE).error().message.empty());
  Target other = target;
  other.pool = "other";
  checker.set_targets({other});
  ASSERT_TRUE(await([&] { return checker.status()[0].checks_passed > 1; }));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  checker.set_targets({target});
  const bool failed = await([&] { return checker.counters().own_failures >= 2; });
  const auto status = checker.status()[0];
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(failed);
  EXPECT_TRUE(status.up);
  EXPECT_FALSE(status.checked);
  EXPECT_TRUE(await([&] { return checker.status()[0].checks_passed > 0; }));
  EXPECT_EQ(ear.count(), 0u);
}

TEST(Checker, WhileThereIsNoWayFailuresAreHeldAgainstNobodyAndSuccessesCount) {
  LoopbackServer server(wait_for_close), stopped(wait_for_close);
  stopped.stop();
  const Endpoint nobody = stopped.endpoint();
  Ear ear;
  Checker checker(ear.hear());
  checker.set_way(false);
  checker.set_targets({target_of(nobody, check_of(HealthType::kTcp), true),
                       target_of(server.endpoint(), check_of(HealthType::kTcp), false)});
  ASSERT_TRUE(await([&] { return checker.counters().without_way >= 3; }));
  EXPECT_EQ(checker.counters().own_failures, 0u) << "the dataplane is away: every healthy start begins so";
  EXPECT_TRUE(checker.status()[0].up);
  EXPECT_EQ(checker.status()[0].checks_failed, 0u);
  EXPECT_EQ(checker.status()[0].own_failure, "");
  const auto came_up = ear.await(0);
  ASSERT_TRUE(came_up);
  EXPECT_EQ(came_up->backend, server.endpoint().text());
  checker.set_way(true);
  const auto went_down = ear.await(1);
  ASSERT_TRUE(went_down);
  EXPECT_FALSE(went_down->up);
  EXPECT_EQ(went_down->backend, nobody.text());
}

// 255.255.255.255 as any host has it: connect answers ENETUNREACH without a packet (tcp_v4_connect, RTCF_BROADCAST).
const Endpoint kNoWayThere{IpAddress::v4(0xffffffff), 80};

TEST(Checker, ABackendThatThisHostHasNoWayToIsSaidNotToBeChecked) {
  Ear ear;
  Checker checker(ear.hear());
  checker.set_targets({target_of(kNoWayThere, check_of(HealthType::kTcp), true)});
  ASSERT_TRUE(await([&] { return checker.counters().own_failures >= 2; }));
  const auto status = checker.status()[0];
  EXPECT_TRUE(status.up);
  EXPECT_FALSE(status.checked);
  EXPECT_EQ(status.own_failure, "Network is unreachable");
  EXPECT_EQ(ear.count(), 0u);
}

TEST(Checker, WhatCannotLeaveWhileTheWayIsNewIsNoLossYet) {
  Checker checker([](const Event&) {}, {.way_settles = 300ms});
  checker.set_way(false);
  checker.set_targets({target_of(kNoWayThere, check_of(HealthType::kTcp), true)});
  ASSERT_TRUE(await([&] { return checker.counters().without_way >= 1; }));
  checker.set_way(true);
  ASSERT_TRUE(await([&] { return checker.counters().own_failures >= 1; })) << "it settled, and still none is there";
  EXPECT_GE(checker.counters().without_way, 2u) << "the way had come, its addresses had not";
  EXPECT_EQ(checker.status()[0].own_failure, "Network is unreachable");
}

TEST(Checker, EndsAtOnceWhileChecksRun) {
  LoopbackServer hanging(wait_for_close);
  const auto before = SteadyClock::now();
  {
    HealthCheck check = check_of(HealthType::kHttp);
    check.timeout = 10min;
    Checker checker([](const Event&) {});
    checker.set_targets({target_of(hanging.endpoint(), check, true)});
    ASSERT_TRUE(await([&] { return checker.counters().probes_running == 1; }));
  }
  EXPECT_LT(SteadyClock::now() - before, 5min) << "it waited for a check's time-out";
}

}  // namespace
}  // namespace cardea::mgmt::health
