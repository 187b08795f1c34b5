#include "l7/control/running.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "l7/cache/cache.h"
#include "l7/control/descriptors.h"
#include "l7/log/access_log.h"
#include "l7/runtime/listener.h"

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;

// Room for about 10,000 routes, 10,000 backends and 1,000 services; memory is taken only as rows are added.
constexpr uint32_t kRowsMax = 262'144, kCellsMax = 2'097'152;
constexpr auto kShardPatience = 10s;
constexpr auto kRenewAgain = 5s;
constexpr auto kBlamePause = 10s;  // cardea-mgmt asks once a second
constexpr auto kWarnAgain = 24h;  // of certificates that are about to expire; the first time is when they are loaded

// A meeting point of shards and the control thread that outlives an impatient control thread.
struct Meeting {
  std::mutex mutex;
  std::condition_variable changed;
  size_t missing;
  explicit Meeting(size_t count) : missing(count) {}
  void arrive() {
    const std::lock_guard lock(mutex);
    --missing;
    changed.notify_one();
  }
  bool wait() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kShardPatience, [this] { return missing == 0; });
  }
};

// Data or a FIN that the peer has not acknowledged.
bool owes_its_peer(tcp::State state) {
  using enum tcp::State;
  return state == kEstablished || state == kCloseWait || state == kFinWait1 || state == kClosing || state == kLastAck;
}

std::set<Endpoint> endpoints_of(const LivePlan& plan) {
  std::set<Endpoint> all;
  for (const auto& service : plan.services) all.insert(service->listen.begin(), service->listen.end());
  return all;
}

std::chrono::sys_seconds wall_clock() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

// ------------------------------------------------------------------ start and end

Running::Running(stats::Segment segment, uint32_t shards, const StartOptions& options)
    : segment_(std::move(segment)),
      resources_{RowBook(segment_), {}},
      cells_(segment_.cells(shards)),
      stapler_(options.state_directory + "/ocsp", uint64_t(monotonic_now().time_since_epoch().count())),
      descriptors_max_(options.descriptors_max) {}

Running::~Running() {
  for (const auto& shard : shards_) shard->stop();
}

Result<std::unique_ptr<Running>> Running::open(Bytes image, const StartOptions& options, Before before) {
  auto settings = read_settings(image);
  if (!settings) return std::unexpected(std::move(settings.error()));
  const auto count = uint32_t(settings->cpus.size());
  auto segment = stats::Segment::create(options.run_directory + "/" + options.statistics, count + 1, kRowsMax, kCellsMax);
  if (!segment) return std::unexpected(std::move(segment.error()));
  std::unique_ptr<Running> running(new Running(std::move(*segment), count, options));
  running->waf_ = std::make_unique<WafLink>(options.run_directory);
  running->ours_ = std::move(before.endpoints);
  running->offered_ = std::move(before.sockets);
  if (auto done = running->open_shards(*settings); !done) return std::unexpected(std::move(done.error()));
  if (auto done = running->adopt(image); !done) return std::unexpected(std::move(done.error()));
  return running;
}

Result<> Running::open_shards(const PlanSettings& settings) {
  stats::RowAdder add(segment_);
  const ShardRows shard_rows = ShardRows::add(add);
  rows_ = ControlRows::add(add);
  tcp_rows_ = TcpRows::add(add);
  if (!add.done) return add.done;
  warned_ = monotonic_now();
  const auto count = uint32_t(settings.cpus.size());
  const proxy::Shared shared{.segment = &segment_, .rows = shard_rows, .shards = count, .waf_socket = waf_->questions()};
  for (uint32_t i = 0; i < count; ++i) {
    auto shard = proxy::Shard::create(i, shared);
    if (!shard) return std::unexpected(std::move(shard.error()));
    if (auto done = (*shard)->start(settings.cpus[i]); !done) return done;
    shards_.push_back(std::move(*shard));
  }
  busy_.resize(count);
  return {};
}

// ------------------------------------------------------------------ plans

// At the same place, or at one that covers it: sockets of this process may share it.
bool Running::is_ours(const Endpoint& endpoint) const {
  const auto any = [](const Endpoint& at) { return at.address == IpAddress{} || at.address == IpAddress::v4(0); };
  return std::ranges::any_of(ours_, [&](const Endpoint& its) {
    return its.port == endpoint.port && its.address.is_v4() == endpoint.address.is_v4() &&
           (its.address == endpoint.address || any(its) || any(endpoint));
  });
}

Result<FileDescriptor> Running::open_socket(size_t shard, const Endpoint& endpoint) {
  if (shard < offered_.size())
    if (auto offered = offered_[shard].extract(endpoint)) return std::move(offered.mapped());
  return open_listening_socket(endpoint, {.alone = !is_ours(endpoint)});
}

Result<Running::Sockets> Running::open_sockets(const LivePlan& next) {
  std::set<Endpoint> known = plan_ ? endpoints_of(*plan_) : std::set<Endpoint>();
  Sockets sockets(shards_.size());
  for (const auto& service : next.services)
    for (const Endpoint& endpoint : service->listen) {
      if (known.contains(endpoint)) continue;
      for (size_t i = 0; i < sockets.size(); ++i) {
        auto socket = open_socket(i, endpoint);
        if (!socket) return std::unexpected(std::move(socket.error()).in(fmt::format("service \"{}\"", service->name)));
        sockets[i][endpoint] = std::move(*socket);
        ours_.insert(endpoint);
      }
    }
  return sockets;
}

control::Outcome<uint64_t> Running::adopt(Bytes image) {
  const auto refused = [this](control::Failure error) {
    count(rows_.plans_refused);
    return std::unexpected(std::move(error));
  };
  auto next = load_plan(image, resources_, plan_.get());
  if (!next) return refused(std::move(next.error()));
  if (plan_)
    if (auto fits = check_reloadable(plan_->settings, (*next)->settings); !fits)
      return refused({std::move(fits.error()), control::Code::kNeedsRestart});
  auto sockets = open_sockets(**next);
  if (!sockets) return refused(std::move(sockets.error()));
  if (auto loaded = waf_->load((*next)->waf, !plan_); !loaded) return refused(std::move(loaded.error()).in("waf"));
  auto keys = ticket_keys_.adopt((*next)->settings.ticket_keys, monotonic_now());
  if (!keys) return refused(std::move(keys.error()));
  share_ticket_keys(std::move(*keys));
  for (const CachePlan& cache : (*next)->caches) {
    cache.cache->set_limits({cache.limits.memory, cache.limits.object, cache.limits.stale_on_error});
  }
  stapler_.tick(**next, monotonic_now(), wall_clock());  // so that the first handshake has what was kept
  publish(std::move(*next), std::move(*sockets));
  waf_->adopt(plan_->waf);
  count(rows_.plans_adopted);
  certificate_rows_ = CertificateRows::add(resources_.rows, *plan_);
  write_gauges();
  warn_of_descriptors();
  return plan_->generation;
}

control::Outcome<uint64_t> Running::update_pools(Bytes image) {
  auto next = load_pool_update(image, resources_, *plan_);
  if (!next) {
    count(rows_.plans_refused);
    return std::unexpected(std::move(next.error()));
  }
  publish(std::move(*next), {});
  count(rows_.plans_adopted);
  return plan_->generation;
}

// No sockets at all: the same services with other pools.
void Running::publish(std::shared_ptr<const LivePlan> next, Sockets sockets) {
  if (plan_) retired_.push_back(plan_);
  plan_ = std::move(next);
  auto meeting = std::make_shared<Meeting>(shards_.size());
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (sockets.empty()) {
      shards_[i]->post([plan = plan_, meeting](proxy::Shard& shard) mutable {
        shard.update_pools(std::move(plan));
        meeting->arrive();
      });
    } else {
      shards_[i]->post([plan = plan_, meeting, its = std::move(sockets[i])](proxy::Shard& shard) mutable {
        shard.adopt(std::move(plan), std::move(its));
        meeting->arrive();
      });
    }
  }
  if (!meeting->wait())
    log::error("plan {}: a shard has not taken it yet; it will when it comes to it", plan_->generation);
  stats::set(cells_ + rows_.plan_generation, plan_->generation);
}

bool Running::all_shards_went_on() {
  if (answered_ && answered_->load() < shards_.size()) return false;
  answered_ = std::make_shared<std::atomic<size_t>>(0);
  for (const auto& shard : shards_) shard->post([answered = answered_](proxy::Shard&) { ++*answered; });
  return true;
}

bool Running::ask(size_t shard, std::move_only_function<void(proxy::Shard&)> call) {
  auto meeting = std::make_shared<Meeting>(1);
  shards_[shard]->post([meeting, call = std::move(call)](proxy::Shard& its) mutable {
    call(its);
    meeting->arrive();
  });
  return meeting->wait();
}

// ------------------------------------------------------------------ at leisure

void Running::count(uint32_t cell) {
  stats::add(cells_ + cell, 1);
}

void Running::write_backend_gauges(const BackendPlan& backend, Instant now) {
  stats::set(cells_ + backend.rows.latency, uint64_t(backend.host->latency.at(now)));
  stats::set(cells_ + backend.rows.ejected, backend.host->ejection.ejected(now));
}

void Running::write_gauges() {
  for (const auto& pool : plan_->pools)
    for (const BackendPlan& backend : pool->backends) write_backend_gauges(backend, monotonic_now());
  for (const auto& log : plan_->logs) stats::set(cells_ + log->rows.lost, log->log->lost());
  for (const auto& [cell, value] : certificate_rows_.not_after) stats::set(cells_ + cell, uint64_t(value));
  for (const CachePlan& cache : plan_->caches) {
    const cache::Figures now = cache.cache->figures();
    const std::pair<uint32_t, uint64_t> values[] = {
        {cache.rows.bytes, now.bytes},     {cache.rows.objects, now.objects}, {cache.rows.stored, now.stored},
        {cache.rows.refused, now.refused}, {cache.rows.evicted, now.evicted}, {cache.rows.purged, now.purged}};
    for (const auto& [cell, value] : values) stats::set(cells_ + cell, value);
  }
}

// Null: they are as they were.
void Running::share_ticket_keys(std::shared_ptr<const tls::TicketKeys> keys) {
  if (!keys) return;
  for (const auto& shard : shards_) shard->post([keys](proxy::Shard& its) { its.set_ticket_keys(keys); });
}

void Running::warn_of_certificates(Instant now) {
  if (now - warned_ < kWarnAgain) return;
  warned_ = now;
  const auto today = wall_clock();
  std::set<std::string> warnings;  // services share certificates
  for (const auto& service : plan_->services)
    for (const auto& certificate : service->certificates) {
      warnings.insert(tls::expiry_warning(*certificate, today));
      warnings.insert(tls::staple_warning(*certificate, today));
    }
  for (const auto& warning : warnings)
    if (!warning.empty()) log::warning("{}", warning);
}

void Running::renew_certificates(Instant now) {
  if (now - renewed_ < kRenewAgain) return;
  renewed_ = now;
  auto next = with_renewed_certificates(*plan_, resources_);
  if (!next) return;
  stapler_.tick(*next, now, wall_clock());
  publish(std::move(next), Sockets(shards_.size()));
  certificate_rows_ = CertificateRows::add(resources_.rows, *plan_);
}

void Running::staple(Instant now) {
  const auto today = wall_clock();
  stapler_.tick(*plan_, now, today);
  stats::set(cells_ + rows_.ocsp_fetches, stapler_.figures().fetches);
  stats::set(cells_ + rows_.ocsp_failures, stapler_.figures().failures);
  for (const auto& [cell, slot] : certificate_rows_.stapled) {
    const auto held = slot->get(today);
    stats::set(cells_ + cell, held ? uint64_t(held->next_update.time_since_epoch().count()) : 0);
  }
}

void Running::warn_of_descriptors() {
  if (descriptors_max_ == 0) return;
  std::string warning = descriptor_warning(*plan_, descriptors_max_);
  if (warning == descriptor_warning_) return;
  descriptor_warning_ = std::move(warning);
  if (!descriptor_warning_.empty()) log::warning("{}", descriptor_warning_);
}

void Running::tick(Instant now) {
  std::erase_if(retired_, [](const auto& plan) { return plan.use_count() == 1; });
  resources_.rows.sweep();
  resources_.certificates.trim();
  write_gauges();
  share_ticket_keys(ticket_keys_.tick(now));
  renew_certificates(now);
  staple(now);
  warn_of_certificates(now);
  tails_.tick(shards_, now);
  if (plan_->needs_door() || door_attached_)
    for (const auto& shard : shards_)
      shard->post([rows = tcp_rows_](proxy::Shard& its) { rows.write(its.door(), its.cells()); });
  for (size_t i = 0; i < shards_.size(); ++i) {
    const auto cell = [&](uint32_t row) { return std::atomic_ref(shards_[i]->cells()[row]).load(); };
    const Busy before = busy_[i];
    busy_[i].busy_ns = cell(shards_[i]->shared().rows.busy_ns);
    busy_[i].sleeping_ns = cell(shards_[i]->shared().rows.sleeping_ns);
    const uint64_t busy = busy_[i].busy_ns - before.busy_ns, asleep = busy_[i].sleeping_ns - before.sleeping_ns;
    busy_[i].percent = busy + asleep == 0 ? 0 : 100.0 * double(busy) / double(busy + asleep);
  }
}

void Running::attach(const std::shared_ptr<door::AttachedDoor>& door) {
  door_attached_ = door != nullptr;
  for (const auto& shard : shards_) shard->post([door](proxy::Shard& its) { its.attach(door); });
}

void Running::reopen_logs() {
  for (const auto& plan : plan_->logs)
    if (auto done = plan->log->reopen(); !done) log::warning("access log {}: {}", plan->name, done.error().message);
}

// Comes back when all have done it, or one does not come to it in time.
void Running::tell_all(const std::function<void(size_t, proxy::Shard&)>& what) {
  auto meeting = std::make_shared<Meeting>(shards_.size());
  for (size_t i = 0; i < shards_.size(); ++i)
    shards_[i]->post([meeting, what, i](proxy::Shard& its) {
      what(i, its);
      meeting->arrive();
    });
  meeting->wait();
}

void Running::drain() {
  tell_all([](size_t, proxy::Shard& its) { its.drain(); });
}

// Its caches are of no more use, and the other process fills its own meanwhile.
void Running::pass_on(std::vector<std::set<Endpoint>> taken) {
  for (const CachePlan& cache : plan_->caches) cache.cache->set_limits({});
  taken.resize(shards_.size());
  tell_all([taken = std::move(taken)](size_t i, proxy::Shard& its) { its.pass_on(taken[i]); });
}

Running::Sockets Running::listening_sockets() {
  auto sockets = std::make_shared<Sockets>(shards_.size());
  tell_all([sockets](size_t i, proxy::Shard& its) { (*sockets)[i] = its.listening_sockets(); });
  return std::move(*sockets);
}

bool Running::is_done() {
  return connections() == 0 &&
         std::ranges::all_of(shards_, [](const auto& its) { return its->leaving_listeners() == 0; }) &&
         all_is_delivered();
}

// The kernel delivers what a process leaves behind, to the FIN; our own TCP ends with it.
bool Running::all_is_delivered() {
  if (!door_attached_) return true;
  auto left = std::make_shared<std::atomic<uint64_t>>(0);
  const auto count_left = [left](proxy::Shard& its) {
    const tcp::Stack* stack = its.door().stack_or_null();
    if (stack) stack->each([&](const tcp::Connection& c) { *left += c.passive && owes_its_peer(c.state); });
  };
  for (size_t i = 0; i < shards_.size(); ++i)
    if (!ask(i, count_left)) return true;
  return *left == 0;
}

std::vector<policy::Blamed::One> Running::take_blamed(Instant now) {
  if (shards_.empty()) return {};
  auto blamed = shards_.front()->shared().blamed->take();
  if (now - std::exchange(blamed_asked_, now) > kBlamePause) blamed.clear();
  return blamed;
}

uint64_t Running::connections() const {
  uint64_t sum = 0;
  for (const auto& shard : shards_)
    sum += std::atomic_ref(shard->cells()[shard->shared().rows.connections]).load(std::memory_order_relaxed);
  return sum;
}

}  // namespace cardea::l7
