// The configuration in force, and how another takes its place: on all processes that run plans or on none. A new one is
// offered to them in turn; when one refuses, those that had taken it get the plan in force back. Processes that are
// away get it when they come. Backends' states change here too, pool by pool, and go out to every process that has the
// pool. Lives on the event loop's thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mgmt/candidate.h"
#include "mgmt/event_loop.h"
#include "mgmt/plan_sync.h"
#include "mgmt/ring_cache.h"
#include "mgmt/runtime.h"
#include "mgmt/store.h"

namespace cardea::mgmt {

class Rollout {
 public:
  using Done = PlanSync::Done;
  using OnInForce = std::move_only_function<void()>;  // in_force() is another configuration now

  // `consumers` in the order in which plans are offered.
  Rollout(EventLoop& loop, std::vector<const Consumer*> consumers, const std::string& run_dir, const Runtime& runtime,
          RingCache& rings, Store& store, OnInForce on_in_force);

  // In force at once, whatever the processes say: the first configuration after a start.
  void begin_with(Candidate candidate);

  // In force when no process refuses it.
  void offer(Candidate candidate, Done done);

  // Something about this pool's backends changed in the runtime state. `done` when all that have it were told.
  void touch(const std::string& pool, Done done = {});

  const Candidate& in_force() const { return in_force_; }
  bool waits_for_restart() const { return bool(waiting_.candidate); }  // the newest configuration does, and is stored
  bool serves_nothing(std::string_view who) const;  // `who`: a consumer's words; it has no plan at all
  std::string problem(const PlanSync& process) const;  // why it does not run the newest plan; empty: it does
  const std::vector<std::unique_ptr<PlanSync>>& processes() const { return processes_; }

 private:
  struct Offer {
    Candidate candidate;
    Done done;
    size_t next = 0;                    // process to ask
    std::vector<PlanSync*> tried = {};  // those that run it by now
    Ending ending = {};
  };
  struct Touch {
    std::string pool;
    Done done;
  };
  struct Waiting {  // refused until a process is restarted
    Candidate candidate;
    const PlanSync* process = nullptr;
    std::string reason;
  };
  void on_link(const PlanSync& process, bool connected);
  void start_next();
  void ask_next();
  void on_answer(PlanSync& process, const Ending& ending);
  void refuse(PlanSync& process, const Ending& ending);
  void succeed();
  void end_offer();
  void take_into_force(Candidate candidate, const std::vector<PlanSync*>& run_it, bool store);
  void flush_touches();
  std::vector<std::string> recompute(const std::set<std::string>& pools);
  void tell(std::vector<Touch> touches);

  EventLoop& loop_;
  const Runtime& runtime_;
  RingCache& rings_;
  OnInForce on_in_force_;

  Candidate in_force_;
  Waiting waiting_;
  std::deque<Offer> offers_;  // the first is under way
  std::vector<Touch> touches_;
  std::set<std::string> touched_meanwhile_;  // since the states of what is offered were found
  bool flush_due_ = false;
  std::vector<std::unique_ptr<PlanSync>> processes_;
};

}  // namespace cardea::mgmt
