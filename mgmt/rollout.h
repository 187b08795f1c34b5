// The configuration in force, and how another takes its place: on all processes that run plans or on none. A new one is
// offered to them in turn; when one refuses, those that had taken it get the plan in force back. One that processes can
// only start with waits: it is what every process is to start from, and is offered again once all that need it have been
// restarted, unless a newer one has come into force. Processes that are away get a plan when they come. Backends' states
// change here too, pool by pool, and go out to every process that has the pool. Lives on the event loop's thread.
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
#include "mgmt/plans.h"
#include "mgmt/ring_cache.h"
#include "mgmt/runtime.h"
#include "mgmt/store.h"

namespace cardea::mgmt {

class Rollout {
 public:
  using Done = PlanSync::Done;
  using Hook = std::move_only_function<void()>;
  struct Hooks {
    Hook on_in_force;    // in_force() is another configuration now
    Hook on_waiting;     // waiting() is another one, or none any more
    Hook on_everywhere;  // every process that it concerns has adopted it
    Hook on_state = [] {};  // what one of the processes runs may be something else
    // What waited for restarts was refused at one: this generation is given up.
    std::move_only_function<void(uint64_t generation, const Ending&)> on_waited_in_vain = [](uint64_t, const Ending&) {
    };
  };

  // `consumers` in the order in which plans are offered.
  Rollout(EventLoop& loop, std::vector<const Consumer*> consumers, const MakeLink& make_link, const Runtime& runtime,
          RingCache& rings, PlanStore& store, Hooks hooks);

  // In force at once, whatever the processes say: what was accepted before this process was started. `waiting`: what
  // waited then, for those of `names`.
  void begin_with(Candidate in_force, Candidate waiting = {}, const std::vector<std::string>& names = {});

  // In force when no process refuses it.
  void offer(Candidate candidate, Done done);

  // Something about this pool's backends changed in the runtime state. `done` when all that have it were told.
  void touch(const std::string& pool, Done done = {});

  const Candidate& in_force() const { return plans_.in_force; }
  const Candidate& waiting() const { return plans_.waiting; }  // for the restart of these
  std::vector<std::string> waits_for() const;                  // names of consumers
  std::vector<std::string> restarts() const;                   // the same, as processes are called
  std::vector<std::string> why_it_waits() const;               // a reason of each
  bool serves_nothing(std::string_view who) const;  // `who`: a consumer's words; it has no plan at all
  std::string problem(const PlanSync& process) const;  // why it does not run the newest plan; empty: it does
  const std::vector<std::unique_ptr<PlanSync>>& processes() const { return processes_; }

 private:
  struct Refused {
    const PlanSync* process = nullptr;
    std::string reason;
  };
  struct Offer {
    Candidate candidate;
    Done done;
    bool again = false;               // it waited for a restart, and does no more
    size_t next = 0;                  // process to ask
    std::vector<Refused> wait = {};   // those that would have to be restarted
    Ending ending = {};
  };
  struct Touch {
    std::string pool;
    Done done;
  };
  void on_link(const PlanSync& process, bool connected);
  void on_in_step();
  void enqueue(Offer offer);
  void start_next();
  void ask_next();
  void on_answer(PlanSync& process, const Ending& ending);
  void refuse(const Ending& ending);
  void wait_for_restart();
  void succeed();
  void end_offer();
  void take_into_force(Candidate candidate);
  void store_next_start();
  void flush_touches();
  std::vector<std::string> recompute(Candidate& candidate, const std::set<std::string>& pools);
  void tell(std::vector<Touch> touches);

  EventLoop& loop_;
  const Runtime& runtime_;
  RingCache& rings_;
  Hooks hooks_;

  Plans plans_;
  std::vector<Refused> waits_;  // for whom plans_.waiting waits
  std::deque<Offer> offers_;    // the first is under way
  std::vector<Touch> touches_;
  std::set<std::string> touched_meanwhile_;  // since the states of what is offered were found
  bool flush_due_ = false;
  std::vector<std::unique_ptr<PlanSync>> processes_;
};

}  // namespace cardea::mgmt
