// Keeps one process on the plan in force and the newest pool states, whatever comes first: a health event, an
// operator's word, a new plan, or a process that was restarted. At most one plan or update is under way; what changes
// meanwhile is collected and goes out with the next one, so a burst of events costs one update more and not one each.
// Which plan is in force is the Rollout's to decide. Lives on the event loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "mgmt/candidate.h"
#include "mgmt/consumer.h"
#include "mgmt/event_loop.h"
#include "mgmt/publish.h"
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
};

class PlanSync {
 public:
  using Done = std::move_only_function<void(const Ending&)>;
  using OnLink = std::move_only_function<void(bool connected)>;  // before anything is handed over

  // `in_force` is looked at whenever something is sent.
  PlanSync(EventLoop& loop, const Consumer& consumer, const std::string& run_dir, const Candidate& in_force,
           Store& store, OnLink on_link);

  const Consumer& consumer() const { return consumer_; }
  bool concerned() const { return in_force_ && consumer_.concerned(*in_force_.config); }
  bool connected() const { return connected_; }
  bool in_step() const { return connected_ && in_step_ && dirty_.empty() && !busy_; }
  bool serves_nothing() const { return !in_step_ && running_generation_ == 0u; }
  std::string problem() const { return problem_; }  // why it does not run the plan in force; empty: it does
  Publisher& publisher() { return publisher_; }
  const Publisher& publisher() const { return publisher_; }

  // These pools have new states, which go out with the next send(). `done` when they, and all changes before, have
  // arrived or failed to.
  void change(const std::vector<std::string>& pools);
  void when_sent(Done done) { changes_.push_back(std::move(done)); }
  void send();  // now, or after what is under way

  // A rollout's steps. Between hold and release nothing else is begun.
  void hold() { held_ = true; }
  void release();
  void try_plan(Candidate candidate, Done then);  // after what is under way
  void take(bool adopted, bool store);  // the plan in force is another now; `adopted`: the one that was tried here last
  void put_back();                      // hands the plan in force over again, at its release
  void store(const Candidate& candidate, bool at_once);  // the process starts from it

 private:
  using Sent = std::move_only_function<void(Adopted)>;
  void on_link(bool connected);
  void settle();
  void hand_over();
  void send_plan(const Candidate& candidate, Sent sent);
  std::shared_ptr<const conf::Config> plan_config(const Candidate& candidate) const;
  void on_handed_over(Adopted adopted);
  void flush();
  void send_pools(const std::vector<size_t>& pools);
  void on_updated(size_t pools, Adopted adopted);
  void end_changes(const Ending& ending);
  void learn_generation();
  void store_in_force(bool at_once);
  std::vector<size_t> take_dirty();

  EventLoop& loop_;
  const Consumer& consumer_;
  const Candidate& in_force_;
  Store& store_;
  OnLink on_link_;

  std::shared_ptr<const conf::Config> section_;  // the last configuration that had the process's section
  bool connected_ = false;
  bool hand_over_due_ = false;  // the process has come, or may have lost an update
  bool resend_due_ = false;     // every pool's state once more, to a process that is out of step
  bool in_step_ = false;        // the process runs in_force_'s generation
  bool busy_ = false;           // a plan or updates are under way
  bool held_ = false;
  uint64_t links_ = 0, tried_on_link_ = 0;  // a plan that was tried on an earlier connection is gone
  std::move_only_function<void()> waiting_try_;
  size_t updates_under_way_ = 0;
  Ending update_ending_;
  std::optional<uint64_t> running_generation_;  // what a process that is out of step runs, 0: nothing; none: not known
  std::set<std::string> dirty_;      // pools whose states differ from what was sent
  std::vector<Done> changes_, changes_sent_;
  std::string problem_;
  Publisher publisher_;  // last: its thread ends first
};

}  // namespace cardea::mgmt
