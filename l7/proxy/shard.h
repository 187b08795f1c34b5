// One shard: a thread with its loop and everything it owns. The control thread posts plans and pool updates to it and
// reads nothing of it; connections see the plan that was newest when their exchange began and keep it until it ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/file_descriptor.h"
#include "base/random.h"
#include "base/stats.h"
#include "l7/compress/encoders.h"
#include "l7/door/shard_door.h"
#include "l7/files/kept.h"
#include "l7/http/date.h"
#include "l7/plan/live_plan.h"
#include "l7/policy/blamed.h"
#include "l7/proxy/ask.h"
#include "l7/proxy/buffers.h"
#include "l7/proxy/exchange_ids.h"
#include "l7/proxy/live_service.h"
#include "l7/proxy/sources.h"
#include "l7/runtime/loop.h"
#include "l7/runtime/offload.h"
#include "l7/tls/crypto_library.h"
#include "l7/tls/ticket_keys.h"
#include "l7/upstream/pool.h"

namespace cardea::l7::proxy {

class DoorListeners;
class FlightRecorder;
class Tail;
class ServiceListener;

// A request's head that is being waited for with a buffer in hand: the oldest gives way when a request that just begins
// finds none. In the shard's list while it is unfinished.
struct UnfinishedHead : Link {
  explicit UnfinishedHead(Stream& of) : client(of) {}
  Stream& client;
  bool gives_way = false;
};

// What all shards share: made once, copied to each.
struct Shared {
  stats::Segment* segment = nullptr;
  ShardRows rows;
  uint32_t shards = 1;
  std::shared_ptr<Sources> sources = std::make_shared<Sources>();
  std::shared_ptr<BufferBound> buffers = std::make_shared<BufferBound>(64 << 20);
  std::shared_ptr<compress::Bound> compression = std::make_shared<compress::Bound>(64 << 20, 1);
  std::shared_ptr<HostCount> renewals = std::make_shared<HostCount>();  // of cached objects, under way
  std::shared_ptr<Offload> offload = std::make_shared<Offload>();
  std::string waf_socket{};  // where cardea-waf's workers are asked
  std::shared_ptr<policy::Blamed> blamed = std::make_shared<policy::Blamed>();
  std::shared_ptr<policy::Verdicts> verdicts = std::make_shared<policy::Verdicts>();  // about passwords
};

class Shard final : private TurnObserver {
 public:
  static Result<std::unique_ptr<Shard>> create(uint32_t number, const Shared& shared,
                                               Loop::Clock clock = Loop::Clock::kMonotonic);
  Shard(const Shard&) = delete;
  ~Shard();

  // Control thread. `cpu`: where the thread runs; the shard starts without a plan.
  Result<> start(uint16_t cpu);
  void stop();  // ends the thread, and with it every connection that is left
  // Control thread: runs `call` on the shard's thread, in order.
  void post(std::move_only_function<void(Shard&)> call);

  // The shard's thread from here on. Listening sockets of endpoints that the old plan has too stay as they are;
  // `sockets` has one for each new endpoint. Connections go on.
  void adopt(std::shared_ptr<const LivePlan> plan, std::map<Endpoint, FileDescriptor> sockets);
  void update_pools(std::shared_ptr<const LivePlan> plan);  // the same services, other pools
  void set_ticket_keys(std::shared_ptr<const tls::TicketKeys> keys);
  const tls::TicketKeys& ticket_keys() const { return *ticket_keys_; }
  // Takes what waits to be accepted and what had begun to connect, nothing more; closes connections as they become
  // idle.
  void drain();
  // The same, where another process listens at `taken` with the sockets of this one: what waits there is for it.
  // Connections have their time: idle ones are told to go with their next answer, tunnels go on.
  void pass_on(const std::set<Endpoint>& taken);
  bool passed_on() const { return passed_on_; }
  std::map<Endpoint, FileDescriptor> listening_sockets() const;  // copies
  // The door to the dataplane is there, or (null) no longer.
  void attach(std::shared_ptr<door::AttachedDoor> door);

  uint32_t number() const { return number_; }
  Loop& loop() const { return *loop_; }
  const ShardPlanPointer& plan() const { return plan_; }
  uint64_t* cells() const { return cells_; }
  const Shared& shared() const { return shared_; }
  Buffers& buffers() { return buffers_; }
  compress::Encoders& encoders() { return encoders_; }
  void add_unfinished(UnfinishedHead& head) { unfinished_.push_back(head); }
  // The oldest unfinished head gives its buffer back in this turn. False: there is none.
  bool end_oldest_head();
  // The same, or who holds buffers for a client that takes nothing. False: nobody can be asked to.
  bool make_room();
  const tls::CryptoLibrary& crypto() const { return *crypto_; }
  int64_t unix_ms() const;  // milliseconds since 1970; a manual clock moves them too
  std::string_view date(int64_t unix_seconds) { return date_.at(unix_seconds); }
  size_t connections() const { return connections_; }
  // A listener that leaves needs its service for a while.
  void keep(LiveService& service);
  void give_back(LiveService& service);
  void give_back(LiveService& service, const ServiceListener& listener);
  door::ShardDoor& door() { return *door_; }
  uint32_t leaving_listeners() const { return leaving_listeners_.load(std::memory_order_relaxed); }  // any thread
  // The number of an exchange, unique in this process.
  uint64_t next_exchange() { return uint64_t{number_} << 48 | ++exchanges_; }
  ExchangeIds& ids() { return ids_; }
  Asks& asks() { return asks_; }
  FlightRecorder& recorder() { return *recorder_; }
  // Who looks on as exchanges end; null: nobody.
  using Tails = std::vector<std::shared_ptr<Tail>>;
  void show_to(std::shared_ptr<const Tails> tails) { tails_ = std::move(tails); }
  const Tails* tails() const { return tails_.get(); }
  files::Kept& kept_files() { return *kept_files_; }
  Random& chance() { return chance_; }  // of what only some exchanges have

 private:
  friend class LiveConnection;
  using Services = std::map<std::string, std::unique_ptr<LiveService>, std::less<>>;
  using Listeners = std::map<Endpoint, ServiceListener*>;
  using Pools = std::unordered_map<std::string, std::shared_ptr<upstream::Pool>>;

  Shard(uint32_t number, const Shared& shared, Loop::Clock clock);
  void before_sleep() override;
  void after_wake() override;

  ShardPlanPointer make_plan(std::shared_ptr<const LivePlan> plan);
  std::shared_ptr<tls::ServerContext> tls_context(const std::shared_ptr<const ServicePlan>& plan);
  std::shared_ptr<upstream::Pool> pool(const std::shared_ptr<const PoolPlan>& plan, const Pools& known);
  Services live_services(const ShardPlanPointer& plan);
  Listeners live_listeners(const ShardPlan& plan, std::map<Endpoint, FileDescriptor> sockets);
  void open_door(const LivePlan& plan);
  void listen_at_door();
  void let_go(Services services, Listeners listeners);
  void end_leaving(const Endpoint& endpoint);
  void forget(LiveService& service);

  uint32_t number_ = 0;
  const Loop::Clock clock_;
  const Instant created_;
  const int64_t created_unix_ms_;
  uint64_t exchanges_ = 0;
  ExchangeIds ids_ = ExchangeIds::of_this_start();
  const std::unique_ptr<FlightRecorder> recorder_;
  std::shared_ptr<const Tails> tails_;
  Random chance_;
  Shared shared_;
  uint64_t* cells_ = nullptr;
  Asks asks_;  // as the loop ends, they do
  std::unique_ptr<tls::CryptoLibrary> crypto_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<door::ShardDoor> door_;
  std::shared_ptr<door::AttachedDoor> attached_;  // also while no plan needs it
  std::shared_ptr<const tls::TicketKeys> ticket_keys_;
  std::unique_ptr<upstream::Pool::Context> pool_context_;
  std::unique_ptr<files::Kept> kept_files_;
  Buffers buffers_;
  compress::Encoders encoders_;
  List<UnfinishedHead> unfinished_;
  http::DateCache date_;
  ShardPlanPointer plan_;
  Services services_;
  std::vector<std::unique_ptr<LiveService>> leaving_;  // gone, but for the connections they still have
  Listeners listeners_;                                // owned by the loop
  std::multimap<Endpoint, ServiceListener*> leaving_at_;
  bool passed_on_ = false;
  std::unique_ptr<DoorListeners> door_listeners_;
  size_t connections_ = 0;
  std::atomic<uint32_t> leaving_listeners_ = 0;
  Instant slept_{}, woke_{};
  std::thread thread_;
};

}  // namespace cardea::l7::proxy
