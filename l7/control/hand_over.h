// How the process that serves gives its place to another, and how that one takes it: the sockets of Running, by the
// messages of l7/handover.
#pragma once

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/plan_server.h"
#include "l7/control/running.h"
#include "l7/handover/predecessor.h"
#include "l7/handover/successor.h"

namespace cardea::l7 {

// Of the process that serves.
class HandOver {
 public:
  // `socket`: to the process that is to take over, of this process's user.
  static Result<HandOver> begin(FileDescriptor socket, Running& running, const control::PlanServer& server,
                                Instant now);

  int fd() const { return successor_.fd(); }
  // Nothing: the other one is still on its way. Its number, when it serves; an Error: it will not.
  std::optional<Result<pid_t>> look(Instant now);
  // Behind look()'s number. By shard: where the other one listens with the sockets that it was given.
  const std::vector<std::set<Endpoint>>& taken() const { return taken_; }
  Result<> let_go() { return successor_.let_go(); }

 private:
  using Place = std::pair<uint32_t, Endpoint>;  // a shard's
  HandOver(handover::Successor successor, std::vector<Place> offered)
      : successor_(std::move(successor)), offered_(std::move(offered)) {}

  handover::Successor successor_;
  std::vector<Place> offered_;
  std::vector<std::set<Endpoint>> taken_;
};

// Of the other one: runs this plan with what it was offered, beside the one before. Its counters stand aside until
// that one's are the past.
struct Beside {
  std::unique_ptr<Running> running;
  handover::Serving serving;
};
Result<Beside> open_beside(handover::Offer& offer, Bytes image, const StartOptions& options);
Result<> show_statistics(const StartOptions& options);

}  // namespace cardea::l7
