// The real Rollout and PlanSync against two simulated processes, over many interleavings of what can happen: answers
// that come late, connections that break at any step, processes that restart, plans that are refused or wait, events
// about backends in between; and cardea-mgmt itself is killed in the middle of it and starts from what it keeps.
// Everything runs on one thread in an order that the seed decides.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "mgmt/rollout.h"
#include "tests/unit/mgmt/stepped_process.h"

namespace cardea::mgmt {
namespace {

using test::Pools;
using test::SteppedDisk;
using test::SteppedProcess;

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed) {
    make();
    rollout_->begin_with(candidate("ok", {1, 1}));
  }

  void run(size_t steps) {
    for (size_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      step();
      loop_->run_due();
      check_always();
    }
    settle();
    check_at_rest();
  }

 private:
  size_t pick(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random_); }
  SteppedProcess& some() { return *processes_[pick(2)]; }

  Candidate candidate(const std::string& cluster, std::array<size_t, 2> cpus) {
    auto config = test::both_processes();
    config.cluster.name = cluster;
    config.l7->shards.assign(cpus[0], 0);
    config.dataplane->workers.assign(cpus[1], 0);
    if (pick(3) == 0) config.pools[0].backends.pop_back();
    auto states = pool_states(config, runtime_, *rings_).value();
    return {std::make_shared<const conf::Config>(std::move(config)), std::move(states), ++generation_};
  }

  void offer() {
    constexpr const char* kClusters[] = {"ok", "ok", "ok", "no-l7", "no-dataplane", "no-l7 no-dataplane"};
    const std::array<size_t, 2> cpus{pick(3) == 0 ? 2u : 1u, pick(3) == 0 ? 2u : 1u};
    auto offered = candidate(kClusters[pick(std::size(kClusters))], cpus);
    ++awaited_;
    rollout_->offer(std::move(offered), [this, generation = generation_](const Ending& how) {
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
    rollout_->touch(pool, [this](const Ending&) { --awaited_; });
  }

  // As Site does: what is in its folder is all that is left.
  void keep() {
    kept_.accepted = rollout_->in_force();
    kept_.waiting = rollout_->waiting();
    kept_.waits_for = rollout_->waits_for();
  }
  void make() {
    rollout_.reset();
    loop_ = std::make_unique<EventLoop>();
    rings_ = std::make_unique<RingCache>();
    processes_.clear();
    rollout_ = std::make_unique<Rollout>(
        *loop_, std::vector{&kL7, &kDataplane},
        [this](const Consumer& consumer, PlanLink::OnLink on_link) {
          auto made = std::make_unique<SteppedProcess>(consumer, std::move(on_link));
          processes_.push_back(made.get());
          return made;
        },
        runtime_, *rings_, disk_,
        Rollout::Hooks{[this] { keep(); }, [this] { keep(); }, [this] { check_everywhere(); }});
  }
  Candidate again(const Candidate& kept) {
    if (!kept) return {};
    return {kept.config, pool_states(*kept.config, runtime_, *rings_).value(), kept.generation};
  }
  // Killed: some of what was asked is served all the same, and nobody hears the answer.
  void restart() {
    std::vector<SteppedProcess> left;
    for (SteppedProcess* process : processes_) {
      for (size_t served = pick(3); served > 0; --served) process->serve_one();
      disk_.write(process->consumer());
      left.emplace_back(process->consumer(), [](bool) {}).go_on_as(*process);
    }
    disk_.plans.clear();
    awaited_ = 0;
    const Kept kept = kept_;
    make();
    for (size_t i = 0; i < left.size(); ++i) processes_[i]->go_on_as(left[i]);
    rollout_->begin_with(again(kept.accepted), again(kept.waiting), kept.waits_for);
    EXPECT_EQ(rollout_->in_force().generation, kept.accepted.generation);
    EXPECT_EQ(rollout_->waiting().generation, kept.waiting.generation);
    EXPECT_EQ(rollout_->waits_for(), kept.waits_for);
  }

  // From now on, or no more.
  void lose_card() {
    SteppedProcess& process = *processes_[1];
    process.cannot_start = !process.cannot_start;
    if (process.cannot_start) process.restart({});
  }

  void step() {
    if (pick(40) == 0) return restart();
    if (pick(40) == 0) return lose_card();
    switch (pick(17)) {
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
        SteppedProcess& process = some();
        return process.restart(disk_.stored(process.consumer()));
      }
      case 7: {
        const size_t i = pick(2);
        processes_[i]->refuses_next_update = rollout_->processes()[i]->in_step();
        return;
      }
      case 8: {
        SteppedProcess& process = some();
        process.refuses_plans = !process.refuses_plans && pick(3) == 0;
        return;
      }
      case 9:
      case 10:
      case 11:
      case 12:
        some().serve_one();
        return;
      default:
        some().deliver_one();
    }
  }

  void settle() {
    for (SteppedProcess* process : processes_) {
      process->refuses_next_update = process->refuses_plans = process->cannot_start = false;
      process->connect();
    }
    for (bool busy = true; busy;) {
      loop_->run_due();
      busy = false;
      for (SteppedProcess* process : processes_) busy |= process->serve_one(), busy |= process->deliver_one();
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
    for (const SteppedProcess* process : processes_)
      EXPECT_EQ(process->running.generation, rollout_->in_force().generation) << process->consumer().name;
  }

  void check_always() {
    EXPECT_EQ(kept_.accepted.generation, rollout_->in_force().generation) << "a restart would bring another one back";
    EXPECT_EQ(kept_.waiting.generation, rollout_->waiting().generation);
    EXPECT_EQ(kept_.waits_for, rollout_->waits_for());
    EXPECT_GE(rollout_->in_force().generation, newest_taken_) << "an older configuration came back into force";
    if (rollout_->waiting()) EXPECT_GT(rollout_->waiting().generation, rollout_->in_force().generation);
    for (size_t i = 0; i < 2; ++i) {
      const auto& sync = *rollout_->processes()[i];
      if (sync.start_failure()) EXPECT_FALSE(sync.runs_a_plan()) << sync.consumer().name << ": old words";
      if (!sync.in_step()) continue;
      EXPECT_EQ(processes_[i]->running.generation, rollout_->in_force().generation) << sync.consumer().name;
      EXPECT_EQ(processes_[i]->running.pools, wanted(sync.consumer(), rollout_->in_force())) << sync.consumer().name;
    }
  }

  void check_at_rest() {
    check_always();
    for (const SteppedProcess* process : processes_)
      if (rollout_->waiting())
        EXPECT_EQ(std::ranges::count(process->refused_for_good, rollout_->waiting().generation), 0)
            << process->consumer().name << " would refuse it again";
    EXPECT_EQ(awaited_, 0) << "somebody still waits for an answer";
    for (size_t i = 0; i < 2; ++i) {
      const auto& sync = *rollout_->processes()[i];
      EXPECT_NE(sync.in_step(), sync.problem() != "") << sync.consumer().name << ": " << sync.problem();
      check_pools_known(*processes_[i]);
      check_next_start(*processes_[i], sync);
    }
  }
  // Whatever plan it runs: pools that it and the plan in force have follow their backends.
  void check_pools_known(const SteppedProcess& process) {
    for (const auto& [name, backends] : wanted(process.consumer(), rollout_->in_force())) {
      const auto found = process.running.pools.find(name);
      if (found == process.running.pools.end() || found->second.size() != backends.size()) continue;
      EXPECT_EQ(found->second, backends) << process.consumer().name << ", " << name;
    }
  }
  void check_next_start(SteppedProcess& process, const PlanSync& sync) {
    const Candidate& expected = rollout_->waiting() ? rollout_->waiting() : rollout_->in_force();
    if (!rollout_->waiting() && !sync.in_step()) return;  // not what it refused for good
    const auto stored = disk_.stored(process.consumer());
    ASSERT_TRUE(stored) << process.consumer().name;
    EXPECT_EQ(stored->generation, expected.generation) << process.consumer().name;
    EXPECT_EQ(stored->pools, wanted(process.consumer(), expected)) << process.consumer().name;
  }

  struct Kept {
    Candidate accepted, waiting;
    std::vector<std::string> waits_for;
  };

  std::mt19937_64 random_;
  Runtime runtime_;
  SteppedDisk disk_;
  Kept kept_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<RingCache> rings_;
  std::vector<SteppedProcess*> processes_;
  uint64_t generation_ = 0, newest_taken_ = 0;
  int awaited_ = 0;
  std::unique_ptr<Rollout> rollout_;
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
