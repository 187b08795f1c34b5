// The real Rollout and PlanSync against two simulated processes, over many interleavings of what can happen: answers
// that come late, connections that break at any step, processes that restart, plans that are refused or wait, events
// about backends in between. Everything runs on one thread in an order that the seed decides.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "dataplane/plan_generated.h"
#include "l7/plan_generated.h"
#include "mgmt/rollout.h"
#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt {
namespace {

using Pools = std::map<std::string, std::map<std::string, int>>;  // pool → backend → state

struct Running {
  uint64_t generation = 0;  // 0: nothing
  std::string cluster;
  size_t cpus = 0;
  Pools pools;
};

template <typename Written>
void read_pools(const Written& from, Pools& pools) {
  for (const auto* pool : from) {
    auto& backends = pools[pool->name()->str()];
    backends.clear();
    for (const auto* backend : *pool->backends()) backends[backend->name()->str()] = int(backend->state());
  }
}

Running read_plan(const Consumer& consumer, const Image& image) {
  Running plan;
  if (&consumer == &kL7) {
    const auto* from = flatbuffers::GetRoot<l7::image::Plan>(image.data());
    plan = {from->generation(), from->cluster()->str(), from->settings()->shards()->size(), {}};
    read_pools(*from->pools(), plan.pools);
  } else {
    const auto* from = flatbuffers::GetRoot<dataplane::image::Plan>(image.data());
    plan = {from->generation(), from->cluster()->str(), from->settings()->workers()->size(), {}};
    read_pools(*from->pools(), plan.pools);
  }
  return plan;
}

Running read_update(const Consumer& consumer, const Image& image) {
  Running update;
  if (&consumer == &kL7) {
    const auto* from = flatbuffers::GetRoot<l7::image::PoolUpdate>(image.data());
    update.generation = from->generation();
    read_pools(*from->pools(), update.pools);
  } else {
    const auto* from = flatbuffers::GetRoot<dataplane::image::PoolUpdate>(image.data());
    update.generation = from->generation();
    read_pools(*from->pools(), update.pools);
  }
  return update;
}

// A process with its plan socket. Requests wait until the test lets it serve one, and each answer until it is
// delivered.
class Process : public PlanLink {
 public:
  Process(const Consumer& consumer, OnLink on_link) : consumer_(consumer), on_link_(std::move(on_link)) {}

  void adopt(Image plan, uint64_t, Done done) override {
    submit({std::move(done), {}, [this, plan = std::move(plan)] { return adopt(read_plan(consumer_, plan)); }});
  }
  void update_pools(Image update, uint64_t, Done done) override {
    submit({std::move(done), {}, [this, update = std::move(update)] { return take(read_update(consumer_, update)); }});
  }
  void ask(std::string, Answered done) override { submit({{}, std::move(done), {}}); }
  Peer link() const override { return {connected, 1, {}}; }

  bool serve_one() {  // takes a request and leaves the answer on its way
    if (requests_.empty()) return false;
    Answer answer{std::move(requests_.front()), {}, {}};
    requests_.pop_front();
    if (answer.request.done) answer.how = answer.request.work();
    if (answer.request.answered) answer.status = status();
    answers_.push_back(std::move(answer));
    return true;
  }
  bool deliver_one() {
    if (answers_.empty()) return false;
    Answer answer = std::move(answers_.front());
    answers_.pop_front();
    if (answer.request.answered) {
      answer.request.answered(std::move(answer.status));
    } else {
      answer.request.done(std::move(answer.how));
    }
    return true;
  }
  void connect() {
    if (std::exchange(connected, true)) return;
    on_link_(true);
  }
  void disconnect() {
    if (!std::exchange(connected, false)) return;
    for (auto& answer : std::exchange(answers_, {})) fail(answer.request);
    for (auto& request : std::exchange(requests_, {})) fail(request);
    refuses_next_update = false;
    on_link_(false);
  }
  void restart(const std::optional<Running>& stored) {
    disconnect();
    running = stored.value_or(Running{});
    by_stored_plan_ = &consumer_ == &kL7;  // what is handed over first has the say
  }

  bool connected = false;
  bool refuses_next_update = false;
  Running running;
  const Consumer& consumer() const { return consumer_; }

 private:
  struct Request {
    Done done;
    Answered answered;
    std::move_only_function<Adopted()> work;
  };
  struct Answer {  // on its way
    Request request;
    Adopted how;
    control::Outcome<std::string> status;
  };
  control::Outcome<std::string> status() const {
    if (running.generation == 0) return control::no_plan_yet();
    return fmt::format(R"({{"generation":{}}})", running.generation);
  }
  static void fail(Request& request) {
    const control::Failure gone({"gone", Origin::kSelf, Retry::kSafe}, control::Code::kClosed);
    if (request.answered) return request.answered(std::unexpected(gone));
    request.done(std::unexpected(gone));
  }
  void submit(Request request) {
    if (!connected) return fail(request);
    requests_.push_back(std::move(request));
  }
  // A cluster's name says who refuses it; the number of cores is what only a restart can change.
  Adopted adopt(Running plan) {
    refuses_next_update = false;
    if (plan.cluster.find(fmt::format("no-{}", consumer_.name)) != plan.cluster.npos)
      return control::refuse(control::Code::kOther, "restart cardea for fun", Origin::kBackend);
    const bool fixed = running.generation != 0 && !by_stored_plan_;
    if (fixed && plan.cpus != running.cpus)
      return control::refuse(control::Code::kNeedsRestart, "no", Origin::kBackend);
    running = std::move(plan);
    by_stored_plan_ = false;
    return running.generation;
  }
  Adopted take(const Running& update) {
    if (running.generation == 0) return control::no_plan_yet();
    if (std::exchange(refuses_next_update, false) || update.generation != running.generation)
      return control::refuse(control::Code::kOther, "no such plan", Origin::kBackend);
    for (const auto& [name, backends] : update.pools)
      if (!running.pools.contains(name)) return control::refuse(control::Code::kOther, "no such pool");
    for (const auto& [name, backends] : update.pools) running.pools[name] = backends;
    return running.generation;
  }

  const Consumer& consumer_;
  OnLink on_link_;
  bool by_stored_plan_ = false;
  std::deque<Request> requests_;
  std::deque<Answer> answers_;
};

class Disk : public PlanStore {
 public:
  void plan(const std::string& name, Produce produce, bool) override { plans[name] = std::move(produce); }
  std::optional<Running> stored(const Consumer& consumer) {
    const auto found = plans.find(consumer.name);
    if (found == plans.end()) return std::nullopt;
    auto image = found->second();
    return image ? std::optional(read_plan(consumer, *image)) : std::nullopt;
  }
  std::map<std::string, Produce> plans;
};

class Model {
 public:
  explicit Model(uint64_t seed)
      : random_(seed),
        rollout_(
            loop_, {&kL7, &kDataplane},
            [this](const Consumer& consumer, PlanLink::OnLink on_link) {
              auto made = std::make_unique<Process>(consumer, std::move(on_link));
              processes_.push_back(made.get());
              return made;
            },
            runtime_, rings_, disk_, Rollout::Hooks{[] {}, [] {}, [this] { check_everywhere(); }}) {
    rollout_.begin_with(candidate("ok", {1, 1}));
  }

  void run(size_t steps) {
    for (size_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      step();
      loop_.run_due();
      check_always();
    }
    settle();
    check_at_rest();
  }

 private:
  size_t pick(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random_); }
  Process& some() { return *processes_[pick(2)]; }

  Candidate candidate(const std::string& cluster, std::array<size_t, 2> cpus) {
    auto config = testing::config();
    config.cluster.name = cluster;
    config.l7.emplace().shards.assign(cpus[0], 0);
    config.dataplane->workers.assign(cpus[1], 0);
    config.pools.push_back(testing::pool("api", {testing::backend("10.0.0.61:80"), testing::backend("10.0.0.62:80")}));
    if (pick(3) == 0) config.pools[0].backends.pop_back();
    auto site = testing::service("site", "203.0.113.80:80", "web");
    site.mode = conf::Mode::kHttp;
    site.routes.resize(1);
    site.routes[0].match.path = "/api";
    site.routes[0].pool = "api";
    config.services.push_back(site);
    auto states = pool_states(config, runtime_, rings_).value();
    return {std::make_shared<const conf::Config>(std::move(config)), std::move(states), ++generation_};
  }

  void offer() {
    constexpr const char* kClusters[] = {"ok", "ok", "ok", "no-l7", "no-dataplane", "no-l7 no-dataplane"};
    const std::array<size_t, 2> cpus{pick(3) == 0 ? 2u : 1u, pick(3) == 0 ? 2u : 1u};
    auto offered = candidate(kClusters[pick(std::size(kClusters))], cpus);
    ++awaited_;
    rollout_.offer(std::move(offered), [this, generation = generation_](const Ending& how) {
      --awaited_;
      if (how.outcome != Outcome::kRefused) newest_taken_ = std::max(newest_taken_, generation);
    });
  }
  void touch() {
    constexpr std::pair<const char*, const char*> kBackends[] = {
        {"web", "10.0.0.11:8080"}, {"web", "10.0.0.12:8080"}, {"dns", "10.0.0.53:53"}, {"api", "10.0.0.61:80"}};
    const auto& [pool, backend] = kBackends[pick(4)];
    runtime_.health[{pool, backend}].up = !runtime_.healthy({pool, backend});
    ++awaited_;
    rollout_.touch(pool, [this](const Ending&) { --awaited_; });
  }

  void step() {
    switch (pick(16)) {
      case 0:
        return offer();
      case 1:
      case 2:
        return touch();
      case 3:
        return some().disconnect();
      case 4:
      case 5:
        return some().connect();
      case 6: {
        Process& process = some();
        return process.restart(disk_.stored(process.consumer()));
      }
      case 7: {
        const size_t i = pick(2);
        processes_[i]->refuses_next_update = rollout_.processes()[i]->in_step();
        return;
      }
      case 8:
      case 9:
      case 10:
      case 11:
        some().serve_one();
        return;
      default:
        some().deliver_one();
    }
  }

  void settle() {
    for (Process* process : processes_) process->refuses_next_update = false, process->connect();
    for (bool busy = true; busy;) {
      loop_.run_due();
      busy = false;
      for (Process* process : processes_) busy |= process->serve_one(), busy |= process->deliver_one();
    }
  }

  Pools wanted(const Consumer& consumer, const Candidate& of) {
    Pools pools;
    for (const size_t i : consumer.pools(*of.config)) {
      const auto& pool = of.config->pools[i];
      for (const auto& backend : pool.backends)
        pools[pool.name][backend.address.text()] = int(runtime_.standing_of(pool, backend).state);
    }
    return pools;
  }

  void check_everywhere() {
    for (const Process* process : processes_)
      EXPECT_EQ(process->running.generation, rollout_.in_force().generation) << process->consumer().name;
  }

  void check_always() {
    EXPECT_GE(rollout_.in_force().generation, newest_taken_) << "an older configuration came back into force";
    if (rollout_.waiting()) EXPECT_GT(rollout_.waiting().generation, rollout_.in_force().generation);
    for (size_t i = 0; i < 2; ++i) {
      const auto& sync = *rollout_.processes()[i];
      if (!sync.in_step()) continue;
      EXPECT_EQ(processes_[i]->running.generation, rollout_.in_force().generation) << sync.consumer().name;
      EXPECT_EQ(processes_[i]->running.pools, wanted(sync.consumer(), rollout_.in_force())) << sync.consumer().name;
    }
  }

  void check_at_rest() {
    check_always();
    EXPECT_EQ(awaited_, 0) << "somebody still waits for an answer";
    for (size_t i = 0; i < 2; ++i) {
      const auto& sync = *rollout_.processes()[i];
      EXPECT_NE(sync.in_step(), sync.problem() != "") << sync.consumer().name << ": " << sync.problem();
      check_pools_known(*processes_[i]);
      check_next_start(*processes_[i], sync);
    }
  }
  // Whatever plan it runs: pools that it and the plan in force have follow their backends.
  void check_pools_known(const Process& process) {
    for (const auto& [name, backends] : wanted(process.consumer(), rollout_.in_force())) {
      const auto found = process.running.pools.find(name);
      if (found == process.running.pools.end() || found->second.size() != backends.size()) continue;
      EXPECT_EQ(found->second, backends) << process.consumer().name << ", " << name;
    }
  }
  void check_next_start(Process& process, const PlanSync& sync) {
    const Candidate& expected = rollout_.waiting() ? rollout_.waiting() : rollout_.in_force();
    if (!rollout_.waiting() && !sync.in_step()) return;  // not what it refused for good
    const auto stored = disk_.stored(process.consumer());
    ASSERT_TRUE(stored) << process.consumer().name;
    EXPECT_EQ(stored->generation, expected.generation) << process.consumer().name;
    EXPECT_EQ(stored->pools, wanted(process.consumer(), expected)) << process.consumer().name;
  }

  std::mt19937_64 random_;
  EventLoop loop_;
  Runtime runtime_;
  RingCache rings_;
  Disk disk_;
  std::vector<Process*> processes_;
  uint64_t generation_ = 0, newest_taken_ = 0;
  int awaited_ = 0;
  Rollout rollout_;
};

TEST(RolloutModel, HoldsItsPromisesInEveryOrderOfEvents) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Model(seed).run(120);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace cardea::mgmt
