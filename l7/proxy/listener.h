// One endpoint of one shard: accepts what comes, counts it, refuses what is over the service's limit by RST, and hands
// the rest to serve(). Short of descriptors or memory it counts that, pauses and goes on. Which service it accepts for
// may change by a reload; the socket does not.
#pragma once

#include "base/file_descriptor.h"
#include "l7/runtime/arena.h"
#include "l7/runtime/listener.h"
#include "l7/runtime/task.h"

namespace cardea::l7::proxy {

class Shard;
struct LiveService;

class ServiceListener {
 public:
  // The loop owns it from here on, until leave().
  static ServiceListener* start(Shard& shard, LiveService& service, FileDescriptor socket);
  ServiceListener(Shard& shard, LiveService& service, FileDescriptor socket);
  ServiceListener(const ServiceListener&) = delete;

  void serve_from_now_on(LiveService& service) { service_ = &service; }
  // Serves what the kernel has queued for this socket, then closes it; the object is gone after the turn.
  void leave();

  Arena& arena() { return arena_; }

 private:
  static Task<> accept_all(ServiceListener& self);
  void let_in(Accepted accepted);

  Shard& shard_;
  LiveService* service_;
  Listener listener_;
  const Endpoint local_;  // of all that is accepted here; port 0: each has its own
  Arena arena_;
};

}  // namespace cardea::l7::proxy
