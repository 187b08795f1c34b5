// The whole process but its main: shards over loopback sockets, plans taken and refused while connections are open.
#include "l7/control/running.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "l7/control/answers.h"
#include "l7/control/descriptors.h"
#include "l7/control/hand_over.h"
#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/l7/cache/exchange.h"
#include "tests/unit/l7/plan/images.h"
#include "tests/unit/l7/runtime/loopback_port.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7 {
namespace {

using testing::AllOf;
using testing::HasSubstr;

FileDescriptor connect_to(uint16_t port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const sockaddr_in at{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) return {};
  return socket;
}

std::string ask(const FileDescriptor& socket, const std::string& request) {
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "send failed";
  char text[4096];
  const ssize_t got = ::recv(socket.get(), text, sizeof text, 0);
  return got > 0 ? std::string(text, size_t(got)) : got == 0 ? "closed" : "nothing";
}

struct Process {
  ScratchFolder folder;
  const LoopbackPort http_port, tcp_port;
  const uint16_t http = http_port.number(), tcp = tcp_port.number();
  std::unique_ptr<Running> running;

  image::PlanT plan(uint64_t generation) const {
    image::PlanT made = test::plan(generation);
    made.services[0]->listen = {{test::address("127.0.0.1"), http}};
    made.services[1]->listen = {{test::address("127.0.0.1"), tcp}};
    for (auto& pool : made.pools) pool->backends[0]->state = image::BackendState::down;
    return made;
  }
  Process() { start(plan(1)); }
  explicit Process(void (*change)(image::PlanT&)) { start(changed(1, change)); }
  static StartOptions options_in(const ScratchFolder& folder) {
    StartOptions options;
    options.run_directory = folder.file("");
    return options;
  }
  void start(const image::PlanT& from) {
    auto opened = Running::open(test::packed(from), options_in(folder));
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    running = std::move(*opened);
  }
  image::PlanT changed(uint64_t generation, void (*change)(image::PlanT&)) const {
    image::PlanT made = plan(generation);
    change(made);
    return made;
  }
  control::Outcome<uint64_t> adopt(const image::PlanT& next) { return running->adopt(test::packed(next)); }
  // Of all that have the name.
  std::vector<uint64_t> values(const std::string& name) const {
    std::vector<uint64_t> all;
    const stats::Snapshot snapshot = stats::read(folder.file("") + "/l7.stats").value();
    for (const auto& sample : snapshot.samples)
      if (sample.description.name == name) all.push_back(sample.value);
    return all;
  }
  nlohmann::json answer(const std::string& question) {
    auto text = answer_question(question, *running);
    return text ? nlohmann::json::parse(*text) : nlohmann::json{{"error", text.error().message}};
  }
};

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n";

TEST(Running, AConnectionLimitBeyondTheDescriptorsIsWarnedOf) {
  Process process;
  const uint32_t most = process.running->plan().services[0]->connections_max;
  EXPECT_EQ(descriptor_warning(process.running->plan(), 2 * uint64_t{most}), "");
  EXPECT_THAT(descriptor_warning(process.running->plan(), 1024), HasSubstr("LimitNOFILE"));
}

TEST(Running, ServesByThePlanAndKeepsConnectionsOverAReload) {
  Process process;
  const FileDescriptor client = connect_to(process.http);
  ASSERT_TRUE(client);
  EXPECT_THAT(ask(client, kGet), HasSubstr("503"));
  for (uint64_t generation = 2; generation < 20; ++generation) {
    EXPECT_EQ(process.adopt(process.plan(generation)).value(), generation);
    EXPECT_THAT(ask(client, kGet), HasSubstr("503"));
  }
  EXPECT_EQ(process.running->connections(), 1u);
}

TEST(Running, ClosesWhatIsNoLongerInThePlan) {
  Process process;
  const FileDescriptor client = connect_to(process.http);
  EXPECT_THAT(ask(client, kGet), HasSubstr("503"));
  image::PlanT plan = process.plan(2);
  plan.services.erase(plan.services.begin());
  ASSERT_TRUE(process.adopt(plan).has_value());
  char byte;
  EXPECT_EQ(::recv(client.get(), &byte, 1, 0), 0);
  EXPECT_FALSE(connect_to(process.http));
  ASSERT_TRUE(process.adopt(process.plan(3)).has_value());
  EXPECT_TRUE(connect_to(process.http));
}

TEST(Running, ARefusedPlanChangesNothing) {
  Process process;
  image::PlanT plan = process.plan(2);
  plan.settings->shards = {0, 1};
  EXPECT_THAT(process.adopt(plan).error().message, HasSubstr("restart cardea-l7"));
  const FileDescriptor other(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(other.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
  ASSERT_EQ(::getsockname(other.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  ASSERT_EQ(::listen(other.get(), 1), 0);
  plan = process.plan(3);
  plan.services[1]->listen = {{test::address("127.0.0.1"), ntohs(at.sin_port)}};
  EXPECT_THAT(process.adopt(plan).error().message, HasSubstr("service \"smtp\""));
  EXPECT_EQ(process.running->plan().generation, 1u);
  EXPECT_THAT(ask(connect_to(process.http), kGet), HasSubstr("503"));
}

TEST(Running, RefusesConnectionsOverTheLimitAndCountsThem) {
  Process process;
  image::PlanT plan = process.plan(2);
  plan.services[0]->connections_max = 2;
  ASSERT_TRUE(process.adopt(plan).has_value());
  const FileDescriptor first = connect_to(process.http), second = connect_to(process.http);
  EXPECT_THAT(ask(first, kGet), HasSubstr("503"));
  EXPECT_THAT(ask(second, kGet), HasSubstr("503"));
  const FileDescriptor third = connect_to(process.http);
  EXPECT_EQ(ask(third, kGet).find("HTTP"), std::string::npos);
  EXPECT_THAT(process.values("cardea_l7_service_connections_refused_total"), testing::UnorderedElementsAre(1, 0));
}

// Both could listen, being of one user; then each would serve some of the clients by its own plan.
TEST(Running, ASecondProcessOnTheSamePortIsRefused) {
  Process process;
  ScratchFolder folder;
  const StartOptions options = Process::options_in(folder);
  const auto plan = test::packed(process.plan(1));
  EXPECT_THAT(Running::open(plan, options).error().message, HasSubstr("another program listens there"));
  EXPECT_TRUE(Running::open(plan, options, {process.running->endpoints()})) << "what follows in the same process may";
  process.running.reset();
  EXPECT_TRUE(Running::open(plan, options));
}

TEST(Running, TakesTheSocketsOfTheOneBeforeAsFarAsItHasShardsForThem) {
  Process process;
  ScratchFolder folder;
  Running::Before before{.endpoints = process.running->endpoints(), .sockets = process.running->listening_sockets()};
  ASSERT_EQ(before.sockets.size(), 1u);
  ASSERT_EQ(before.sockets[0].size(), 2u);
  const Endpoint elsewhere{IpAddress::v4(0x7f000001), 1};
  before.sockets.resize(2);
  before.sockets[1][elsewhere] = FileDescriptor(::dup(0));
  auto next = Running::open(test::packed(process.plan(2)), Process::options_in(folder), std::move(before));
  ASSERT_TRUE(next) << next.error().message;
  auto& cache = *process.running->plan().caches[0].cache;
  ASSERT_TRUE(cache::test::store(cache, cache::test::Asked("GET /a"), "body", "Cache-Control: max-age=60\r\n"));
  const Running::Sockets left = (*next)->take_not_taken();
  EXPECT_TRUE(left[0].empty());
  EXPECT_TRUE(left[1].contains(elsewhere));
  process.running->pass_on({process.running->endpoints()});
  EXPECT_EQ(cache.figures().objects, 0u) << "the next one fills its own";
  process.running.reset();
  EXPECT_THAT(ask(connect_to(process.http), kGet), HasSubstr("503"));
}

TEST(HandOver, IsForAProcessOfTheSameUserOnly) {
  Process process;
  auto server = control::PlanServer::listen(process.folder.file("l7.sock")).value();
  for (const bool same : {false, true}) {
    handover::Ends ends = handover::make_ends().value();
    const uid_t me = ::geteuid();
    ASSERT_EQ(me, 0u) << "tests of users are run as root";
    if (!same) ASSERT_EQ(::seteuid(65534), 0);
    const auto begun = HandOver::begin(std::move(ends.predecessor), *process.running, server, Instant{});
    ASSERT_EQ(::seteuid(me), 0);
    EXPECT_EQ(begun.has_value(), same);
    if (!begun) EXPECT_THAT(begun.error().message, HasSubstr("another user's"));
  }
}

// To the word that it serves, over the real sockets of a process that goes on until then.
TEST(HandOver, WhatTheOtherTakesIsKnownByItsPlace) {
  Process process;
  auto server = control::PlanServer::listen(process.folder.file("l7.sock")).value();
  handover::Ends ends = handover::make_ends().value();
  HandOver hand_over = HandOver::begin(std::move(ends.predecessor), *process.running, server, Instant{}).value();
  handover::Offer offer = handover::receive_offer(ends.successor.get()).value();
  ASSERT_EQ(offer.sockets.size(), 2u);
  EXPECT_FALSE(hand_over.look(Instant{}).has_value());
  auto beside = open_beside(offer, test::packed(process.plan(2)), Process::options_in(process.folder)).value();
  EXPECT_EQ(beside.serving.taken, (std::vector<bool>{true, true}));
  EXPECT_THAT(process.values("cardea_l7_plan_generation"), testing::ElementsAre(1)) << "the first one's counters";
  beside.serving.taken[1] = false;
  ASSERT_TRUE(handover::send_serving(ends.successor.get(), beside.serving));
  EXPECT_EQ(hand_over.look(Instant{})->value(), ::getpid());
  ASSERT_EQ(hand_over.taken().size(), 1u);
  EXPECT_THAT(hand_over.taken()[0], testing::ElementsAre(offer.sockets[0].at));
  ASSERT_TRUE(show_statistics(Process::options_in(process.folder)));
  EXPECT_THAT(process.values("cardea_l7_plan_generation"), testing::ElementsAre(2));
  process.running->pass_on({process.running->endpoints()});
  EXPECT_THAT(ask(connect_to(process.http), kGet), HasSubstr("503"));
}

TEST(Running, AServiceMayListenBesideOneThatCoversIt) {
  Process process;
  image::PlanT plan = process.plan(2);
  plan.services[1]->listen = {{test::address("0.0.0.0"), process.http}};
  auto adopted = process.adopt(plan);
  EXPECT_TRUE(adopted.has_value()) << (adopted ? "" : adopted.error().message);
  EXPECT_THAT(ask(connect_to(process.http), kGet), HasSubstr("503")) << "the more specific one";
  plan.generation = 3;
  plan.services[0]->listen.push_back({test::address("127.0.0.2"), process.http});
  adopted = process.adopt(plan);
  EXPECT_TRUE(adopted.has_value()) << "and one may come beside one that covers it";
}

constexpr size_t kMost = 16;

std::vector<FileDescriptor> served(const Process& process) {
  std::vector<FileDescriptor> clients;
  for (size_t i = 0; i < kMost; ++i) {
    clients.push_back(connect_to(process.http));
    EXPECT_THAT(ask(clients.back(), kGet), HasSubstr("503")) << i << ", whichever shard it came to";
  }
  return clients;
}

TEST(Running, ConnectionLimitsHoldForAllShardsTogether) {
  constexpr auto limited = [](image::PlanT& plan) {
    plan.settings->shards = {0, 0};
    plan.services[0]->connections_max = kMost;
  };
  Process process(limited);
  auto clients = served(process);
  EXPECT_EQ(ask(connect_to(process.http), kGet).find("HTTP"), std::string::npos);
  ASSERT_TRUE(process.adopt(process.changed(2, limited)).has_value());
  EXPECT_EQ(ask(connect_to(process.http), kGet).find("HTTP"), std::string::npos) << "after a reload as before";
  clients.pop_back();
  while (process.running->connections() == kMost) std::this_thread::yield();
  EXPECT_THAT(ask(connect_to(process.http), kGet), HasSubstr("503"));
}

TEST(Running, AnAddresssConnectionsAreCountedForAllShardsTogether) {
  Process process([](image::PlanT& plan) {
    plan.settings->shards = {0, 0, 0};
    plan.services[0]->source_connections_max = kMost;
  });
  const auto clients = served(process);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(connect_to(process.http), kGet).find("HTTP"), std::string::npos);
}

// Heads that do not end hold 2 KB each, whichever shard they came to.
TEST(Running, BuffersAreBoundedForAllShardsTogether) {
  Process process([](image::PlanT& plan) {
    plan.settings->shards = {0, 0, 0, 0};
    plan.settings->buffer_bytes_max = 1 << 20;
  });
  std::vector<FileDescriptor> heads;
  for (int i = 0; i < 500; ++i) {
    heads.push_back(connect_to(process.http));
    ASSERT_EQ(::send(heads.back().get(), "G", 1, MSG_NOSIGNAL), 1);
  }
  const proxy::BufferBound& bound = *process.running->shards()[0]->shared().buffers;
  for (const auto& shard : process.running->shards()) EXPECT_EQ(shard->shared().buffers.get(), &bound);
  while (bound.borrowed() < size_t{512 << 10}) std::this_thread::yield();
  EXPECT_LE(bound.borrowed(), size_t{1 << 20});
  heads.clear();
  while (process.running->connections() != 0) std::this_thread::yield();
  for (size_t i = 0; i < 8; ++i) process.running->ask(i / 2, [](proxy::Shard&) {});  // each has slept in between
  EXPECT_LE(bound.borrowed(), size_t{128 << 10});
}

TEST(Running, ACpuThatDoesNotExistIsNamed) {
  ScratchFolder folder;
  image::PlanT plan = test::plan();
  plan.settings->shards = {999};
  EXPECT_THAT(Running::open(test::packed(plan), Process::options_in(folder)).error().message, HasSubstr("CPU 999"));
}

TEST(Running, DrainsBeforeItEnds) {
  Process process;
  const FileDescriptor client = connect_to(process.http);
  EXPECT_THAT(ask(client, kGet), HasSubstr("503"));
  const FileDescriptor busy = connect_to(process.http);
  ASSERT_EQ(::send(busy.get(), kGet, 5, MSG_NOSIGNAL), 5);
  while (process.running->connections() != 2) std::this_thread::yield();
  process.running->drain();
  char byte;
  EXPECT_EQ(::recv(client.get(), &byte, 1, 0), 0);
  while (process.running->shards()[0]->leaving_listeners() != 0) std::this_thread::yield();
  EXPECT_FALSE(process.running->is_done());
  EXPECT_THAT(ask(busy, kGet + 5), HasSubstr("503"));
  while (!process.running->is_done()) std::this_thread::yield();
}

TEST(Running, IsNotDoneWhileAListenerMayStillLetSomebodyIn) {
  Process process;
  process.running->drain();
  while (!process.running->is_done()) std::this_thread::yield();
  EXPECT_EQ(process.running->shards()[0]->leaving_listeners(), 0u);
}

TEST(Running, CountsThePlansThatItTookAndThatItRefused) {
  Process process;
  ASSERT_TRUE(process.adopt(process.plan(2)));
  image::PlanT needs_restart = process.plan(3);
  needs_restart.settings->shards = {0, 1};
  EXPECT_FALSE(process.adopt(needs_restart));
  image::PoolUpdateT update;
  update.schema = kPlanSchema, update.generation = 4;
  update.pools.push_back(test::pool("strange", image::Balance::round_robin, 9));
  EXPECT_FALSE(process.running->update_pools(test::packed(update)));
  EXPECT_THAT(process.values("cardea_l7_plan_generation"), testing::Contains(2));
  update.generation = 5;
  update.pools[0]->name = "mail";
  EXPECT_EQ(process.running->update_pools(test::packed(update)).value(), 5u);
  EXPECT_THAT(process.values("cardea_l7_plan_generation"), testing::Contains(5));
  EXPECT_THAT(process.values("cardea_l7_plans_adopted_total"), testing::Contains(3));
  EXPECT_THAT(process.values("cardea_l7_plans_refused_total"), testing::Contains(2));
}

TEST(Running, ATickLetsGoOfWhatNoPlanHasAnyMore) {
  Process process;
  tls::Authority authority;
  authority.issue("shop", {.names = {"shop.example"}});
  image::PlanT secure = process.plan(2);
  secure.services[0]->tls = std::make_unique<image::TlsT>();
  auto files = std::make_unique<image::CertificateT>();
  files->name = "shop", files->cert = authority.path("shop.crt"), files->key = authority.path("shop.key");
  secure.services[0]->tls->certificates.push_back(std::move(files));
  ASSERT_TRUE(process.adopt(secure));
  const std::weak_ptr<const ServicePlan> service = process.running->plan().services[0];
  const std::weak_ptr<const tls::Certificate> certificate = service.lock()->certificates[0];
  const auto end = uint64_t(certificate.lock()->not_after.time_since_epoch().count());
  EXPECT_THAT(process.values("cardea_l7_certificate_not_after_seconds"), testing::Contains(end));
  EXPECT_EQ(process.answer(R"({"ask":"certs"})")["certificates"][0]["name"], "shop");
  EXPECT_EQ(process.answer(R"({"ask":"certs","due":true})")["certificates"].size(), 0u) << "thirty days are enough";
  ASSERT_TRUE(process.adopt(process.plan(3)));
  process.running->tick(monotonic_now());
  EXPECT_TRUE(service.expired());
  EXPECT_TRUE(certificate.expired());
  EXPECT_TRUE(process.values("cardea_l7_certificate_not_after_seconds").empty());
}

TEST(Running, ACertificateWhoseFilesChangeIsServedAnewWithoutAReload) {
  Process process;
  tls::Authority authority;
  authority.issue("shop", {.names = {"shop.example"}});
  image::PlanT secure = process.plan(2);
  for (auto& service : secure.services) {
    service->tls = std::make_unique<image::TlsT>();
    auto files = std::make_unique<image::CertificateT>();
    files->name = "shop", files->cert = authority.path("shop.crt"), files->key = authority.path("shop.key");
    service->tls->certificates.push_back(std::move(files));
  }
  ASSERT_TRUE(process.adopt(secure));
  const auto certificate = [&](size_t service) { return process.running->plan().services[service]->certificates[0]; };
  const auto first = certificate(0);
  Instant now = monotonic_now();
  const auto tick = [&] { process.running->tick(now += std::chrono::seconds(6)); };
  tick();
  EXPECT_EQ(certificate(0), first) << "nothing changed";
  std::ofstream(authority.path("shop.key")) << "half written";
  tick();
  EXPECT_EQ(certificate(0), first) << "what cannot be used changes nothing";
  authority.issue("shop", {.names = {"shop.example", "www.shop.example"}});
  tick();
  EXPECT_EQ(certificate(0)->names.size(), 2u);
  EXPECT_EQ(certificate(1), certificate(0)) << "every service that has it";
  EXPECT_EQ(process.running->plan().generation, 2u);
  const auto certs = process.answer(R"({"ask":"certs"})")["certificates"];
  EXPECT_EQ(2u, certs[0]["names"].size());
}

TEST(Running, TicketKeysOfAFileAreReadAgainWhenItChangesAndABadOneIsRefused) {
  Process process;
  const std::string path = process.folder.file("tickets");
  const auto write = [&](const std::string& text) {
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms(0600));
  };
  const auto sealing = [&] {
    std::promise<uint8_t> told;
    process.running->shards()[0]->post([&](proxy::Shard& shard) { told.set_value(shard.ticket_keys().sealing().name[0]); });
    return told.get_future().get();
  };
  image::PlanT plan = process.plan(2);
  plan.settings->ticket_keys = path;
  EXPECT_FALSE(process.adopt(plan)) << "there is no file";
  write(std::string(106, 'A') + "A=\n");  // eighty bytes of 0
  ASSERT_TRUE(process.adopt(plan));
  EXPECT_EQ(sealing(), 0);
  Instant now = monotonic_now();
  const auto tick = [&] { process.running->tick(now += std::chrono::seconds(6)); };
  write("nothing\n");
  tick();
  EXPECT_EQ(sealing(), 0) << "what cannot be used changes nothing";
  write(std::string(106, '/') + "8=\n" + std::string(106, 'A') + "A=\n");  // of 255, and the old one
  tick();
  EXPECT_EQ(sealing(), 255);
}

TEST(Running, CachesFollowThePlansLimitsAndShowWhatTheyHold) {
  Process process;
  const auto with_objects_of = [&](uint64_t generation, uint64_t bytes) {
    image::PlanT plan = process.plan(generation);
    auto second = std::make_unique<image::CacheT>(*plan.caches[0]);
    second->name = "other";
    plan.caches.push_back(std::move(second));
    for (auto& cache : plan.caches) cache->object_bytes_max = bytes;
    EXPECT_TRUE(process.adopt(plan));
  };
  using cache::test::Asked;
  const auto stored = [&](size_t which, const char* line) {
    return cache::test::store(*process.running->plan().caches[which].cache, Asked(line), std::string(200, 'x'),
                                 "Cache-Control: max-age=60\r\n");
  };
  with_objects_of(2, 100);
  EXPECT_FALSE(stored(0, "GET /a"));
  with_objects_of(3, 1000);
  EXPECT_TRUE(stored(0, "GET /a"));
  EXPECT_THAT(process.values("cardea_l7_cache_objects"), testing::Each(0));
  process.running->tick(monotonic_now());
  EXPECT_THAT(process.values("cardea_l7_cache_objects"), testing::UnorderedElementsAre(1, 0));
  EXPECT_TRUE(stored(1, "GET /a"));
  with_objects_of(4, 1000);
  EXPECT_THAT(process.values("cardea_l7_cache_objects"), testing::UnorderedElementsAre(1, 1));
  EXPECT_EQ(process.answer(R"({"ask":"purge","url":"https://shop.com/a"})")["purged"], 2);
}

TEST(Running, HowLongACacheHidesFailuresFollowsThePlan) {
  Process process;
  using cache::test::Asked;
  const auto hides_for = [&](uint64_t generation, uint32_t seconds) {
    image::PlanT plan = process.plan(generation);
    plan.caches[0]->stale_on_error_s = seconds;
    EXPECT_TRUE(process.adopt(plan));
    auto& cache = *process.running->plan().caches[0].cache;
    EXPECT_TRUE(cache::test::store(cache, Asked("GET /a"), "body", "Cache-Control: max-age=60\r\n"));
    return cache.find(*Asked("GET /a", "", cache::test::kNow + 60 + 10)).may_serve_stale;
  };
  EXPECT_TRUE(hides_for(2, 10));
  EXPECT_FALSE(hides_for(3, 9));
  EXPECT_TRUE(hides_for(4, 11));
}

TEST(Running, TheAccessLogFollowsThePlanAndIsOpenedAnew) {
  Process process;
  const std::string path = process.folder.file("access.log"), moved = process.folder.file("access.log.1");
  const auto first_line = [](const std::string& file) {
    std::string line;
    while (line.empty()) std::getline(std::ifstream(file), line), std::this_thread::yield();
    return line;
  };
  image::PlanT plan = process.plan(2);
  plan.logs.push_back(std::make_unique<image::AccessLogT>());
  plan.logs[0]->name = "log", plan.logs[0]->target = path;
  plan.services[0]->logs = {0};
  ASSERT_TRUE(process.adopt(plan));
  const FileDescriptor client = connect_to(process.http);
  EXPECT_THAT(ask(client, kGet), HasSubstr("503"));
  EXPECT_THAT(first_line(path), HasSubstr("\"gen\":2"));
  std::filesystem::rename(path, moved);
  process.running->reopen_logs();
  EXPECT_THAT(ask(client, "GET /second HTTP/1.1\r\nHost: shop\r\n\r\n"), HasSubstr("503"));
  EXPECT_THAT(first_line(path), HasSubstr("/second"));
}

TEST(Running, AnExchangeThatFailedIsRememberedByItsId) {
  Process process;
  const FileDescriptor client = connect_to(process.http);
  EXPECT_THAT(ask(client, kGet), HasSubstr("503"));
  auto list = process.answer(R"({"ask":"exchanges","kind":"failed"})");
  for (; list["total"] == 0; list = process.answer(R"({"ask":"exchanges","kind":"failed"})")) std::this_thread::yield();
  ASSERT_EQ(list["exchanges"].size(), 1u);
  const std::string id = list["exchanges"][0]["id"];
  const auto told = process.answer(R"({"ask":"exchanges","id":")" + id + "\"}");
  EXPECT_EQ(told["reason"], "no_backend");
  EXPECT_THAT(told["verdict"].get<std::string>(), HasSubstr("status 503, no_backend, after "));
  std::string story;
  for (const auto& sentence : told["story"]) story += sentence.get<std::string>() + "\n";
  EXPECT_THAT(story, HasSubstr("of service shop by HTTP/1.1\n"));
  EXPECT_THAT(story, HasSubstr("Route / is for pool web, of which no backend was asked"));
  EXPECT_EQ(process.answer(R"({"ask":"exchanges","kind":"slow"})")["total"], 0);
  const auto unknown = answer_question(R"({"ask":"exchanges","id":"nobody's"})", *process.running);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_THAT(unknown.error().message, HasSubstr("no exchange nobody's is remembered"));
}

// Lines of those who look on by this number, once there are any.
nlohmann::json seen_by(Process& process, uint64_t number) {
  for (;;) {
    const auto seen = process.answer(R"({"ask":"tail","number":)" + std::to_string(number) + "}");
    if (!seen["lines"].empty()) return seen["lines"];
    std::this_thread::yield();
  }
}

TEST(Running, WhoLooksOnSeesWhatHisFilterLetsThroughUntilHeEnds) {
  Process process;
  const uint64_t all = process.answer(R"({"ask":"tail"})")["number"];
  const uint64_t gone = process.answer(R"({"ask":"tail","filter":"status == 404"})")["number"];
  const FileDescriptor client = connect_to(process.http);
  EXPECT_THAT(ask(client, kGet), HasSubstr("503"));
  const auto line = nlohmann::json::parse(seen_by(process, all)[0].get<std::string>());
  EXPECT_EQ(503, line["status"]);
  EXPECT_EQ("no_backend", line["reason"]);
  EXPECT_TRUE(process.answer(R"({"ask":"tail","number":)" + std::to_string(gone) + "}")["lines"].empty());
  process.answer(R"({"ask":"tail","end":true,"number":)" + std::to_string(all) + "}");
  const auto ended = answer_question(R"({"ask":"tail","number":)" + std::to_string(all) + "}", *process.running);
  ASSERT_FALSE(ended.has_value());
  EXPECT_THAT(ended.error().message, HasSubstr("begin again"));
}

TEST(Running, AFilterThatCannotBeReadAndOneTooManyAreRefused) {
  Process process;
  const auto bad = answer_question(R"({"ask":"tail","filter":"stattus > 5"})", *process.running);
  ASSERT_FALSE(bad.has_value());
  EXPECT_THAT(bad.error().message, HasSubstr("stattus"));
  for (size_t i = 0; i < Tails::kMost; ++i) process.answer(R"({"ask":"tail"})");
  EXPECT_FALSE(answer_question(R"({"ask":"tail"})", *process.running).has_value());
  process.running->tick(monotonic_now() + Tails::kPatience + std::chrono::seconds(1));
  EXPECT_TRUE(answer_question(R"({"ask":"tail"})", *process.running).has_value()) << "who does not ask has gone";
}

TEST(Running, AShardThatStandsStillIsNoticed) {
  Process process;
  EXPECT_TRUE(process.running->all_shards_went_on()) << "the first time nothing is known";
  while (!process.running->all_shards_went_on()) std::this_thread::yield();
  std::promise<void> stands, go_on;
  process.running->shards()[0]->post([&](proxy::Shard&) {
    stands.set_value();
    go_on.get_future().wait();
  });
  stands.get_future().wait();
  process.running->all_shards_went_on();  // asks again, or has asked before
  EXPECT_FALSE(process.running->all_shards_went_on());
  go_on.set_value();
  while (!process.running->all_shards_went_on()) std::this_thread::yield();
}

TEST(Answers, TellWhatRuns) {
  Process process;
  EXPECT_EQ(process.answer(R"({"ask":"status"})")["generation"], 1);
  EXPECT_EQ(process.answer(R"({"ask":"cache"})")["caches"][0]["name"], "edge");
  EXPECT_TRUE(process.answer(R"({"ask":"certs"})")["certificates"].empty());
  EXPECT_EQ(process.answer(R"({"ask":"purge","url":"http://shop/"})")["purged"], 0);
  EXPECT_THAT(process.answer(R"({"ask":"purge","url":"shop"})")["error"].get<std::string>(), HasSubstr("no URL"));
  EXPECT_THAT(process.answer(R"({"ask":"tea"})")["error"].get<std::string>(), HasSubstr("unknown question"));
  EXPECT_THAT(process.answer(R"([1])")["error"].get<std::string>(), HasSubstr("not a JSON object"));
  EXPECT_THAT(process.answer(R"({"ask":7})")["error"].get<std::string>(), HasSubstr("wrong kind"));
}

TEST(Answers, ExplainWithTheCodeThatServes) {
  Process process;
  const auto about = [&](const std::string& path) {
    return process.answer(R"({"ask":"explain","method":"GET","client":"192.0.2.7:40000","url":"http://shop:)" +
                          std::to_string(process.http) + path + "\"}");
  };
  const auto cached = about("/cached/../cached/x");
  EXPECT_EQ(cached["route"], "/cached/");
  EXPECT_EQ(cached["forward_path"], "/cached/x");
  EXPECT_EQ(cached["cache_verdict"], "miss");
  EXPECT_EQ(cached["reason"], "no_backend") << "its only backend is down";
  EXPECT_EQ(cached["candidates"][0]["state"], "down");
  EXPECT_EQ(about("/../x")["reason"], "path_above_root");
  const auto up = [](image::PlanT& plan) { plan.pools[0]->backends[0]->state = image::BackendState::up; };
  ASSERT_TRUE(process.adopt(process.changed(2, up)).has_value());
  EXPECT_EQ(about("/")["backend"], "127.0.0.1:9");
  EXPECT_EQ(about("/")["verdict"], "proxy");
  EXPECT_THAT(process.answer(R"({"ask":"explain","url":"http://shop:1/"})")["error"].get<std::string>(),
              AllOf(HasSubstr("no http service listens"), HasSubstr(std::to_string(process.http))))
      << "where one does listen";
}

}  // namespace
}  // namespace cardea::l7
