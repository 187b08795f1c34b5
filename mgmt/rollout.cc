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

Rollout::Rollout(EventLoop& loop, std::vector<const Consumer*> consumers, const MakeLink& make_link,
                 const Runtime& runtime, RingCache& rings, PlanStore& store, Hooks hooks)
    : loop_(loop), runtime_(runtime), rings_(rings), hooks_(std::move(hooks)) {
  for (const Consumer* consumer : consumers) {
    const size_t index = processes_.size();
    processes_.push_back(std::make_unique<PlanSync>(
        loop, *consumer, make_link, plans_, store,
        [this, index](bool connected) { on_link(*processes_[index], connected); }, [this] { on_in_step(); },
        [this] { hooks_.on_state(); }));
  }
}

void Rollout::begin_with(Candidate in_force, Candidate waiting, const std::vector<std::string>& names) {
  plans_.waiting = std::move(waiting);
  for (const auto& process : processes_)
    if (plans_.waiting && std::ranges::count(names, process->consumer().name) > 0)
      waits_.push_back({process.get(), fmt::format("restart {}", process->consumer().process)});
  take_into_force(std::move(in_force));
  for (auto& process : processes_) process->release();
}

// ---- offers

void Rollout::offer(Candidate candidate, Done done) {
  enqueue({std::move(candidate), std::move(done)});
}

void Rollout::enqueue(Offer offer) {
  offers_.push_back(std::move(offer));
  if (offers_.size() > 1) return;
  touched_meanwhile_.clear();
  start_next();
}

// What waited is old news when something newer has come into force or waits since.
void Rollout::start_next() {
  const Offer& offer = offers_.front();
  if (offer.again && offer.candidate.generation != plans_.waiting.generation) return end_offer();
  for (auto& process : processes_) process->hold();
  ask_next();
}

// All are asked before one is told to wait for its restart: what another refuses for good would wait in vain.
void Rollout::ask_next() {
  Offer& offer = offers_.front();
  while (offer.next < processes_.size()) {
    PlanSync& process = *processes_[offer.next++];
    if (!process.consumer().concerned(*offer.candidate.config) && !process.concerned()) continue;
    return process.try_plan(offer.candidate, [this, &process](const Ending& ending) { on_answer(process, ending); });
  }
  if (offer.wait.empty()) return succeed();
  wait_for_restart();
}

void Rollout::on_answer(PlanSync& process, const Ending& ending) {
  Offer& offer = offers_.front();
  if (ending.outcome == Outcome::kRefused) {
    if (ending.code != control::Code::kNeedsRestart) return refuse(ending);
    offer.wait.push_back({&process, ending.reason});
  }
  if (ending.outcome > offer.ending.outcome) offer.ending = ending;
  ask_next();
}

void Rollout::refuse(const Ending& ending) {
  Offer& offer = offers_.front();
  offer.ending = ending;
  const bool waited = plans_.waiting && plans_.waiting.generation == offer.candidate.generation;
  if (waited) plans_.waiting = {}, waits_.clear();
  for (auto& process : processes_) process->put_back();
  if (waited) store_next_start(), hooks_.on_waiting(), hooks_.on_waited_in_vain(offer.candidate.generation, ending);
  end_offer();
}

void Rollout::wait_for_restart() {
  Offer& offer = offers_.front();
  plans_.waiting = std::move(offer.candidate);
  waits_ = std::move(offer.wait);
  recompute(plans_.waiting, touched_meanwhile_);
  for (auto& process : processes_) process->put_back();
  store_next_start();
  hooks_.on_waiting();
  end_offer();
}

void Rollout::succeed() {
  plans_.waiting = {}, waits_.clear();
  take_into_force(std::move(offers_.front().candidate));
  store_next_start();
  end_offer();
}

void Rollout::end_offer() {
  Offer offer = std::move(offers_.front());
  offers_.pop_front();
  if (offer.done) offer.done(offer.ending);
  if (!offers_.empty()) return start_next();
  for (auto& process : processes_) process->release();
  on_in_step();
}

// Events since its states were found are in the runtime state and not in them.
void Rollout::take_into_force(Candidate candidate) {
  plans_.in_force = std::move(candidate);
  const auto changed = recompute(plans_.in_force, touched_meanwhile_);
  for (auto& process : processes_) {
    process->on_in_force();
    process->change(changed);
  }
  hooks_.on_in_force();
  on_in_step();
  rings_.trim();
}

void Rollout::store_next_start() {
  for (auto& process : processes_) process->store_next_start(true);
}

// While something is offered some may run that: what is known of backends in it is still needed.
void Rollout::on_in_step() {
  if (!offers_.empty()) return;
  if (std::ranges::all_of(processes_, [](const auto& process) { return process->follows(); })) hooks_.on_everywhere();
}

// Before the process is handed anything: its restart may be the last one that the newest configuration waited for.
void Rollout::on_link(const PlanSync& process, bool connected) {
  if (!connected || std::ranges::count(waits_, &process, &Refused::process) == 0) return;
  if (!std::ranges::all_of(waits_, [](const Refused& one) { return one.process->connected(); })) return;
  enqueue({plans_.waiting, {}, true});
}

// ---- what is said of it

std::vector<std::string> Rollout::waits_for() const {
  std::vector<std::string> names;
  for (const auto& one : waits_) names.push_back(one.process->consumer().name);
  return names;
}

std::vector<std::string> Rollout::restarts() const {
  std::vector<std::string> processes;
  for (const auto& one : waits_) processes.push_back(one.process->consumer().process);
  return processes;
}

std::vector<std::string> Rollout::why_it_waits() const {
  std::vector<std::string> reasons;
  for (const auto& one : waits_) reasons.push_back(one.reason);
  return reasons;
}

std::string Rollout::problem(const PlanSync& process) const {
  const auto waits = std::ranges::find(waits_, &process, &Refused::process);
  if (waits == waits_.end() || process.start_failure()) return process.problem();
  return fmt::format("generation {} waits: {}", plans_.waiting.generation, waits->reason);
}

bool Rollout::serves_nothing(std::string_view who) const {
  return std::ranges::any_of(processes_,
                             [&](const auto& one) { return one->consumer().words == who && one->serves_nothing(); });
}

// ---- backends' states

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
  const auto changed = recompute(plans_.in_force, pools);
  for (auto& process : processes_) process->change(changed);
  if (!recompute(plans_.waiting, pools).empty())
    for (auto& process : processes_) process->store_next_start(false);
  if (!changed.empty()) rings_.trim();
  tell(std::move(touches));
}

// Those of the pools whose states really changed.
std::vector<std::string> Rollout::recompute(Candidate& candidate, const std::set<std::string>& pools) {
  std::vector<std::string> changed;
  if (!candidate || pools.empty()) return changed;
  const auto& all = candidate.config->pools;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!pools.contains(all[i].name)) continue;
    auto state = pool_state(*candidate.config, i, runtime_, rings_);
    if (!state) {
      log::error("{}", state.error().message);
      continue;
    }
    if (state->backends == candidate.states[i].backends) continue;
    candidate.states[i] = std::move(*state);
    changed.push_back(all[i].name);
  }
  return changed;
}

// Each touch ends when every process that has its pool was told, changed or not: an update may be on its way.
void Rollout::tell(std::vector<Touch> touches) {
  std::unordered_map<std::string, std::vector<PlanSync*>> holders;
  for (auto& process : processes_) {
    if (!process->concerned()) continue;
    for (const size_t i : process->consumer().pools(*plans_.in_force.config))
      holders[plans_.in_force.config->pools[i].name].push_back(process.get());
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
