// Keeps one process on the plan in force and the newest pool states, whatever comes first: a health event, an
// operator's word, a new plan, or a process that was restarted. At most one plan or update is under way; what changes
// meanwhile is collected and goes out with the next one, so a burst of events costs one update more and not one each.
// Which plan is in force is the Rollout's to decide; what the process runs is in peer_state.h. Lives on the event loop's
// thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/control_socket.h"
#include "mgmt/consumer.h"
#include "mgmt/event_loop.h"
#include "mgmt/peer_state.h"
#include "mgmt/plan_link.h"
#include "mgmt/plans.h"
#include "mgmt/store.h"

namespace cardea::mgmt {

// How a plan or a change of pools ended.
enum class Outcome : uint8_t {
  kAdopted,  // the process runs it
  kAway,     // it gets this when it comes
  kRefused,  // it said no
};
struct Ending {
  Outcome outcome = Outcome::kAdopted;
  std::string who, reason;  // of a refusal; who is away
  control::Code code = control::Code::kNone;
};

// Of a process that ended because it could not start with a plan.
struct StartFailure {
  uint64_t generation = 0;
  std::string reason;  // in its own words
};

class PlanSync {
 public:
  using Done = std::move_only_function<void(const Ending&)>;
  using OnLink = std::move_only_function<void(bool connected)>;  // before anything is handed over
  using OnInStep = std::move_only_function<void()>;              // it runs the plan in force now
  using OnState = std::move_only_function<void()>;               // what it runs may be something else

  // `plans` is looked at whenever something is sent or stored.
  PlanSync(EventLoop& loop, const Consumer& consumer, const MakeLink& make_link, const Plans& plans, PlanStore& store,
           OnLink on_link, OnInStep on_in_step, OnState on_state);

  const Consumer& consumer() const { return consumer_; }
  bool concerned() const { return plans_.in_force && consumer_.concerned(*plans_.in_force.config); }
  bool connected() const { return state_ != PeerState::kAway; }
  bool in_step() const { return runs_in_force() && dirty_.empty() && work_ == Work::kNone; }
  // Or there is no plan in force for it.
  bool follows() const { return runs_in_force() || !(concerned() || section_); }
  // This plan or another: whatever it has to have for one is there.
  bool runs_a_plan() const {
    return state_ != PeerState::kAway && state_ != PeerState::kBehind && !is_empty();
  }
  bool serves_nothing() const { return is_empty() || start_failure_; }
  std::string problem() const;  // why it does not run the plan in force; empty: it does
  // Kept while it is away and while it tries again; nothing once it runs a plan.
  const std::optional<StartFailure>& start_failure() const { return start_failure_; }
  PlanLink& link() { return *link_; }
  const PlanLink& link() const { return *link_; }

  // These pools have new states, which go out with the next send(). `done` when they, and all changes before, have
  // arrived or failed to.
  void change(const std::vector<std::string>& pools);
  void when_sent(Done done) { changes_.push_back(std::move(done)); }
  void send();  // now, or after what is under way

  // A rollout's steps. Between hold and release nothing else is begun.
  void hold() { held_ = true; }
  void release();
  void try_plan(Candidate candidate, Done then);  // after what is under way
  void on_in_force();                             // another plan is in force now
  void put_back();                                // gets the plan in force back, if it took another, at its release
  void store_next_start(bool at_once);            // what the process is to start from

 private:
  enum class Work : uint8_t { kNone, kHandOver, kTry, kUpdate };
  bool runs_in_force() const { return state_ == PeerState::kInStep; }
  bool is_empty() const { return state_ == PeerState::kOff && running_generation_ == 0u; }
  void happened(PeerEvent event);
  void on_link(bool connected);
  void lose();
  void settle();
  void hand_over();
  void send_plan(Work work, const Candidate& candidate);
  std::shared_ptr<const conf::Config> plan_config(const Candidate& candidate) const;
  void on_answer(Adopted adopted);
  void on_cannot_start(const Error& why);
  void on_handed_over(const Adopted& adopted);
  void on_refused(const control::Failure& why);
  void on_tried(const Adopted& adopted);
  void flush();
  std::optional<Ending> known_ending(const std::vector<size_t>& pools) const;
  void send_pools(const std::vector<size_t>& pools);
  void on_updated(size_t pools, Adopted adopted);
  void end_changes(const Ending& ending);
  void end_try(const Ending& ending);
  void learn_generation();
  void on_generation(std::optional<uint64_t> generation);
  Ending away() const;
  std::vector<size_t> take_dirty();

  // Runs `call` on the loop with what the answer to a request came to, unless its connection is gone by then.
  template <typename Answer, typename Call>
  auto answered(Call call) {
    return [this, call = std::move(call), connection = connections_](Answer answer) mutable {
      loop_.post([this, call = std::move(call), connection, answer = std::move(answer)]() mutable {
        if (connection == connections_) call(std::move(answer));
      });
    };
  }

  EventLoop& loop_;
  const Consumer& consumer_;
  const Plans& plans_;
  PlanStore& store_;
  OnLink on_link_;
  OnInStep on_in_step_;
  OnState on_state_;

  std::shared_ptr<const conf::Config> section_;  // the last configuration that had the process's section
  PeerState state_ = PeerState::kAway;
  Work work_ = Work::kNone;  // under way
  uint64_t sent_ = 0;        // generation of the whole plan that was sent last
  bool held_ = false;
  uint64_t connections_ = 0;  // until now: an answer on an earlier one is no news any more
  std::move_only_function<void()> waiting_try_;
  Done try_done_;
  size_t updates_under_way_ = 0;
  Ending update_ending_;
  std::optional<uint64_t> running_generation_;  // what one that is off runs, 0: nothing; none: it was not told yet
  std::set<std::string> dirty_;                 // pools whose states differ from what was sent
  std::vector<Done> changes_, changes_sent_;
  control::Failure refusal_{Error{}};  // of one that is off
  std::optional<StartFailure> start_failure_;
  std::unique_ptr<PlanLink> link_;     // last: its thread ends first
};

}  // namespace cardea::mgmt
