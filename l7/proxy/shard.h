// One shard: a thread with its loop and everything it owns. The control thread posts plans and pool updates to it and
// reads nothing of it; connections see the plan that was newest when their exchange began and keep it until it ends.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/stats.h"
#include "l7/http/date.h"
#include "l7/log/access_log.h"
#include "l7/plan/live_plan.h"
#include "l7/proxy/buffers.h"
#include "l7/runtime/listener.h"
#include "l7/runtime/loop.h"
#include "l7/tls/context.h"
#include "l7/upstream/pool.h"

namespace cardea::l7::proxy {

// A plan with what this shard made for it. Counted by reference on the shard's thread only.
struct ShardPlan {
  struct Service {
    std::shared_ptr<const ServicePlan> plan;
    std::unique_ptr<tls::ServerContext> tls;  // null without TLS
  };
  std::shared_ptr<const LivePlan> plan;
  std::vector<Service> services;               // by index in the plan
  std::vector<std::shared_ptr<upstream::Pool>> pools;  // by index in the plan
};
using ShardPlanPointer = std::shared_ptr<const ShardPlan>;

// A service as its connections know it across reloads: found by name, it leads to the plan that runs now.
struct LiveService {
  ShardPlanPointer plan;     // copied by each exchange as it begins; connections without an exchange hold none
  size_t index = 0;          // of the service in that plan
  uint32_t connections = 0;  // this shard's
  bool gone = false;         // no longer in the plan, or the process is ending: close after the exchange under way

  const ShardPlan::Service& now() const { return plan->services[index]; }
};

// What all shards share.
struct Shared {
  stats::Segment* segment = nullptr;
  ShardRows rows;
  AccessLog* log = nullptr;
};

class Shard {
 public:
  static Result<std::unique_ptr<Shard>> create(uint32_t number, const Shared& shared);
  ~Shard();

  // Control thread. `cpu`: where the thread runs; the shard starts without a plan.
  Result<> start(uint16_t cpu);
  void stop();
  // Control thread: runs `call` on the shard's thread, in order.
  void post(std::move_only_function<void(Shard&)> call);

  // The shard's thread from here on. Listening sockets of endpoints that the old plan has too stay as they are;
  // `sockets` has one for each new endpoint. Connections go on.
  void adopt(std::shared_ptr<const LivePlan> plan, std::map<Endpoint, FileDescriptor> sockets);
  void update_pools(std::shared_ptr<const LivePlan> plan);  // the same services, other pools

  uint32_t number() const { return number_; }
  Loop& loop() const { return *loop_; }
  const ShardPlanPointer& plan() const { return plan_; }
  uint64_t* cells() const { return cells_; }
  const Shared& shared() const { return shared_; }
  Buffers& buffers() { return buffers_; }
  std::string_view date(int64_t unix_seconds) { return date_.at(unix_seconds); }

 private:
  uint32_t number_ = 0;
  Shared shared_;
  std::unique_ptr<Loop> loop_;
  uint64_t* cells_ = nullptr;
  Buffers buffers_;
  http::DateCache date_;
  ShardPlanPointer plan_;
};

}  // namespace cardea::l7::proxy
