// What a shard runs under the names of a plan, as it lives across reloads: the plan with what this shard made for it, a
// service as its connections know it, and a connection as its service counts and finds it. One shard's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "l7/plan/live_plan.h"
#include "l7/runtime/intrusive_list.h"
#include "l7/tls/context.h"
#include "l7/upstream/pool.h"

namespace cardea::l7::proxy {

class Shard;

// A plan with what this shard made for it. Counted by reference on the shard's thread only.
struct ShardPlan {
  struct Service {
    std::shared_ptr<const ServicePlan> plan;
    std::shared_ptr<tls::ServerContext> tls;  // null without TLS; the same object while certificates stay the same
  };
  std::shared_ptr<const LivePlan> plan;
  std::vector<Service> services;                       // by index in the plan
  std::vector<std::shared_ptr<upstream::Pool>> pools;  // by index in the plan
};
using ShardPlanPointer = std::shared_ptr<const ShardPlan>;

class LiveConnection;

// A service as its connections know it across reloads: found by name, it leads to the plan that runs now. A service
// whose mode changes, or that begins or ceases to speak TLS, is another one.
struct LiveService {
  ShardPlanPointer plan;     // copied by each exchange as it begins; connections without an exchange hold none
  size_t index = 0;          // of the service in that plan
  uint32_t connections = 0;  // this shard's
  uint32_t leaving = 0;      // listeners that let in what had begun to connect
  bool gone = false;         // no longer in the plan, or the process is ending: close after the exchange under way
  List<LiveConnection> list;

  const ShardPlan::Service& now() const { return plan->services[index]; }
};

// What proxy::Connection is to its shard: one of a service's connections from its making to its end, counted by it. Its
// place among the host's was taken before (ServicePlan::connections), and is given back by it.
class LiveConnection : public Link {
 public:
  LiveConnection(Shard& shard, LiveService& service);
  LiveConnection(const LiveConnection&) = delete;
  virtual ~LiveConnection();

  // The service is gone (service().gone is set): close at once unless an exchange is under way. Called between
  // coroutines; must not destroy anything by itself.
  virtual void leave() = 0;

  Shard& shard() const { return shard_; }
  LiveService& service() const { return service_; }

 private:
  Shard& shard_;
  LiveService& service_;
};

}  // namespace cardea::l7::proxy
