#include "mgmt/rollout.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/log.h"

namespace cardea::mgmt {
namespace {

// The worst of several processes' endings: somebody refused, somebody is away, all adopted.
struct Joined {
  size_t awaited = 0;
  Ending worst;
  PlanSync::Done done;

  void arrived(const Ending& ending) {
    if (ending.outcome > worst.outcome) worst = ending;
    if (--awaited == 0 && done) done(worst);
  }
};

}  // namespace

Rollout::Rollout(EventLoop& loop, std::vector<const Consumer*> consumers, const std::string& run_dir,
                 const Runtime& runtime, RingCache& rings, Store& store, OnInForce on_in_force)
    : loop_(loop), runtime_(runtime), rings_(rings), on_in_force_(std::move(on_in_force)) {
  for (const Consumer* consumer : consumers) {
    const size_t index = processes_.size();
    processes_.push_back(
        std::make_unique<PlanSync>(loop, *consumer, run_dir, in_force_, store,
                                   [this, index](bool connected) { on_link(*processes_[index], connected); }));
  }
}

void Rollout::begin_with(Candidate candidate) {
  take_into_force(std::move(candidate), {},
                  false);  // what a process has stored was good for it; this is not known to be
  for (auto& process : processes_) process->release();
}

void Rollout::offer(Candidate candidate, Done done) {
  offers_.push_back({std::move(candidate), std::move(done)});
  if (offers_.size() > 1) return;
  touched_meanwhile_.clear();
  start_next();
}

void Rollout::start_next() {
  for (auto& process : processes_) process->hold();
  ask_next();
}

void Rollout::ask_next() {
  Offer& offer = offers_.front();
  while (offer.next < processes_.size()) {
    PlanSync& process = *processes_[offer.next++];
    if (!process.consumer().concerned(*offer.candidate.config) && !process.concerned()) continue;
    return process.try_plan(offer.candidate, [this, &process](const Ending& ending) { on_answer(process, ending); });
  }
  succeed();
}

void Rollout::on_answer(PlanSync& process, const Ending& ending) {
  Offer& offer = offers_.front();
  if (ending.outcome == Outcome::kRefused) return refuse(process, ending);
  if (ending.outcome == Outcome::kAdopted) offer.tried.push_back(&process);
  if (ending.outcome == Outcome::kAway) offer.ending = ending;
  ask_next();
}

void Rollout::refuse(PlanSync& process, const Ending& ending) {
  Offer& offer = offers_.front();
  for (PlanSync* other : offer.tried) {
    log::info("{} gets generation {} back", other->consumer().words, in_force_.generation);
    other->put_back();
  }
  if (process.consumer().asks_for_restart(ending.reason)) {
    waiting_ = {offer.candidate, &process, ending.reason};
    process.store(offer.candidate, true);  // the restarted process starts from it
  }
  offer.ending = ending;
  end_offer();
}

void Rollout::succeed() {
  Offer& offer = offers_.front();
  waiting_ = {};
  take_into_force(std::move(offer.candidate), offer.tried, true);
  end_offer();
}

void Rollout::end_offer() {
  Offer offer = std::move(offers_.front());
  offers_.pop_front();
  if (offer.done) offer.done(offer.ending);
  if (!offers_.empty()) return start_next();
  for (auto& process : processes_) process->release();
}

// Events since its states were found are in the runtime state and not in them.
void Rollout::take_into_force(Candidate candidate, const std::vector<PlanSync*>& run_it, bool store) {
  in_force_ = std::move(candidate);
  for (auto& process : processes_) process->take(std::ranges::count(run_it, process.get()) > 0, store);
  const auto changed = recompute(touched_meanwhile_);
  for (auto& process : processes_) process->change(changed);
  on_in_force_();
  rings_.trim();
}

// Before the process is handed anything: a restart may be what the newest configuration waited for.
void Rollout::on_link(const PlanSync& process, bool connected) {
  if (!connected || waiting_.process != &process) return;
  Waiting waiting = std::exchange(waiting_, {});
  if (auto states = pool_states(*waiting.candidate.config, runtime_, rings_))
    waiting.candidate.states = std::move(*states);
  offer(std::move(waiting.candidate), {});
}

std::string Rollout::problem(const PlanSync& process) const {
  if (waiting_.process != &process) return process.problem();
  return fmt::format("generation {} waits: {}", waiting_.candidate.generation, waiting_.reason);
}

bool Rollout::serves_nothing(std::string_view who) const {
  return std::ranges::any_of(processes_,
                             [&](const auto& one) { return one->consumer().words == who && one->serves_nothing(); });
}

// A burst of events costs one look at the pools concerned.
void Rollout::touch(const std::string& pool, Done done) {
  touches_.push_back({pool, std::move(done)});
  if (std::exchange(flush_due_, true)) return;
  loop_.post([this] { flush_touches(); });
}

void Rollout::flush_touches() {
  flush_due_ = false;
  auto touches = std::exchange(touches_, {});
  std::set<std::string> pools;
  for (const auto& touch : touches) pools.insert(touch.pool);
  touched_meanwhile_.insert(pools.begin(), pools.end());
  const auto changed = recompute(pools);
  for (auto& process : processes_) process->change(changed);
  if (!changed.empty()) rings_.trim();
  tell(std::move(touches));
}

// Those of the pools whose states really changed.
std::vector<std::string> Rollout::recompute(const std::set<std::string>& pools) {
  std::vector<std::string> changed;
  if (!in_force_ || pools.empty()) return changed;
  const auto& all = in_force_.config->pools;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!pools.contains(all[i].name)) continue;
    auto state = pool_state(*in_force_.config, i, runtime_, rings_);
    if (!state) {
      log::error("{}", state.error().message);
      continue;
    }
    if (state->backends == in_force_.states[i].backends) continue;
    in_force_.states[i] = std::move(*state);
    changed.push_back(all[i].name);
  }
  return changed;
}

// Each touch ends when every process that has its pool was told, changed or not: an update may be on its way.
void Rollout::tell(std::vector<Touch> touches) {
  std::unordered_map<std::string, std::vector<PlanSync*>> holders;
  for (auto& process : processes_) {
    if (!process->concerned()) continue;
    for (const size_t i : process->consumer().pools(*in_force_.config))
      holders[in_force_.config->pools[i].name].push_back(process.get());
  }
  for (auto& touch : touches) {
    if (!touch.done) continue;
    const auto& concerned = holders[touch.pool];
    auto joined = std::make_shared<Joined>(concerned.size(), Ending{}, std::move(touch.done));
    if (concerned.empty()) joined->awaited = 1, joined->arrived({});
    for (PlanSync* process : concerned) process->when_sent([joined](const Ending& ending) { joined->arrived(ending); });
  }
  for (auto& process : processes_) process->send();
}

}  // namespace cardea::mgmt
