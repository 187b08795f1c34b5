#include "mgmt/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/client_network.h"
#include "base/log.h"
#include "conf/nearest.h"
#include "mgmt/certificate_files.h"
#include "mgmt/generations.h"
#include "mgmt/policy_files.h"
#include "mgmt/start_anew.h"

namespace cardea::mgmt {
namespace {

constexpr std::chrono::milliseconds kRememberAfter{100};

std::vector<health::Target> targets_of(const conf::Config& config, const Runtime& runtime) {
  std::vector<health::Target> targets;
  for (const auto& pool : config.pools) {
    const auto tls = pool.tls ? health::PoolTls{pool.tls->server_name, pool.tls->authorities} : health::PoolTls{};
    for (const auto& backend : pool.backends) {
      const BackendRef ref{pool.name, backend.address.text()};
      targets.push_back({ref.pool, ref.backend, backend.address, pool.health, tls, pool.proxy_protocol,
                         runtime.healthy(ref), runtime.since(ref)});
    }
  }
  return targets;
}

const conf::Pool* find_pool(const conf::Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.pools, name, &conf::Pool::name);
  return found == config.pools.end() ? nullptr : &*found;
}

OrderEnding no_such(std::string what, const std::string& written, const std::vector<std::string>& known) {
  OrderEnding ending{OrderEnding::Kind::kUnknown, {}, false, std::move(what), {}, {}};
  if (const auto near = conf::nearest(written, known); !near.empty()) {
    ending.hint = fmt::format("did you mean {}?", near);
  } else if (!known.empty() && known.size() <= 20) {
    ending.hint = fmt::format("there is {}", fmt::join(known, ", "));
  }
  return ending;
}

Reload::Ending reload_ending(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAdopted:
      return Reload::Ending::kAdopted;
    case Outcome::kAway:
      return Reload::Ending::kAway;
    case Outcome::kRefused:
      return Reload::Ending::kRefused;
  }
  return Reload::Ending::kRefused;
}

// cardea-l7 names a file that it cannot use; where the configuration says so, and what else is wrong, is seen here.
void add_file_findings(const conf::Config& config, conf::Findings& findings) {
  conf::Findings seen = look_at_certificates(config, Look::kInside);
  std::ranges::move(look_at_policy_files(config, Look::kInside), std::back_inserter(seen));
  for (auto& finding : seen) {
    const auto same = [&](const conf::Finding& other) {
      return other.place.path == finding.place.path && other.message == finding.message;
    };
    if (std::ranges::none_of(findings, same)) findings.push_back(std::move(finding));
  }
}

Loaded loaded(const std::string& state_dir) {
  auto state = load_runtime(state_dir);
  if (!state.warning.empty()) log::warning("{}", state.warning);
  return state;
}

}  // namespace

Site::Site(EventLoop& loop, Folders folders, OnConfig on_config)
    : loop_(loop),
      folders_(std::move(folders)),
      on_config_(std::move(on_config)),
      blocks_(loop_, runtime_.blocks, [this] { remember(); }),
      store_(folders_.state_dir,
             [this](const Error& error) {
               log::error("cannot store what has to outlive this process: {}", error.message);
               loop_.post([this, text = error.message] { warn("store", "the state is not stored: " + text); });
             }),
      checker_([this](const health::Event& event) { loop_.post([this, event] { on_health(event); }); }),
      rollout_(loop_, {&kL7, &kDataplane}, plan_sockets_in(folders_.run_dir), runtime_, rings_, store_,
               {.on_in_force = [this] { on_in_force(); },
                .on_waiting = [this] { store_marks(rollout_.waiting()); },
                .on_everywhere = [this] { on_everywhere(); },
                .on_state = [this] { look_for_way(); },
                .on_waited_in_vain = [this](uint64_t generation,
                                            const Ending& ending) { on_waited_in_vain(generation, ending); }}) {
  auto state = loaded(folders_.state_dir);
  runtime_ = std::move(state.runtime);
  warn("runtime", state.warning);
}

void Site::start() {
  blocks_.begin(l7(), dataplane());
  auto remembered = load_generations(folders_.state_dir);
  if (!remembered.warning.empty()) log::warning("{}", remembered.warning);
  warn("generations", remembered.warning);
  // No number is given out twice, whatever became of the runtime state.
  runtime_.generation = std::max({runtime_.generation, remembered.marks.accepted, remembered.marks.waiting});
  if (remembered.accepted && take_up(std::move(remembered))) return look_at_draft();
  start_reload(true, [](const Reload&) {});
}

bool Site::take_up(Remembered remembered) {
  auto accepted = candidate_of(remembered.accepted, remembered.marks.accepted, runtime_, rings_);
  if (!accepted) {
    warn("generations", fmt::format("generation {} cannot be taken up again: {}", remembered.marks.accepted,
                                    accepted.error().message));
    return false;
  }
  Candidate waiting;
  if (remembered.waiting)
    if (auto made = candidate_of(remembered.waiting, remembered.marks.waiting, runtime_, rings_)) waiting = *made;
  rollout_.begin_with(std::move(*accepted), std::move(waiting), remembered.marks.waits_for);
  return true;
}

// What the file says besides is told, and not in force before somebody loads it.
void Site::look_at_draft() {
  auto prepared = prepare(folders_.config_file, rollout_.in_force(), runtime_, rings_);
  if (!prepared.candidate) return finish_reload(std::move(prepared.reload), [](const Reload&) {});
  const auto& draft = *prepared.candidate->config;
  const bool waits = rollout_.waiting() && *rollout_.waiting().config == draft;
  if (draft != *rollout_.in_force().config && !waits)
    warn("draft", fmt::format("{} says something else than generation {}, which is in force: `cardea reload` takes it",
                              folders_.config_file, rollout_.in_force().generation));
  prepared.reload.changes.clear();
  prepared.reload.ending = Reload::Ending::kAway;
  finish_reload(std::move(prepared.reload), [](const Reload&) {});
}

void Site::reload(ReloadDone done) {
  reloads_.push_back(std::move(done));
  if (reloading_) return;
  auto waiting = std::exchange(reloads_, {});
  start_reload(false, [waiting = std::move(waiting)](const Reload& reload) mutable {
    for (auto& one : waiting) one(reload);
  });
}

void Site::start_reload(bool first, ReloadDone done) {
  reloading_ = true;
  warn("draft", "");
  const auto began = std::chrono::system_clock::now();
  auto prepared = prepare(folders_.config_file, rollout_.in_force(), runtime_, rings_);
  prepared.reload.at = began;
  if (!prepared.candidate) return finish_reload(std::move(prepared.reload), std::move(done));
  const uint64_t generation = runtime_.generation = prepared.candidate->generation;
  store_.runtime(runtime_);  // at once: after a crash no generation may be given out twice
  if (first) {
    rollout_.begin_with(std::move(*prepared.candidate));
    return on_offered(std::move(prepared.reload), generation, {Outcome::kAway, {}, {}}, std::move(done));
  }
  const auto config = prepared.candidate->config;
  rollout_.offer(std::move(*prepared.candidate), [this, generation, config, reload = std::move(prepared.reload),
                                                  done = std::move(done)](const Ending& ending) mutable {
    if (ending.outcome == Outcome::kRefused && ending.who == kL7.words)
      add_file_findings(*config, reload.findings);
    on_offered(std::move(reload), generation, ending, std::move(done));
  });
}

void Site::on_offered(Reload reload, uint64_t generation, const Ending& ending, ReloadDone done) {
  reload.ending = reload_ending(ending.outcome);
  if (reload.success()) {
    reload.generation = generation;
    if (!ending.who.empty()) reload.hint = fmt::format("{} is not connected; it gets this plan when it is", ending.who);
  } else {
    tell_refusal(reload, generation, ending);
  }
  finish_reload(std::move(reload), std::move(done));
}

// What waits for restarts was refused by each of those that it waits for, and is in force after the last of them.
void Site::tell_refusal(Reload& reload, uint64_t generation, const Ending& ending) const {
  reload.hint = rollout_.serves_nothing(ending.who)
                    ? fmt::format("{} serves nothing until it is given a plan that it takes", ending.who)
                    : "the plan in force keeps serving";
  if (rollout_.waiting().generation != generation) {
    reload.error = fmt::format("{} refused the new plan: {}", ending.who, ending.reason);
    return;
  }
  const auto restarts = rollout_.restarts();
  reload.error = fmt::format("generation {} waits for a restart of {}: {}", generation, fmt::join(restarts, " and "),
                             fmt::join(rollout_.why_it_waits(), "; "));
  reload.hint += "; the new one is stored for the next start: " + start_anew(restarts);
}

void Site::finish_reload(Reload reload, ReloadDone done) {
  reloading_ = false;
  reload.duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now() - reload.at);
  if (reload.success()) {
    log::info("generation {} is in force after {} ms", reload.generation, reload.duration.count() / 1000.0);
  } else {
    log::error("the configuration was not taken: {}; {}", reload.error, reload.hint);
  }
  last_reload_ = std::move(reload);
  // The answer waits for the disk: what was accepted is what the next start takes up.
  store_.runtime(runtime_, [this, reload = *last_reload_, done = std::move(done)](Result<> stored) mutable {
    loop_.post([reload = std::move(reload), done = std::move(done), stored = std::move(stored)]() mutable {
      if (!stored) reload.hint += "; it will be forgotten at a restart: " + stored.error().message;
      done(reload);
    });
  });
  if (!reloads_.empty())
    loop_.post([this] {
      if (!reloads_.empty() && !reloading_) this->reload([](const Reload&) {});
    });
}

void Site::on_in_force() {
  const auto& config = *rollout_.in_force().config;
  look_for_way();
  blocks_.take(config, addresses_of_this_host());
  checker_.set_targets(targets_of(config, runtime_));
  reconcile_health();
  if (last_reload_ && last_reload_->ending == Reload::Ending::kRefused) {  // its restart has come
    last_reload_->ending = Reload::Ending::kAdopted;
    last_reload_->generation = rollout_.in_force().generation;
    last_reload_->error.clear(), last_reload_->hint.clear();
  }
  store_marks(rollout_.in_force());
  remember();
  on_config_(config);
}

// The reload that brought it has failed after all. Where nobody remembers that reload, this process was started since.
void Site::on_waited_in_vain(uint64_t generation, const Ending& ending) {
  const auto text = fmt::format("generation {} was given up at the restart that it waited for: {} refused it: {}",
                                generation, ending.who, ending.reason);
  const auto hint = fmt::format("generation {} stays in force", rollout_.in_force().generation);
  log::error("{}; {}", text, hint);
  if (last_reload_ && last_reload_->ending == Reload::Ending::kRefused) {
    last_reload_->error = text, last_reload_->hint = hint;
  } else {
    warn("draft", fmt::format("{}; {}", text, hint));
  }
}

// Checks leave by the dataplane's TAPs, which are there while it runs a plan. Without them a host that has a default
// route by another interface hears nothing, or its router's word that there is no such place: no backend died of that.
void Site::look_for_way() {
  const Candidate& in_force = rollout_.in_force();
  const bool needed = in_force && kDataplane.concerned(*in_force.config);
  checker_.set_way(!needed || rollout_.processes()[1]->runs_a_plan());
}

// `newest`: what has come into force or begins to wait; none: nothing waits any more.
void Site::store_marks(const Candidate& newest) {
  store_.generation(newest.generation, newest.config,
                    {rollout_.in_force().generation, rollout_.waiting().generation, rollout_.waits_for()});
}

// Only now is it certain that no process has another backend, or gets one back: what is known of those may go.
void Site::on_everywhere() {
  if (rollout_.waiting()) return;
  runtime_.keep_only(*rollout_.in_force().config);
  remember();
}

void Site::on_health(const health::Event& event) {
  if (!checker_.watches(event.target)) return;  // of a target that is no more: its successor was judged anew
  log::write(event.up ? log::Level::kInfo : log::Level::kWarning,
             fmt::format("{}/{} is {}: {}", event.pool, event.backend, event.up ? "up" : "down", event.reason));
  set_health({event.pool, event.backend}, {event.up, event.reason, event.at});
}

void Site::set_health(const BackendRef& ref, Health health) {
  runtime_.health[ref] = std::move(health);
  rollout_.touch(ref.pool);
  remember();
}

// The checker tells changes only: where its view and what is remembered have parted, no event would ever mend it.
void Site::reconcile_health() {
  for (const auto& seen : checker_.status()) {
    const BackendRef ref{seen.pool, seen.backend};
    if (seen.checked && seen.up != runtime_.healthy(ref)) set_health(ref, {seen.up, seen.last_reason, seen.since});
  }
}

// Of IPv6 all of its /64.
bool Site::unblock(const IpAddress& source) {
  return blocks_.free(client_network(source));
}

std::optional<OrderEnding> Site::unknown(const BackendRef& ref) const {
  if (!rollout_.in_force()) return no_such("no configuration is in force yet", "", {});
  const auto& config = *rollout_.in_force().config;
  const conf::Pool* pool = find_pool(config, ref.pool);
  if (pool == nullptr) {
    std::vector<std::string> known;
    for (const auto& one : config.pools) known.push_back(one.name);
    return no_such(fmt::format("there is no pool {}", ref.pool), ref.pool, known);
  }
  std::vector<std::string> known;
  for (const auto& one : pool->backends) known.push_back(one.address.text());
  if (std::ranges::find(known, ref.backend) != known.end()) return std::nullopt;
  return no_such(fmt::format("pool {} has no backend {}", ref.pool, ref.backend), ref.backend, known);
}

void Site::set_override(const BackendRef& ref, const Override& what) {
  if (what == Override{}) {
    runtime_.overrides.erase(ref);
  } else {
    runtime_.overrides[ref] = what;
  }
}

void Site::order(BackendOrder what, OrderDone done) {
  if (const auto endpoint = Endpoint::parse(what.ref.backend)) what.ref.backend = endpoint->text();
  if (auto ending = unknown(what.ref)) return done(std::move(*ending));
  OrderEnding ending{OrderEnding::Kind::kDone, runtime_.override_of(what.ref), false, {}, {}, {}};
  Override now = ending.previous;
  if (what.order) now.order = *what.order;
  if (what.weight) now.weight = *what.weight;
  set_override(what.ref, now);
  log::info("{}/{} was set to {}{}", what.ref.pool, what.ref.backend, name(now.order),
            now.weight ? fmt::format(", weight {}", *now.weight) : "");
  settle_order(what.ref, std::move(ending), std::move(done));
}

// The answer waits for both: the processes, and the disk.
void Site::settle_order(const BackendRef& ref, OrderEnding ending, OrderDone done) {
  struct Pending {
    OrderEnding ending;
    OrderDone done;
    int awaited = 2;
    void arrived() {
      if (--awaited == 0) done(std::move(ending));
    }
  };
  auto pending = std::make_shared<Pending>(std::move(ending), std::move(done));
  rollout_.touch(ref.pool, [pending](const Ending& how) {
    pending->ending.applied = how.outcome == Outcome::kAdopted;
    if (how.outcome == Outcome::kAway)
      pending->ending.note = fmt::format("{} is not connected; it gets this as soon as it is", how.who);
    if (how.outcome == Outcome::kRefused)
      pending->ending.note = fmt::format("{} refused new states: {}", how.who, how.reason);
    pending->arrived();
  });
  store_.runtime(runtime_, [this, pending](Result<> stored) {
    loop_.post([pending, stored = std::move(stored)] {
      if (!stored) {
        pending->ending.kind = OrderEnding::Kind::kNotStored;
        pending->ending.error = "it is in force, but will be forgotten at a restart: " + stored.error().message;
      }
      pending->arrived();
    });
  });
}

// When a switch dies, thousands of backends die in one second: the state is copied and written for all of them together.
void Site::remember() {
  if (std::exchange(remember_due_, true)) return;
  loop_.post_after(kRememberAfter, [this] { remember_now(); });
}

void Site::remember_now() {
  if (std::exchange(remember_due_, false)) store_.runtime(runtime_);
}

void Site::finish() {
  remember_now();
  store_.finish();
}

void Site::warn(const std::string& about, const std::string& text) {
  if (text.empty()) {
    warnings_.erase(about);
  } else {
    warnings_[about] = text;
  }
}

View Site::view() const {
  View view{rollout_.in_force(),           runtime_,           last_reload_, {}, {}, rings_.built(),
            blocks_.refused(),            blocks_.untold(),    rollout_.waiting().generation, rollout_.restarts()};
  for (const auto& process : rollout_.processes())
    view.processes.push_back({&process->consumer(), process->concerned(), process->in_step(),
                              process->link().link().connected, rollout_.problem(*process),
                              process->consumer().socket(folders_.run_dir), process->start_failure()});
  for (const auto& [about, text] : warnings_) view.warnings.push_back(text);
  if (!blocks_.trouble().empty())
    view.warnings.push_back("the dataplane does not block whom rate limits blame: it took no list of them: " + blocks_.trouble());
  return view;
}

}  // namespace cardea::mgmt
