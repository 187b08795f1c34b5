#include "mgmt/plan_sync.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace cardea::mgmt {
namespace {

bool cannot_start(const Adopted& adopted) {
  return !adopted && adopted.error().code == control::Code::kCannotStart;
}

bool was_refused(const Adopted& adopted) {
  return !adopted && adopted.error().retry == Retry::kNever;
}

// What a process runs by its status; nothing when that does not say.
std::optional<uint64_t> generation_told(const control::Outcome<std::string>& status) {
  if (!status) return status.error().code == control::Code::kNoPlan ? std::optional<uint64_t>(0) : std::nullopt;
  const auto words = nlohmann::json::parse(*status, nullptr, false);
  if (!words.is_object() || !words.contains("generation") || !words["generation"].is_number_unsigned()) return {};
  return words["generation"].get<uint64_t>();
}

}  // namespace

PlanSync::PlanSync(EventLoop& loop, const Consumer& consumer, const MakeLink& make_link, const Plans& plans,
                   PlanStore& store, OnLink on_link, OnInStep on_in_step, OnState on_state)
    : loop_(loop),
      consumer_(consumer),
      plans_(plans),
      store_(store),
      on_link_(std::move(on_link)),
      on_in_step_(std::move(on_in_step)),
      on_state_(std::move(on_state)),
      link_(make_link(consumer, [this](bool connected) {
        loop_.post([this, connected] { this->on_link(connected); });
      })) {}

std::string PlanSync::problem() const {
  if (start_failure_)
    return fmt::format("it could not start with generation {}: {}", start_failure_->generation, start_failure_->reason);
  switch (state_) {
    case PeerState::kAway:
      return "it is not connected";
    case PeerState::kOff:
      return refusal_.message;
    case PeerState::kUnneeded:
      return fmt::format("the configuration has no section for it: it keeps its last plan; stop {}", consumer_.process);
    default:
      return "";
  }
}

Ending PlanSync::away() const {
  return {Outcome::kAway, consumer_.words, fmt::format("{} is not connected", consumer_.words), control::Code::kClosed};
}

void PlanSync::happened(PeerEvent event) {
  state_ = next(state_, event);
  if (runs_a_plan()) start_failure_.reset();
  on_state_();
}

// ---- the connection

void PlanSync::on_link(bool connected) {
  if (connected) {
    log::info("{} is connected", consumer_.words);
  } else if (start_failure_) {
    log::warning("the connection to {} is gone; it serves nothing", consumer_.words);
  } else {
    log::warning("the connection to {} is gone; it serves its last plan if it lives", consumer_.words);
  }
  lose();
  if (connected) happened(PeerEvent::kConnected);
  on_link_(connected);
  if (work_ == Work::kNone) settle();
}

// What was under way ends with its connection: the next one hands over everything.
void PlanSync::lose() {
  ++connections_;
  happened(PeerEvent::kLost);
  running_generation_.reset();
  work_ = Work::kNone;
  update_ending_ = {};
  end_try(away());
  end_changes(away());
}

// Nothing is under way any more: what is due next?
void PlanSync::settle() {
  work_ = Work::kNone;
  if (waiting_try_) return std::exchange(waiting_try_, {})();
  if (held_) return;
  if (state_ == PeerState::kBehind && plans_.in_force) return hand_over();
  flush();
}

void PlanSync::release() {
  held_ = false;
  if (work_ == Work::kNone) settle();
}

// ---- whole plans

// What this process's plan is made of. When its section has been taken out of the file, that is a configuration with no
// services for it and what the section said last.
std::shared_ptr<const conf::Config> PlanSync::plan_config(const Candidate& candidate) const {
  if (consumer_.concerned(*candidate.config) || !section_) return candidate.config;
  auto without = std::make_shared<conf::Config>(*candidate.config);
  consumer_.inherit(*without, *section_);
  return without;
}

void PlanSync::send_plan(Work work, const Candidate& candidate) {
  work_ = work;
  sent_ = candidate.generation;
  auto plan = consumer_.compile(*plan_config(candidate), candidate.states, candidate.generation);
  if (!plan) return on_answer(std::unexpected(std::move(plan.error())));
  link_->adopt(std::move(*plan), candidate.generation,
               answered<Adopted>([this](Adopted adopted) { on_answer(std::move(adopted)); }));
}

void PlanSync::on_answer(Adopted adopted) {
  if (!adopted && !was_refused(adopted)) {  // the connection is of no use; the word of that is on its way
    lose();
    return settle();
  }
  if (cannot_start(adopted)) on_cannot_start(adopted.error());
  if (work_ == Work::kTry) return on_tried(adopted);
  on_handed_over(adopted);
}

// It ends with its answer. What it said is kept for those who ask why it is away.
void PlanSync::on_cannot_start(const Error& why) {
  start_failure_ = StartFailure{sent_, why.message};
  running_generation_ = 0;
  log::error("{} could not start with generation {}: {}", consumer_.words, sent_, why.message);
}

void PlanSync::hand_over() {
  if (!concerned() && !section_) {
    happened(PeerEvent::kNoSection);
    return flush();
  }
  dirty_.clear();  // every state is in the plan
  send_plan(Work::kHandOver, plans_.in_force);
}

void PlanSync::on_handed_over(const Adopted& adopted) {
  happened(adopted ? PeerEvent::kAdopted : PeerEvent::kRefused);
  if (adopted) {
    log::info("{} runs generation {}", consumer_.words, *adopted);
    on_in_step_();
  } else {
    on_refused(adopted.error());
  }
  store_next_start(true);
  settle();
}

void PlanSync::on_refused(const control::Failure& why) {
  refusal_ = why;
  if (why.code == control::Code::kCannotStart) return;
  log::error("{} refused generation {}: {}", consumer_.words, sent_, why.message);
  learn_generation();
}

void PlanSync::try_plan(Candidate candidate, Done then) {
  if (work_ != Work::kNone) {
    waiting_try_ = [this, candidate = std::move(candidate), then = std::move(then)]() mutable {
      try_plan(std::move(candidate), std::move(then));
    };
    return;
  }
  if (!connected()) return then(away());
  try_done_ = std::move(then);
  send_plan(Work::kTry, candidate);
}

void PlanSync::on_tried(const Adopted& adopted) {
  work_ = Work::kNone;
  if (!adopted)
    return end_try({Outcome::kRefused, consumer_.words, adopted.error().message, adopted.error().code});
  happened(PeerEvent::kTaken);
  end_try({});
}

void PlanSync::end_try(const Ending& ending) {
  if (auto done = std::exchange(try_done_, {})) done(ending);
}

void PlanSync::on_in_force() {
  if (concerned()) section_ = plans_.in_force.config;
  dirty_.clear();  // its states are in the plan
  happened(PeerEvent::kInForce);
  if (runs_in_force()) log::info("{} runs generation {}", consumer_.words, plans_.in_force.generation);
}

void PlanSync::put_back() {
  if (state_ == PeerState::kTried)
    log::info("{} gets generation {} back", consumer_.words, plans_.in_force.generation);
  happened(PeerEvent::kPutBack);
}

// ---- states of pools

void PlanSync::change(const std::vector<std::string>& pools) {
  dirty_.insert(pools.begin(), pools.end());
}

void PlanSync::send() {
  if (work_ == Work::kNone && !held_) settle();
}

// Indices of the pools that are to be sent; those that left the plan are no news any more.
std::vector<size_t> PlanSync::take_dirty() {
  const auto dirty = std::exchange(dirty_, {});
  std::vector<size_t> found;
  for (const size_t i : consumer_.pools(*plans_.in_force.config))
    if (dirty.contains(plans_.in_force.config->pools[i].name)) found.push_back(i);
  return found;
}

void PlanSync::flush() {
  if (!plans_.in_force || (dirty_.empty() && changes_.empty())) return;
  if (state_ == PeerState::kOff && !running_generation_) return;  // on_generation() goes on
  const auto pools = take_dirty();
  std::ranges::move(std::exchange(changes_, {}), std::back_inserter(changes_sent_));
  if (const auto ending = known_ending(pools)) {
    if (!pools.empty()) store_next_start(false);
    return end_changes(*ending);
  }
  send_pools(pools);
}

// Of changes that need not be sent.
std::optional<Ending> PlanSync::known_ending(const std::vector<size_t>& pools) const {
  if (!connected()) return away();
  if (pools.empty() || state_ == PeerState::kUnneeded) return Ending{};
  if (state_ == PeerState::kOff && running_generation_ == 0u)
    return Ending{Outcome::kRefused, consumer_.words, "it runs no plan", control::Code::kNoPlan};
  return std::nullopt;
}

// A process that runs another plan may not know every pool, and would refuse an update as a whole: pool by pool then,
// so that those it does know follow their backends' health all the same.
void PlanSync::send_pools(const std::vector<size_t>& pools) {
  work_ = Work::kUpdate;
  const uint64_t generation = runs_in_force() ? plans_.in_force.generation : *running_generation_;
  std::vector<std::vector<size_t>> parts;
  if (runs_in_force()) {
    parts.push_back(pools);
  } else {
    for (const size_t pool : pools) parts.push_back({pool});
  }
  updates_under_way_ = parts.size();
  for (const auto& part : parts)
    link_->update_pools(
        consumer_.compile_update(*plans_.in_force.config, plans_.in_force.states, part, generation), generation,
        answered<Adopted>([this, count = part.size()](Adopted how) { on_updated(count, std::move(how)); }));
}

void PlanSync::on_updated(size_t pools, Adopted adopted) {
  if (!adopted && !was_refused(adopted)) return on_answer(std::move(adopted));
  if (!adopted) {
    log::warning("{} refused new states of {} pool(s): {}", consumer_.words, pools, adopted.error().message);
    update_ending_ = {Outcome::kRefused, consumer_.words, adopted.error().message, adopted.error().code};
    happened(PeerEvent::kUpdateRefused);
  }
  if (--updates_under_way_ > 0) return;
  store_next_start(false);
  end_changes(std::exchange(update_ending_, {}));
  settle();
}

void PlanSync::end_changes(const Ending& ending) {
  for (auto& done : std::exchange(changes_sent_, {})) done(ending);
}

// ---- one that runs another plan

void PlanSync::learn_generation() {
  running_generation_.reset();
  link_->ask(R"({"ask":"status"})",
             answered<control::Outcome<std::string>>([this](control::Outcome<std::string> answer) {
               on_generation(generation_told(answer));
             }));
}

// Everything that is known now is news to a plan of unknown age.
void PlanSync::on_generation(std::optional<uint64_t> generation) {
  running_generation_ = generation.value_or(0);
  on_state_();
  if (state_ != PeerState::kOff || !plans_.in_force) return;
  if (generation.value_or(0) != 0)
    log::info("{} keeps generation {}", consumer_.words, *generation);
  else
    log::warning("{} serves nothing until it is given a plan that it takes", consumer_.words);
  for (const size_t i : consumer_.pools(*plans_.in_force.config)) dirty_.insert(plans_.in_force.config->pools[i].name);
  send();
}

// ---- its next start

// Compiled on the store's thread from a copy; the rings themselves are shared. A plan that the process refused for good
// is not stored: it would not start from it either.
void PlanSync::store_next_start(bool at_once) {
  const Candidate& candidate = plans_.next_start();
  if (!candidate || !(consumer_.concerned(*candidate.config) || section_)) return;
  const bool refused_for_good = state_ == PeerState::kOff && refusal_.code != control::Code::kNeedsRestart;
  if (refused_for_good && !plans_.waiting) return;
  store_.plan(
      consumer_.name,
      [config = plan_config(candidate), states = candidate.states, generation = candidate.generation,
       compile = consumer_.compile] { return compile(*config, states, generation); },
      at_once);
}

}  // namespace cardea::mgmt
