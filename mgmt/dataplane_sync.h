// Keeps the dataplane on the newest plan and the newest pool states, whatever comes first: a reload, a health event, an
// operator's word, or a dataplane that was restarted. At most one plan or update is under way; what changes meanwhile
// is collected and goes out with the next one, so a burst of events costs one update more and not one each.
// Lives on the event loop's thread.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "mgmt/candidate.h"
#include "mgmt/event_loop.h"
#include "mgmt/publish.h"
#include "mgmt/ring_cache.h"
#include "mgmt/runtime.h"
#include "mgmt/store.h"

namespace cardea::mgmt {

class DataplaneSync {
 public:
  // How an offer or a touched pool ended.
  enum class Outcome : uint8_t {
    kAdopted,  // the dataplane runs it
    kAway,     // taken into force; the dataplane gets it when it comes
    kRefused,  // the dataplane said no: what was in force stays in force
  };
  struct Ending {
    Outcome outcome = Outcome::kAdopted;
    std::string reason;  // of a refusal
  };
  using Done = std::move_only_function<void(const Ending&)>;
  using OnInForce = std::move_only_function<void()>;  // in_force() is another configuration now

  DataplaneSync(EventLoop& loop, const std::string& socket_path, const Runtime& runtime, RingCache& rings, Store& store,
                OnInForce on_in_force);

  // A new configuration. While the dataplane is away, it is in force at once, and stored when `store_when_away`, so
  // that the dataplane starts from it.
  void offer(Candidate candidate, bool store_when_away, Done done);
  bool offering() const { return offering_; }

  // Something about this pool's backends changed in the runtime state.
  void touch(const std::string& pool, Done done = {});

  const Candidate& in_force() const { return in_force_; }
  bool waits_for_restart() const { return bool(waiting_); }  // the newest configuration does, and is stored
  bool in_step() const { return connected_ && in_step_ && touched_.empty() && !busy_; }
  std::string problem() const;  // why the dataplane does not run the newest plan; empty: it does
  Publisher& publisher() { return publisher_; }

 private:
  void on_link(bool connected);
  void settle();
  void hand_over();  // the newest plan to a dataplane that has just come
  void adopt(Candidate candidate, std::move_only_function<void(Candidate, Adopted)> then);
  void on_offered(Candidate candidate, Adopted adopted, Done done);
  void on_handed_over(Adopted adopted);
  void on_waiting_handed_over(Candidate candidate, Adopted adopted);
  void on_in_step(uint64_t generation);
  void wait_for_restart(Candidate candidate, const std::string& reason);
  void take_into_force(Candidate candidate);
  void flush();
  std::vector<size_t> recompute_touched();
  void send(const std::vector<size_t>& pools);
  void on_updated(size_t pools, Adopted adopted);
  void end_touches(const Ending& ending);
  void learn_generation();
  void store_plan(bool at_once);

  EventLoop& loop_;
  const Runtime& runtime_;
  RingCache& rings_;
  Store& store_;
  OnInForce on_in_force_;

  Candidate in_force_;
  Candidate waiting_;  // refused until the dataplane is restarted; the stored plan is this one then
  std::string waiting_reason_;
  bool connected_ = false;
  bool hand_over_due_ = false;  // the dataplane has come, or may have lost an update
  bool resend_due_ = false;     // every pool's state once more, to a dataplane that is out of step
  bool in_step_ = false;        // the dataplane runs in_force_'s generation
  bool busy_ = false;           // a plan or updates are under way
  bool offering_ = false;
  size_t updates_under_way_ = 0;
  Ending update_ending_;
  uint64_t running_generation_ = 0;  // what a dataplane that is out of step runs; 0: not known
  std::set<std::string> touched_;    // pools whose states may differ from what was sent
  std::vector<Done> touches_, touches_sent_;
  std::string problem_;
  Publisher publisher_;  // last: its thread ends first
};

}  // namespace cardea::mgmt
