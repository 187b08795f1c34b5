// One endpoint of one shard: accepts what comes, counts it, refuses what is over the service's limit by RST, and hands
// the rest to serve(). Short of descriptors or memory it counts that, pauses and goes on. Which service it accepts for
// may change by a reload; the socket does not.
#pragma once

#include <chrono>

#include "base/file_descriptor.h"
#include "l7/runtime/arena.h"
#include "l7/runtime/listener.h"
#include "l7/runtime/task.h"
#include "l7/runtime/waiter.h"

namespace cardea::l7::proxy {

class Shard;
struct LiveService;

// How long a listener that leaves lets in what had begun to connect, and how long such a client has to say what it
// wants.
inline constexpr std::chrono::milliseconds kLeaveTime{500};

class ServiceListener : private LoopTimer {
 public:
  // The loop owns it from here on, until leave().
  static ServiceListener* start(Shard& shard, LiveService& service, FileDescriptor socket);
  ServiceListener(Shard& shard, LiveService& service, FileDescriptor socket);
  ServiceListener(const ServiceListener&) = delete;

  void serve_from_now_on(LiveService& service) { service_ = &service; }
  // Answers nobody new. Handshakes under way have kLeaveTime to be completed, and are served; then the object is gone.
  void leave();
  // The same at once; handshakes under way are reset.
  void end();
  // Another process has the socket as well, and accepts from now on alone. The object is gone behind this turn.
  void pass_on();

  FileDescriptor copy() const;  // of the socket, for another process; none when descriptors are short

  Arena& arena() { return arena_; }

 private:
  static Task<> accept_all(ServiceListener& self);
  void take_in(Accepted accepted);

  Shard& shard_;
  LiveService* service_;
  const int socket_;  // as long as listener_ has it
  Listener listener_;
  const Endpoint local_;  // of all that is accepted here; port 0: each has its own
  Arena arena_;
};

}  // namespace cardea::l7::proxy
