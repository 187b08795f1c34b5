#include "l7/proxy/shard.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <iterator>
#include <random>

#include "base/check.h"
#include "base/log.h"
#include "l7/proxy/door_listeners.h"
#include "l7/proxy/flight_recorder.h"
#include "l7/proxy/listener.h"

namespace cardea::l7::proxy {
namespace {

constexpr size_t kKeptFiles = 1024;  // names of the host; a shard has its part

uint64_t nanoseconds(Instant from, Instant to) {
  return uint64_t(std::max<int64_t>((to - from).count(), 0));
}

int64_t system_unix_ms() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// A service whose connections mean something else than before is another one.
bool same_kind(const ServicePlan& a, const ServicePlan& b) {
  return a.mode == b.mode && a.has_tls() == b.has_tls();
}

}  // namespace

// ------------------------------------------------------------------ the thread

Shard::Shard(uint32_t number, const Shared& shared, Loop::Clock clock)
    : number_(number),
      clock_(clock),
      created_(monotonic_now()),
      created_unix_ms_(system_unix_ms()),
      recorder_(std::make_unique<FlightRecorder>()),
      chance_(std::random_device()()),
      shared_(shared),
      cells_(shared.segment->cells(number)),
      buffers_(*shared_.buffers),
      encoders_(*shared_.compression) {}

int64_t Shard::unix_ms() const {
  if (clock_ == Loop::Clock::kMonotonic) return system_unix_ms();
  return created_unix_ms_ + std::chrono::duration_cast<std::chrono::milliseconds>(loop_->now() - created_).count();
}

Result<std::unique_ptr<Shard>> Shard::create(uint32_t number, const Shared& shared, Loop::Clock clock) {
  auto crypto = tls::CryptoLibrary::create();
  if (!crypto) return std::unexpected(std::move(crypto.error()));
  auto loop = Loop::create(clock);
  if (!loop) return std::unexpected(std::move(loop.error()));
  auto keys = tls::TicketKeys::create();
  if (!keys) return std::unexpected(std::move(keys.error()));
  std::unique_ptr<Shard> shard(new Shard(number, shared, clock));
  shard->crypto_ = std::move(*crypto);
  shard->crypto_->floods = shard->cells_ + shared.rows.tls_floods;
  shard->loop_ = std::move(*loop);
  shard->kept_files_ = std::make_unique<files::Kept>(*shard->loop_, std::max<size_t>(kKeptFiles / shared.shards, 1));
  shard->door_ = std::make_unique<door::ShardDoor>(*shard->loop_, number);
  shard->door_listeners_ = std::make_unique<DoorListeners>(*shard, *shard->door_);
  shard->ticket_keys_ = std::move(*keys);
  shard->pool_context_ = std::make_unique<upstream::Pool::Context>(upstream::Pool::Context{
      *shard->loop_, shard->cells_, *shard->crypto_, std::random_device()(), &shard->buffers_, shared.shards,
      shard->door_.get()});
  shard->loop_->observe_turns(shard.get());
  return shard;
}

// Connections first: they use everything else.
Shard::~Shard() {
  stop();
  loop_->end_tasks();
}

Result<> Shard::start(uint16_t cpu) {
  slept_ = woke_ = monotonic_now();
  thread_ = std::thread([this] { loop_->run(); });
  ::pthread_setname_np(thread_.native_handle(), fmt::format("shard-{}", number_).c_str());
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  if (::pthread_setaffinity_np(thread_.native_handle(), sizeof cpus, &cpus) == 0) return {};
  stop();
  return fail(fmt::format("l7.shards names CPU {}, which this host does not have or this process may not use", cpu),
              Origin::kOperator);
}

void Shard::stop() {
  if (!thread_.joinable()) return;
  loop_->stop();
  thread_.join();
}

void Shard::post(std::move_only_function<void(Shard&)> call) {
  loop_->post([this, call = std::move(call)]() mutable { call(*this); });
}

bool Shard::end_oldest_head() {
  UnfinishedHead* oldest = unfinished_.pop_front();
  if (!oldest) return false;
  oldest->gives_way = true;
  oldest->client.cancel(Direction::kRead);
  stats::add(cells_ + shared_.rows.heads_ended, 1);
  return true;
}

bool Shard::make_room() {
  if (end_oldest_head()) return true;
  if (!buffers_.end_longest_stalled(loop_->now())) return false;
  stats::add(cells_ + shared_.rows.stalled_ended, 1);
  return true;
}

void Shard::before_sleep() {
  buffers_.settle();
  stats::set(cells_ + shared_.rows.buffer_bytes, buffers_.used());
  stats::set(cells_ + shared_.rows.compression_bytes, encoders_.bytes());
  slept_ = monotonic_now();
  stats::add(cells_ + shared_.rows.busy_ns, nanoseconds(woke_, slept_));
}

void Shard::after_wake() {
  woke_ = monotonic_now();
  stats::add(cells_ + shared_.rows.sleeping_ns, nanoseconds(slept_, woke_));
}

// ------------------------------------------------------------------ plans

std::shared_ptr<upstream::Pool> Shard::pool(const std::shared_ptr<const PoolPlan>& plan, const Pools& known) {
  const auto found = known.find(plan->name);
  if (found == known.end()) return std::make_shared<upstream::Pool>(*pool_context_, plan);
  if (&found->second->plan() != plan.get()) found->second->update(plan);
  return found->second;
}

std::shared_ptr<tls::ServerContext> Shard::tls_context(const std::shared_ptr<const ServicePlan>& plan) {
  if (!plan->has_tls()) return nullptr;
  const tls::ServerContext* previous = nullptr;
  if (const auto known = services_.find(plan->name); known != services_.end()) {
    const ShardPlan::Service& now = known->second->now();
    if (now.tls && now.plan->certificates == plan->certificates && now.plan->tls_version_min == plan->tls_version_min &&
        now.plan->http2 == plan->http2 && now.plan->client_trust == plan->client_trust)
      return now.tls;
    previous = now.tls.get();
  }
  tls::ServerOptions options{.version_min = plan->tls_version_min, .service = plan->name, .clients = plan->client_trust};
  if (plan->mode == Mode::kTcp) options.alpn.clear();  // what is spoken inside is not known here
  if (plan->http2) options.alpn.insert(options.alpn.begin(), "h2");
  auto made = tls::ServerContext::create(*crypto_, plan->certificates, ticket_keys_, options, previous);
  if (made) return std::move(*made);
  log::error("service \"{}\": {}; its TLS connections are refused", plan->name, made.error().message);
  return nullptr;
}

ShardPlanPointer Shard::make_plan(std::shared_ptr<const LivePlan> plan) {
  auto made = std::make_shared<ShardPlan>();
  Pools known;
  if (plan_)
    for (const auto& its : plan_->pools) known.emplace(its->plan().name, its);
  for (const auto& one : plan->pools) made->pools.push_back(pool(one, known));
  for (const auto& one : plan->services) made->services.push_back({one, tls_context(one)});
  made->plan = std::move(plan);
  return made;
}

Shard::Services Shard::live_services(const ShardPlanPointer& plan) {
  Services next;
  for (size_t i = 0; i < plan->services.size(); ++i) {
    const ServicePlan& service = *plan->services[i].plan;
    std::unique_ptr<LiveService>& live = next[service.name];
    if (const auto known = services_.find(service.name);
        known != services_.end() && same_kind(*known->second->now().plan, service))
      live = std::move(known->second);
    else
      live = std::make_unique<LiveService>();
    live->plan = plan;
    live->index = i;
  }
  return next;
}

Shard::Listeners Shard::live_listeners(const ShardPlan& plan, std::map<Endpoint, FileDescriptor> sockets) {
  Listeners next;
  for (const ShardPlan::Service& service : plan.services) {
    LiveService& live = *services_.at(service.plan->name);
    for (const Endpoint& endpoint : service.plan->listen) {
      if (const auto known = listeners_.extract(endpoint)) {
        known.mapped()->serve_from_now_on(live);
        next[endpoint] = known.mapped();
        continue;
      }
      const auto socket = sockets.find(endpoint);
      CHECK(socket != sockets.end(), "an endpoint without a socket");
      end_leaving(endpoint);
      next[endpoint] = ServiceListener::start(*this, live, std::move(socket->second));
    }
  }
  return next;
}

// Listeners first: they keep their service, of which what they still let in is served as its last.
void Shard::let_go(Services services, Listeners listeners) {
  for (const auto& [endpoint, listener] : listeners) {
    leaving_at_.emplace(endpoint, listener);
    listener->leave();
  }
  for (auto& [name, live] : services) {
    if (!live) continue;  // goes on under the new plan
    live->gone = true;
    List<LiveConnection> all;
    all.take_all(live->list);
    while (LiveConnection* connection = all.pop_front()) {
      live->list.push_back(*connection);
      connection->leave();
    }
    if (live->connections + live->leaving > 0) leaving_.push_back(std::move(live));
  }
}

void Shard::forget(LiveService& service) {
  if (service.connections + service.leaving > 0) return;
  std::erase_if(leaving_, [&](const auto& leaving) { return leaving.get() == &service; });
}

void Shard::keep(LiveService& service) {
  service.leaving++;
  leaving_listeners_++;
}

// What leaves would have half of the SYNs of what listens there anew, and drop them.
void Shard::end_leaving(const Endpoint& endpoint) {
  std::vector<ServiceListener*> there;
  const auto [first, last] = leaving_at_.equal_range(endpoint);
  std::transform(first, last, std::back_inserter(there), [](const auto& entry) { return entry.second; });
  for (ServiceListener* listener : there) listener->end();
}

void Shard::give_back(LiveService& service, const ServiceListener& listener) {
  std::erase_if(leaving_at_, [&](const auto& entry) { return entry.second == &listener; });
  give_back(service);
}

void Shard::give_back(LiveService& service) {
  service.leaving--;
  leaving_listeners_--;
  if (service.gone) forget(service);
}

void Shard::adopt(std::shared_ptr<const LivePlan> plan, std::map<Endpoint, FileDescriptor> sockets) {
  shared_.buffers->set(plan->settings.buffer_bytes_max, shared_.shards);
  shared_.compression->set(plan->settings.compression_bytes_max, shared_.shards);
  ShardPlanPointer next = make_plan(std::move(plan));
  Services services = live_services(next);
  services.swap(services_);
  Listeners listeners = live_listeners(*next, std::move(sockets));
  listeners.swap(listeners_);
  plan_ = std::move(next);
  open_door(*plan_->plan);
  listen_at_door();
  let_go(std::move(services), std::move(listeners));
}

// Its own TCP is made by the first plan that needs it, and stays.
void Shard::open_door(const LivePlan& plan) {
  if (plan.needs_door()) {
    door_->open(door::Sizes::of(plan.connections_at_door(), plan.settings.buffer_bytes_max, shared_.shards));
    if (attached_ && !door_->attached()) door_->attach(attached_);
  }
  door_->set_dialling(plan.settings.userspace, plan.settings.port_addresses);
}

void Shard::listen_at_door() {
  std::map<Endpoint, LiveService*> wanted;
  for (const auto& [name, live] : services_) {
    const ServicePlan& service = *live->now().plan;
    if (!service.userspace) continue;
    for (const Endpoint& endpoint : service.listen)
      if (!door::is_loopback(endpoint.address)) wanted.emplace(endpoint, live.get());
  }
  door_listeners_->adopt(wanted);
}

void Shard::attach(std::shared_ptr<door::AttachedDoor> door) {
  attached_ = std::move(door);
  if (attached_)
    door_->attach(attached_);
  else
    door_->detach();
}

void Shard::update_pools(std::shared_ptr<const LivePlan> plan) {
  ShardPlanPointer next = make_plan(std::move(plan));
  for (const auto& [name, live] : services_) live->plan = next;
  plan_ = std::move(next);
}

void Shard::set_ticket_keys(std::shared_ptr<const tls::TicketKeys> keys) {
  ticket_keys_ = std::move(keys);
  if (!plan_) return;
  for (const ShardPlan::Service& service : plan_->services)
    if (service.tls) service.tls->set_ticket_keys(ticket_keys_);
}

std::map<Endpoint, FileDescriptor> Shard::listening_sockets() const {
  std::map<Endpoint, FileDescriptor> copies;
  for (const auto& [endpoint, listener] : listeners_) copies[endpoint] = listener->copy();
  return copies;
}

void Shard::pass_on(const std::set<Endpoint>& taken) {
  passed_on_ = true;
  for (const Endpoint& endpoint : taken)
    if (const auto listener = listeners_.extract(endpoint)) listener.mapped()->pass_on();
  drain();
}

void Shard::drain() {
  door_listeners_->adopt({});
  let_go(std::exchange(services_, {}), std::exchange(listeners_, {}));
}

}  // namespace cardea::l7::proxy
