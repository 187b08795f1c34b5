// A connection to a backend that speaks HTTP/2, whose calls are several exchanges' at a time. The backend's list has it
// while it takes calls; the task that reads and writes it, and each call, keep it until they end. Without a call it
// idles as others do, heard and answered, until its time is over.
#pragma once

#include <memory>

#include "l7/http2/client.h"
#include "l7/runtime/bell.h"
#include "l7/upstream/connection.h"

namespace cardea::l7::upstream {

struct Call;

class Shared final : public http2::Client, public std::enable_shared_from_this<Shared> {
 public:
  // Over a connection whose handshakes are done. Nobody calls before it is ready.
  static std::shared_ptr<Shared> start(std::unique_ptr<Connection> connection);
  explicit Shared(std::unique_ptr<Connection> connection);
  ~Shared();

  Connection& connection() const { return *connection_; }
  bool idle() const { return calls_held_ == 0; }
  // When it became ready, or that it never will.
  Bell& settled() { return settled_; }
  // From its calls.
  void call_begun();
  void call_over();
  // It takes no more calls, and ends behind the last.
  void retire();

  void changed_room() override;
  void flooded() override;
  Arena& arena() { return arena_; }

 private:
  static void expire(LoopTimer& timer);
  void rest();

  std::unique_ptr<Connection> connection_;
  Arena arena_;
  struct Idle : LoopTimer {
    explicit Idle(Shared& shared) : LoopTimer(expire), of(shared) {}
    Shared& of;
  } idle_;
  Bell settled_;
  uint32_t calls_held_ = 0;
};

// What an exchange has of one.
struct Call {
  Call(std::shared_ptr<Shared> of, Place its_place);
  ~Call();

  std::shared_ptr<Shared> on;
  std::shared_ptr<const BackendPlan> plan;
  Place place;
  http2::BackendStream stream;
  Instant began;
  bool reused = false, blamed = false;
};

}  // namespace cardea::l7::upstream
