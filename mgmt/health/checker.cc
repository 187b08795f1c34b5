#include "mgmt/health/checker.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/log.h"
#include "mgmt/health/checker_loop.h"

namespace cardea::mgmt::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr uint64_t kWake = 0;
constexpr int kReadyMax = 256;                 // events taken at one go
constexpr milliseconds kOwnFailureRetry{100};  // until a check that this host could not start is tried again
constexpr std::chrono::seconds kWarnEvery{60};

bool is_checked(const Target& target) {
  return target.check.type != conf::HealthType::kNone;
}

}  // namespace

bool Target::same_definition(const Target& other) const {
  Target same = other;
  same.initially_up = initially_up;
  same.since = since;
  return *this == same;
}

Checker::Checker(OnEvent on_event, Options options) : loop_(std::make_unique<Loop>(std::move(on_event), options)) {}
Checker::~Checker() = default;
void Checker::set_targets(std::vector<Target> targets) {
  loop_->set_targets(std::move(targets));
}
void Checker::set_way(bool there) {
  loop_->set_way(there);
}

bool Checker::watches(uint64_t target) const {
  return loop_->watches(target);
}
std::vector<TargetStatus> Checker::status() const {
  return loop_->status();
}
Counters Checker::counters() const {
  return loop_->counters();
}

Checker::Loop::Loop(OnEvent on_event, Options options)
    : on_event_(std::move(on_event)),
      options_(options),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      random_(options.seed != 0 ? options.seed : std::random_device()()) {
  CHECK(epoll_ && wake_, "no descriptors left for the health checker");
  CHECK(options.probes_max > 0);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWake}};
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
  thread_ = std::thread([this] { run(); });
}

Checker::Loop::~Loop() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake();
  thread_.join();
}

void Checker::Loop::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);  // full: it is awake already
}

void Checker::Loop::set_targets(std::vector<Target> targets) {
  {
    const std::scoped_lock lock(mutex_);
    const uint64_t round = ++rounds_;
    std::vector<Id> order;
    std::map<Name, Id> kept;
    for (Target& target : targets) {
      const auto found = by_name_.find({target.pool, target.backend});
      if (found == by_name_.end()) continue;
      if (watched_.at(found->second)->target.same_definition(target)) kept.insert(*found);
    }
    for (const auto& [name, id] : by_name_)
      if (!kept.contains(name)) forget(*watched_.at(id));
    by_name_ = std::move(kept);
    const uint64_t together = targets.size() - by_name_.size();
    for (Target& target : targets) {
      const auto [at, added] = by_name_.try_emplace({target.pool, target.backend}, next_id_);
      if (added) watch(std::move(target), together);
      if (watched_.at(at->second)->round == round) continue;  // named twice
      watched_.at(at->second)->round = round;
      order.push_back(at->second);
    }
    order_ = std::move(order);
    counters_.targets = order_.size();
  }
  wake();
}

void Checker::Loop::set_way(bool there) {
  const std::scoped_lock lock(mutex_);
  if (there && !way_) way_came_ = Clock::now();
  way_ = there;
}

bool Checker::Loop::watches(uint64_t target) const {
  const std::scoped_lock lock(mutex_);
  return watched_.contains(target);
}

std::vector<TargetStatus> Checker::Loop::status() const {
  const std::scoped_lock lock(mutex_);
  std::vector<TargetStatus> out;
  out.reserve(order_.size());
  for (const Id id : order_) {
    const Watched& watched = *watched_.at(id);
    TargetStatus status = watched.status;
    status.up = watched.judge.up();
    status.since = watched.judge.since();
    status.streak = watched.judge.streak();
    out.push_back(std::move(status));
  }
  return out;
}

Counters Checker::Loop::counters() const {
  const std::scoped_lock lock(mutex_);
  return counters_;
}

// Signals are for the process's main thread, and a TLS write to a closed connection must not end the process.
void Checker::Loop::run() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  ::pthread_setname_np(::pthread_self(), "health");

  std::array<epoll_event, kReadyMax> ready;
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const int wait = wait_time(Clock::now());
    lock.unlock();
    const int count = ::epoll_wait(epoll_.get(), ready.data(), kReadyMax, wait);
    lock.lock();
    for (int i = 0; i < count; ++i) take_ready(ready[i].data.u64);
    // Answers that are there already are heard before anybody is told that its time is up.
    if (count < kReadyMax) take_due(Clock::now());
    start_queued();
    const std::vector<Event> events = std::exchange(events_, {});
    if (events.empty() || ending_) continue;
    lock.unlock();
    for (const Event& event : events) on_event_(event);
    lock.lock();
  }
}

int Checker::Loop::wait_time(Time now) const {
  if (due_.empty()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(due_.begin()->first - now).count();
  return int(std::clamp<int64_t>(left, 0, 3'600'000));
}

void Checker::Loop::take_ready(Id id) {
  if (id == kWake) {
    uint64_t count = 0;
    [[maybe_unused]] const auto size = ::read(wake_.get(), &count, sizeof count);
    return;
  }
  const auto found = watched_.find(id);
  if (found != watched_.end() && found->second->probe) follow(*found->second, found->second->probe->advance());
}

void Checker::Loop::take_due(Time now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    Watched& watched = *watched_.at(due_.begin()->second);
    due_.erase(due_.begin());
    if (watched.probe) {
      end_probe(watched, false, watched.probe->timeout_reason());
    } else if (counters_.probes_running < options_.probes_max) {
      start_probe(watched);
    } else {
      ++counters_.probes_postponed;
      watched.queued = true;
      queue_.push_back(watched.id);
    }
  }
}

void Checker::Loop::start_queued() {
  while (!queue_.empty() && counters_.probes_running < options_.probes_max) {
    const auto found = watched_.find(queue_.front());
    queue_.pop_front();
    if (found == watched_.end() || !found->second->queued) continue;
    found->second->queued = false;
    start_probe(*found->second);
  }
}

void Checker::Loop::watch(Target target, uint64_t together) {
  const Id id = next_id_++;
  const Judge judge(target.check.rise, target.check.fall, target.initially_up || !is_checked(target),
                    target.since == system_clock::time_point() ? system_clock::now() : target.since);
  auto watched =
      std::make_unique<Watched>(Watched{.id = id, .target = std::move(target), .judge = judge, .status = {}});
  watched->status.pool = watched->target.pool;
  watched->status.backend = watched->target.backend;
  Watched& here = *watched_.emplace(id, std::move(watched)).first->second;
  if (is_checked(here.target)) set_due(here, first_due(Clock::now(), here.target.check.interval, together, random_()));
}

void Checker::Loop::forget(Watched& watched) {
  if (watched.probe) drop_probe(watched);
  due_.erase({watched.due, watched.id});
  watched_.erase(watched.id);
}

void Checker::Loop::set_due(Watched& watched, Time due) {
  watched.due = due;
  due_.insert({due, watched.id});
}

void Checker::Loop::start_probe(Watched& watched) {
  watched.started = Clock::now();
  ++counters_.probes_started;
  ++counters_.probes_running;
  set_due(watched, watched.started + watched.target.check.timeout);
  watched.probe = std::make_unique<Probe>(watched.target.address, watched.target.check, watched.target.proxy_header,
                                          watched.target.tls, tls_);
  const Progress progress = watched.probe->start();
  epoll_event nothing_yet{.events = 0, .data = {.u64 = watched.id}};
  if (!progress.over() && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, watched.probe->fd(), &nothing_yet) != 0)
    return end_by_own_failure(watched, "no room in epoll");
  follow(watched, progress);
}

void Checker::Loop::follow(Watched& watched, const Progress& progress) {
  switch (progress.kind) {
    case Progress::Kind::kWaitReadable:
    case Progress::Kind::kWaitWritable: {
      const uint32_t what = progress.kind == Progress::Kind::kWaitReadable ? EPOLLIN : EPOLLOUT;
      epoll_event event{.events = what, .data = {.u64 = watched.id}};
      CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, watched.probe->fd(), &event) == 0);
      return;
    }
    case Progress::Kind::kPassed:
      return end_probe(watched, true, {});
    case Progress::Kind::kFailed:
      return end_probe(watched, false, progress.reason);
    case Progress::Kind::kOwnFailure:
      return end_by_own_failure(watched, progress.reason);
  }
}

void Checker::Loop::end_probe(Watched& watched, bool passed, std::string reason) {
  if (!passed && !way_) return end_by_own_failure(watched, reason + ", while the dataplane is away");
  drop_probe(watched);
  const auto& check = watched.target.check;
  const Time ended = Clock::now();
  set_due(watched, next_due(watched.started, ended, check.interval, check.jitter_percent, random_()));
  ++(passed ? counters_.probes_passed : counters_.probes_failed);

  TargetStatus& status = watched.status;
  ++(passed ? status.checks_passed : status.checks_failed);
  status.checked = true;
  status.last_reason = reason;
  status.own_failure.clear();
  status.last_duration = std::chrono::duration_cast<std::chrono::microseconds>(ended - watched.started);
  const auto now = system_clock::now();
  if (!watched.judge.observe(passed, now)) return;
  if (passed) reason = check.rise == 1 ? "passed a check" : fmt::format("passed {} checks in a row", check.rise);
  events_.push_back({watched.id, status.pool, status.backend, passed, std::move(reason), now});
}

void Checker::Loop::end_by_own_failure(Watched& watched, const std::string& reason) {
  drop_probe(watched);
  const Time now = Clock::now();
  set_due(watched, now + kOwnFailureRetry);
  if (without_way(watched)) {
    ++counters_.without_way;
    return;
  }
  ++counters_.own_failures;
  watched.status.own_failure = reason;
  if (warned_ != Time{} && now - warned_ < kWarnEvery) return;
  warned_ = now;
  log::warning("health: this host could not check {}/{}: {}; trying again, no backend is held down for it",
               watched.target.pool, watched.target.backend, reason);
}

bool Checker::Loop::without_way(const Watched& watched) const {
  return !way_ || (way_came_ != Time{} && watched.started < way_came_ + options_.way_settles);
}

void Checker::Loop::drop_probe(Watched& watched) {
  due_.erase({watched.due, watched.id});
  watched.probe.reset();
  --counters_.probes_running;
}

}  // namespace cardea::mgmt::health
