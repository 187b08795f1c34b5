#include "l7/upstream/pool.h"

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>

#include "base/stats.h"
#include "l7/upstream/shared.h"

namespace cardea::l7::upstream {

bool Tried::holds(const Backend* backend) const {
  return std::find(backends.begin(), backends.begin() + count, backend) != backends.begin() + count;
}

void Tried::add(const Backend* backend) {
  if (count < kMax) backends[count++] = backend;
}

std::string_view word(NoBackend why) {
  return why == NoBackend::kBusy ? "backends_busy" : "no_backend";
}

struct Pool::State {
  explicit State(const Context& of) : context(of), random(of.seed ^ std::hash<const void*>()(this)) {}

  const Context& context;
  std::shared_ptr<const PoolPlan> plan;
  std::shared_ptr<BackendTls> tls;
  std::vector<std::shared_ptr<Backend>> backends;  // in the plan's order, which its ring counts by
  std::vector<Standing*> standings;                // the same
  Random random;
  const std::shared_ptr<Queue> queue = std::make_shared<Queue>();
  RetryBudget retries{context.shards};

  Choice choice(uint64_t hash, TriedStandings tried, Instant now);
  Standing* choose(uint64_t hash, const Choice& choice);
  void adopt(std::shared_ptr<const PoolPlan> next);
};

void Pool::State::adopt(std::shared_ptr<const PoolPlan> next) {
  std::unordered_map<std::string_view, std::shared_ptr<Backend>> known;
  for (auto& backend : backends) known.emplace(backend->plan->name, std::move(backend));
  backends.clear(), standings.clear();
  if (!next->tls) {
    tls = nullptr;
  } else if (!tls || tls->plan != *next->tls) {
    tls = std::make_shared<BackendTls>(*next->tls);
  }
  for (const BackendPlan& its : next->backends) {
    auto found = known.extract(its.name);
    backends.push_back(found ? std::move(found.mapped()) : std::make_shared<Backend>(context));
    backends.back()->adopt(next, its, tls);
    backends.back()->queue = queue.get();
    standings.push_back(backends.back().get());
  }
  for (auto& [name, backend] : known) backend->leave();
  plan = std::move(next);
  queue->offer();
}

Pool::Pool(const Context& context, std::shared_ptr<const PoolPlan> plan) : state_(std::make_unique<State>(context)) {
  state_->adopt(std::move(plan));
}

Pool::~Pool() {
  for (const auto& backend : state_->backends) backend->leave();
}

const PoolPlan& Pool::plan() const {
  return *state_->plan;
}

void Pool::update(std::shared_ptr<const PoolPlan> plan) {
  state_->adopt(std::move(plan));
}

// By a ring, the same requests always go to a backend that takes up its share again, and more of them each time.
Choice Pool::State::choice(uint64_t hash, TriedStandings tried, Instant now) {
  if (plan->slow_start.count() == 0) return {tried, now};
  const uint64_t number = has_ring(plan->balance) ? hash * 0x9e3779b97f4a7c15ull : random.next();
  return {tried, now, share_of(number, SlowStart::kWhole)};
}

Standing* Pool::State::choose(uint64_t hash, const Choice& choice) {
  switch (plan->balance) {
    case Balance::kMaglev:
    case Balance::kSourceHash:
      return choose_by_ring(standings, plan->ring, hash, choice);
    case Balance::kRoundRobin:
      return choose_in_turn(standings, {plan->ring, *plan->turn}, choice);
    case Balance::kLeastConn:
      return choose_least_busy(standings, {plan->ring, *plan->turn}, choice);
    case Balance::kRandom:
      return choose_at_random(standings, plan->ring, random, choice);
    case Balance::kP2c:
      return choose_of_two(standings, plan->ring, random, choice);
    case Balance::kHash:
      break;
  }
  const Bounded bounded = choose_by_bounded_ring(standings, plan->ring, hash, plan->hash.load_max, choice);
  if (bounded.moved) stats::add(context.cells + plan->rows.moved, 1);
  return bounded.chosen;
}

std::expected<Backend*, NoBackend> Pool::choose(uint64_t hash, const Tried& tried, Instant now) {
  std::array<const Standing*, Tried::kMax> standings{};
  std::copy_n(tried.backends.begin(), tried.count, standings.begin());
  const TriedStandings failed(standings.data(), tried.count);
  if (Standing* chosen = state_->choose(hash, state_->choice(hash, failed, now))) {
    if (chosen->standby) stats::add(state_->context.cells + plan().rows.standby, 1);
    if (plan().panic) stats::add(state_->context.cells + plan().rows.panic, 1);
    return static_cast<Backend*>(chosen);
  }
  return std::unexpected(any_serves(state_->standings, failed) ? NoBackend::kBusy : NoBackend::kNone);
}

Backend* Pool::stays_with(std::string_view cookie, const Tried& tried, Instant now) const {
  const auto found = state_->plan->by_sticky.find(cookie);
  if (found == state_->plan->by_sticky.end()) return nullptr;
  Backend& its = *state_->backends[found->second];
  const bool answers = its.plan->state == BackendState::kUp || its.plan->state == BackendState::kDrain;
  return answers && !its.doubtful(now) && !its.full() && !tried.holds(&its) ? &its : nullptr;
}

std::shared_ptr<Queue> Pool::queue() const {
  return state_->queue;
}

std::shared_ptr<Queue> Pool::queue_at(Backend& only) const {
  return {only.shared_from_this(), &only.own_queue};
}

namespace {

// An end that has arrived, unheard by the loop, is heard now. Backwards: who ends leaves the list.
void hear_shared(Backend& backend, std::string_view host) {
  for (size_t i = backend.shared.size(); i-- > 0;) {
    const std::shared_ptr<Shared> its = backend.shared[i];
    if (its->connection().host == host) its->hear();
  }
}

}  // namespace

Lease Pool::reuse(Backend& backend, std::string_view host, Proof proof, Use use) {
  const std::string_view verified = verified_host(backend, host);
  const bool shares = backend.pool->http2 != Http2::kOff && use != Use::kAlone;
  if (shares && proof == Proof::kAsked) hear_shared(backend, verified);
  if (shares && backend.has_room(verified, use)) {
    Place place(backend.shared_from_this(), backend.plan->host);
    place.take();
    Call* call = backend.begin_call(verified, std::move(place), use);
    call->reused = true;
    backend.count(backend.plan->rows.reused);
    return Lease(call);
  }
  const bool may_be_http1 = backend.pool->http2 != Http2::kPriorKnowledge || !backend.shares(use);
  if (!may_be_http1) return {};  // as what idles otherwise is
  std::unique_ptr<Connection> connection = backend.take_idle(verified, proof);
  if (!connection) return {};
  connection->begin();
  connection->reused = true;
  connection->blamed = false;
  backend.count(backend.plan->rows.reused);
  return Lease(connection.release());
}

const BackendPlan& Pool::plan_of(const Backend& backend) {
  return *backend.plan;
}

bool Pool::claim(Backend& backend) {
  return backend.claim();
}

void Pool::unclaim(Backend& backend) {
  backend.unclaim();
}

bool Pool::has_others(const Tried& tried) const {
  const auto serves = [&](const auto& it) { return it->serves && it->weight != 0 && !tried.holds(it.get()); };
  return std::ranges::count_if(state_->backends, serves) >= 2;
}

RetryBudget& Pool::retries() {
  return state_->retries;
}

size_t Pool::idle() const {
  size_t sum = 0;
  for (const auto& backend : state_->backends) {
    sum += backend->idle.size();
    for (const auto& shared : backend->shared) sum += shared->idle();
  }
  return sum;
}

}  // namespace cardea::l7::upstream
