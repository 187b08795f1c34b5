#include "mgmt/plan_sync.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>

#include "base/control_socket.h"
#include "base/log.h"

namespace cardea::mgmt {
namespace {

bool was_refused(const Adopted& adopted) {
  return !adopted && adopted.error().retry == Retry::kNever;
}

// What a process runs by its status; nothing when that does not say.
std::optional<uint64_t> generation_told(const Result<std::string>& status) {
  if (!status) return status.error().message == control::kNoPlanYet ? std::optional<uint64_t>(0) : std::nullopt;
  const auto words = nlohmann::json::parse(*status, nullptr, false);
  return words.is_object() ? std::optional(words.value("generation", uint64_t{0})) : std::nullopt;
}

std::string not_connected(const Consumer& consumer) {
  return fmt::format("{} is not connected", consumer.words);
}

}  // namespace

PlanSync::PlanSync(EventLoop& loop, const Consumer& consumer, const std::string& run_dir, const Candidate& in_force,
                   Store& store, OnLink on_link)
    : loop_(loop),
      consumer_(consumer),
      in_force_(in_force),
      store_(store),
      on_link_(std::move(on_link)),
      publisher_(consumer.socket(run_dir), consumer.words,
                 [this](bool connected) { loop_.post([this, connected] { this->on_link(connected); }); }) {}

void PlanSync::on_link(bool connected) {
  connected_ = hand_over_due_ = connected;
  in_step_ = false;
  running_generation_.reset();
  ++links_;
  problem_ = connected ? "" : "it is not connected";
  if (connected) {
    log::info("{} is connected", consumer_.words);
  } else {
    log::warning("the connection to {} is gone; it serves its last plan if it lives", consumer_.words);
  }
  on_link_(connected);
  if (!busy_) settle();
}

// Nothing is under way any more: what is due next? Answers that were lost with the connection are not repeated: the
// next connection hands over everything.
void PlanSync::settle() {
  busy_ = false;
  if (waiting_try_) return std::exchange(waiting_try_, {})();
  if (held_) return;
  if (connected_ && hand_over_due_ && in_force_) return hand_over();
  flush();
}

void PlanSync::release() {
  held_ = false;
  if (!busy_) settle();
}

// What this process's plan is made of. When its section has been taken out of the file, that is a configuration with no
// services for it and what the section said last.
std::shared_ptr<const conf::Config> PlanSync::plan_config(const Candidate& candidate) const {
  if (consumer_.concerned(*candidate.config) || !section_) return candidate.config;
  auto without = std::make_shared<conf::Config>(*candidate.config);
  consumer_.inherit(*without, *section_);
  return without;
}

void PlanSync::send_plan(const Candidate& candidate, Sent sent) {
  busy_ = true;
  auto plan = consumer_.compile(*plan_config(candidate), candidate.states, candidate.generation);
  if (!plan) return sent(std::unexpected(std::move(plan.error())));
  publisher_.adopt(std::move(*plan), candidate.generation, [this, sent = std::move(sent)](Adopted adopted) mutable {
    loop_.post([sent = std::move(sent), adopted = std::move(adopted)]() mutable { sent(std::move(adopted)); });
  });
}

void PlanSync::hand_over() {
  hand_over_due_ = false;
  if (!concerned() && !section_) {
    problem_ =
        fmt::format("the configuration has no section for it: it keeps its last plan; stop {}", consumer_.process);
    return flush();
  }
  dirty_.clear();  // every state is in the plan
  send_plan(in_force_, [this](Adopted adopted) { on_handed_over(std::move(adopted)); });
}

void PlanSync::on_handed_over(Adopted adopted) {
  if (adopted) {
    in_step_ = connected_;
    problem_.clear();
    log::info("{} runs generation {}", consumer_.words, *adopted);
    store_in_force(true);
  } else if (was_refused(adopted)) {
    problem_ = adopted.error().message;
    log::error("{} refused generation {}: {}; it keeps its last plan", consumer_.words, in_force_.generation, problem_);
    store_in_force(true);
    learn_generation();
  }
  settle();
}

void PlanSync::try_plan(Candidate candidate, Done then) {
  if (busy_) {
    waiting_try_ = [this, candidate = std::move(candidate), then = std::move(then)]() mutable {
      try_plan(std::move(candidate), std::move(then));
    };
    return;
  }
  if (!connected_) return then({Outcome::kAway, consumer_.words, not_connected(consumer_)});
  tried_on_link_ = links_;
  send_plan(candidate, [this, then = std::move(then)](Adopted adopted) mutable {
    settle();
    if (was_refused(adopted)) return then({Outcome::kRefused, consumer_.words, adopted.error().message});
    if (!adopted) return then({Outcome::kAway, consumer_.words, not_connected(consumer_)});
    then({});
  });
}

void PlanSync::take(bool adopted, bool store) {
  if (concerned()) section_ = in_force_.config;
  dirty_.clear();
  in_step_ = adopted && connected_ && tried_on_link_ == links_;
  hand_over_due_ = connected_ && !in_step_;
  if (in_step_) problem_.clear();
  if (in_step_) log::info("{} runs generation {}", consumer_.words, in_force_.generation);
  if (store) store_in_force(true);
}

void PlanSync::put_back() {
  in_step_ = false;
  hand_over_due_ = connected_;
}

void PlanSync::change(const std::vector<std::string>& pools) {
  dirty_.insert(pools.begin(), pools.end());
}

void PlanSync::send() {
  if (!busy_ && !held_) flush();
}

// Indices of the pools that are to be sent; those that left the plan are no news any more.
std::vector<size_t> PlanSync::take_dirty() {
  const auto dirty = std::exchange(dirty_, {});
  const auto mine = consumer_.pools(*in_force_.config);
  if (std::exchange(resend_due_, false) && connected_ && !in_step_) return mine;
  std::vector<size_t> found;
  for (const size_t i : mine)
    if (dirty.contains(in_force_.config->pools[i].name)) found.push_back(i);
  return found;
}

void PlanSync::flush() {
  if (busy_ || !in_force_) return;
  if (dirty_.empty() && changes_.empty() && !resend_due_) return;
  const auto pools = take_dirty();
  std::ranges::move(std::exchange(changes_, {}), std::back_inserter(changes_sent_));
  if (!connected_) return end_changes({Outcome::kAway, consumer_.words, not_connected(consumer_)});
  if (pools.empty()) return end_changes({});
  send_pools(pools);
}

// A process that runs another plan may not know every pool, and would refuse an update as a whole: pool by pool then,
// so that those it does know follow their backends' health all the same.
void PlanSync::send_pools(const std::vector<size_t>& pools) {
  busy_ = true;
  const uint64_t running = running_generation_.value_or(0);
  const uint64_t generation = in_step_ || running == 0 ? in_force_.generation : running;
  std::vector<std::vector<size_t>> parts;
  if (in_step_) {
    parts.push_back(pools);
  } else {
    for (const size_t pool : pools) parts.push_back({pool});
  }
  updates_under_way_ = parts.size();
  for (const auto& part : parts)
    publisher_.update_pools(
        consumer_.compile_update(*in_force_.config, in_force_.states, part, generation), generation,
        [this, count = part.size()](Adopted adopted) {
          loop_.post([this, count, adopted = std::move(adopted)]() mutable { on_updated(count, std::move(adopted)); });
        });
}

void PlanSync::on_updated(size_t pools, Adopted adopted) {
  if (was_refused(adopted)) {
    log::warning("{} refused new states of {} pool(s): {}", consumer_.words, pools, adopted.error().message);
    update_ending_ = {Outcome::kRefused, consumer_.words, adopted.error().message};
    if (in_step_) hand_over_due_ = true, in_step_ = false;  // the whole plan has every state in it
  } else if (!adopted) {
    update_ending_ = {Outcome::kAway, consumer_.words, not_connected(consumer_)};
  }
  if (--updates_under_way_ > 0) return;
  end_changes(std::exchange(update_ending_, {}));
  store_in_force(false);
  settle();
}

void PlanSync::end_changes(const Ending& ending) {
  for (auto& done : std::exchange(changes_sent_, {})) done(ending);
}

void PlanSync::learn_generation() {
  publisher_.ask(R"({"ask":"status"})", [this](Result<std::string> answer) {
    loop_.post([this, generation = generation_told(answer)] {
      running_generation_ = generation;
      resend_due_ = true;  // everything that is known now is news to a plan of unknown age
      send();
    });
  });
}

void PlanSync::store_in_force(bool at_once) {
  const bool refused_for_good = connected_ && !in_step_ && !problem_.empty() && !consumer_.asks_for_restart(problem_);
  if (!refused_for_good) store(in_force_, at_once);  // otherwise the process would not start from it either
}

// Compiled on the store's thread from a copy; the rings themselves are shared.
void PlanSync::store(const Candidate& candidate, bool at_once) {
  if (!candidate || !(consumer_.concerned(*candidate.config) || section_)) return;
  store_.plan(
      consumer_.name,
      [config = plan_config(candidate), states = candidate.states, generation = candidate.generation,
       compile = consumer_.compile] { return compile(*config, states, generation); },
      at_once);
}

}  // namespace cardea::mgmt
