#include "mgmt/dataplane_sync.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/log.h"
#include "mgmt/compile_l4.h"

namespace cardea::mgmt {
namespace {

// The dataplane's word for changes that it can only make at its start (workers, ports, sizes of tables).
bool asks_for_restart(std::string_view reason) {
  return reason.find("restart cardea-dataplane") != reason.npos;
}

bool was_refused(const Adopted& adopted) {
  return !adopted && adopted.error().retry == Retry::kNever;
}

size_t pool_index(const conf::Config& config, const std::string& name) {
  return size_t(std::ranges::find(config.pools, name, &conf::Pool::name) - config.pools.begin());
}

}  // namespace

DataplaneSync::DataplaneSync(EventLoop& loop, const std::string& socket_path, const Runtime& runtime, RingCache& rings,
                             Store& store, OnInForce on_in_force)
    : loop_(loop),
      runtime_(runtime),
      rings_(rings),
      store_(store),
      on_in_force_(std::move(on_in_force)),
      publisher_(socket_path, [this](bool connected) { loop_.post([this, connected] { on_link(connected); }); }) {}

void DataplaneSync::on_link(bool connected) {
  connected_ = hand_over_due_ = connected;
  in_step_ = false;
  running_generation_ = 0;
  problem_ = connected ? "" : "it is not connected";
  if (connected) {
    log::info("the dataplane is connected");
  } else {
    log::warning("the connection to the dataplane is gone; it serves its last plan if it lives");
  }
  if (!busy_) settle();
}

// Nothing is under way any more: what is due next?
void DataplaneSync::settle() {
  busy_ = false;
  if (connected_ && hand_over_due_ && (in_force_ || waiting_)) return hand_over();
  flush();
}

// Answers that were lost with the connection are not repeated here: the next connection hands over everything.

void DataplaneSync::hand_over() {
  if (waiting_) {
    adopt(std::exchange(waiting_, {}), [this](Candidate candidate, Adopted adopted) {
      on_waiting_handed_over(std::move(candidate), std::move(adopted));
    });
  } else {
    recompute_touched();
    adopt(in_force_, [this](const Candidate&, Adopted adopted) { on_handed_over(std::move(adopted)); });
  }
}

// Compiles and sends; `then` comes on the loop. Compile errors were found when the candidate was made, so one here is
// treated as a refusal.
void DataplaneSync::adopt(Candidate candidate, std::move_only_function<void(Candidate, Adopted)> then) {
  busy_ = true;
  hand_over_due_ = false;
  auto plan = compile_l4(*candidate.config, candidate.states, candidate.generation);
  if (!plan) return then(std::move(candidate), std::unexpected(std::move(plan.error())));
  const uint64_t generation = candidate.generation;
  publisher_.adopt(
      std::move(*plan), generation,
      [this, candidate = std::move(candidate), then = std::move(then)](Adopted adopted) mutable {
        loop_.post([candidate = std::move(candidate), then = std::move(then), adopted = std::move(adopted)]() mutable {
          then(std::move(candidate), std::move(adopted));
        });
      });
}

void DataplaneSync::offer(Candidate candidate, bool store_when_away, Done done) {
  if (!connected_) {
    take_into_force(std::move(candidate));
    if (store_when_away) store_plan(true);
    done({Outcome::kAway, {}});
    return busy_ ? void() : settle();
  }
  if (busy_) {  // an update is under way: a moment later
    loop_.post_after(std::chrono::milliseconds(1),
                     [this, candidate = std::move(candidate), store_when_away, done = std::move(done)]() mutable {
                       offer(std::move(candidate), store_when_away, std::move(done));
                     });
    return;
  }
  offering_ = true;
  adopt(std::move(candidate), [this, done = std::move(done)](Candidate offered, Adopted adopted) mutable {
    on_offered(std::move(offered), std::move(adopted), std::move(done));
  });
}

void DataplaneSync::on_offered(Candidate candidate, Adopted adopted, Done done) {
  offering_ = false;
  if (was_refused(adopted)) {
    const std::string reason = adopted.error().message;
    if (asks_for_restart(reason)) wait_for_restart(std::move(candidate), reason);
    done({Outcome::kRefused, reason});
    return settle();
  }
  waiting_ = {};
  take_into_force(std::move(candidate));
  if (adopted) on_in_step(*adopted);
  done({adopted ? Outcome::kAdopted : Outcome::kAway, {}});
  settle();
}

void DataplaneSync::on_handed_over(Adopted adopted) {
  if (adopted) {
    on_in_step(*adopted);
  } else if (was_refused(adopted)) {
    problem_ = adopted.error().message;
    log::error("the dataplane refused generation {}: {}; it keeps its last plan", in_force_.generation, problem_);
    store_plan(true);
    learn_generation();
  }
  settle();
}

void DataplaneSync::on_waiting_handed_over(Candidate candidate, Adopted adopted) {
  if (adopted) {
    take_into_force(std::move(candidate));
    on_in_step(*adopted);
    return settle();
  }
  waiting_ = std::move(candidate);
  if (!was_refused(adopted) || !connected_) return settle();
  waiting_reason_ = adopted.error().message;
  log::warning("the dataplane still refuses generation {}: {}", waiting_.generation, waiting_reason_);
  if (!in_force_) return settle();
  adopt(in_force_, [this](const Candidate&, Adopted again) { on_handed_over(std::move(again)); });
}

void DataplaneSync::on_in_step(uint64_t generation) {
  if (!connected_) return;
  in_step_ = true;
  problem_.clear();
  log::info("the dataplane runs generation {}", generation);
  store_plan(true);
}

// The stored plan becomes this one, so that the restarted dataplane starts from it.
void DataplaneSync::wait_for_restart(Candidate candidate, const std::string& reason) {
  waiting_ = std::move(candidate);
  waiting_reason_ = reason;
  store_plan(true);
}

void DataplaneSync::take_into_force(Candidate candidate) {
  in_force_ = std::move(candidate);
  in_step_ = false;
  for (const auto& pool : in_force_.config->pools) touched_.insert(pool.name);  // states may be older than the events
  on_in_force_();
  rings_.trim();
}

void DataplaneSync::touch(const std::string& pool, Done done) {
  touched_.insert(pool);
  if (done) touches_.push_back(std::move(done));
  flush();
}

std::string DataplaneSync::problem() const {
  if (!problem_.empty() || !waiting_) return problem_;
  return fmt::format("generation {} waits: {}", waiting_.generation, waiting_reason_);
}

// The pools whose states really changed.
std::vector<size_t> DataplaneSync::recompute_touched() {
  std::vector<size_t> changed;
  for (const auto& name : std::exchange(touched_, {})) {
    const size_t i = pool_index(*in_force_.config, name);
    if (i == in_force_.config->pools.size()) continue;
    auto state = pool_state(*in_force_.config, i, runtime_, rings_);
    if (!state) {
      log::error("{}", state.error().message);
      continue;
    }
    if (state->backends == in_force_.states[i].backends) continue;
    in_force_.states[i] = std::move(*state);
    changed.push_back(i);
  }
  if (!changed.empty()) rings_.trim();
  return changed;
}

void DataplaneSync::flush() {
  if (busy_ || !in_force_) return;
  auto changed = recompute_touched();
  if (std::exchange(resend_due_, false) && connected_ && !in_step_) {
    changed.resize(in_force_.config->pools.size());
    std::iota(changed.begin(), changed.end(), size_t{0});
  }
  std::ranges::move(std::exchange(touches_, {}), std::back_inserter(touches_sent_));
  if (changed.empty() || !connected_) return end_touches({connected_ ? Outcome::kAdopted : Outcome::kAway, {}});
  send(changed);
}

// A dataplane that runs another plan may not know every pool, and would refuse an update as a whole: pool by pool then,
// so that those it does know follow their backends' health all the same.
void DataplaneSync::send(const std::vector<size_t>& pools) {
  busy_ = true;
  const uint64_t generation = in_step_ || running_generation_ == 0 ? in_force_.generation : running_generation_;
  std::vector<std::vector<size_t>> parts;
  if (in_step_) {
    parts.push_back(pools);
  } else {
    for (const size_t pool : pools) parts.push_back({pool});
  }
  updates_under_way_ = parts.size();
  for (const auto& part : parts)
    publisher_.update_pools(
        compile_l4_update(*in_force_.config, in_force_.states, part, generation), generation,
        [this, count = part.size()](Adopted adopted) {
          loop_.post([this, count, adopted = std::move(adopted)]() mutable { on_updated(count, std::move(adopted)); });
        });
}

void DataplaneSync::on_updated(size_t pools, Adopted adopted) {
  if (was_refused(adopted)) {
    log::warning("the dataplane refused new states of {} pool(s): {}", pools, adopted.error().message);
    update_ending_ = {Outcome::kRefused, adopted.error().message};
    if (in_step_) hand_over_due_ = true, in_step_ = false;  // the whole plan has every state in it
  } else if (!adopted) {
    update_ending_ = {Outcome::kAway, {}};
  }
  if (--updates_under_way_ > 0) return;
  end_touches(std::exchange(update_ending_, {}));
  store_plan(false);
  settle();
}

void DataplaneSync::end_touches(const Ending& ending) {
  for (auto& done : std::exchange(touches_sent_, {})) done(ending);
}

void DataplaneSync::learn_generation() {
  publisher_.ask(R"({"ask":"status"})", [this](Result<std::string> answer) {
    const auto status = answer ? nlohmann::json::parse(*answer, nullptr, false) : nlohmann::json();
    const uint64_t generation = status.is_object() ? status.value("generation", uint64_t{0}) : 0;
    loop_.post([this, generation] {
      running_generation_ = generation;
      resend_due_ = true;  // everything that is known now is news to a plan of unknown age
      if (!busy_) flush();
    });
  });
}

// Compiled on the store's thread from a copy; the rings themselves are shared.
void DataplaneSync::store_plan(bool at_once) {
  const bool refused_for_good = connected_ && !in_step_ && !waiting_ && !asks_for_restart(problem_);
  if (refused_for_good) return;  // the dataplane would not start from it either
  const auto stored = std::make_shared<const Candidate>(waiting_ ? waiting_ : in_force_);
  if (!*stored) return;
  store_.plan([stored] { return compile_l4(*stored->config, stored->states, stored->generation); }, at_once);
}

}  // namespace cardea::mgmt
