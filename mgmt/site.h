// The site as cardea-mgmt runs it: the configuration in force, what operators and health checks say about backends, and
// how the last reload went. Everything that changes it comes through here, on the event loop's thread; readers take a
// View, a copy that stays as it is.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mgmt/blocks.h"
#include "mgmt/candidate.h"
#include "mgmt/event_loop.h"
#include "mgmt/health/checker.h"
#include "mgmt/reload.h"
#include "mgmt/ring_cache.h"
#include "mgmt/rollout.h"
#include "mgmt/runtime.h"
#include "mgmt/store.h"

namespace cardea::mgmt {

struct Folders {
  std::string config_file, run_dir, state_dir;
};

struct ProcessView {  // of one that runs plans
  const Consumer* consumer = nullptr;
  bool concerned = false;  // the configuration in force has its section
  bool in_step = false;    // it runs the newest plan and states
  bool connected = false;
  std::string problem;  // why not
  std::string socket;   // where it is expected to answer
  std::optional<StartFailure> start_failure = {};
};

struct View {
  Candidate in_force;
  Runtime runtime;
  std::optional<Reload> last_reload;
  std::vector<ProcessView> processes;
  std::vector<std::string> warnings;  // what else an operator should know
  uint64_t rings_built = 0, blocks_refused = 0, blocks_untold = 0;
  uint64_t waiting = 0;                // a newer generation that only restarts can take up; 0: none
  std::vector<std::string> waits_for;  // restarts of these processes
};

// An operator's order for one backend; what is not set stays as it is.
struct BackendOrder {
  BackendRef ref;
  std::optional<Order> order;
  std::optional<std::optional<uint32_t>> weight;  // an empty inner value: back to the file's
};

struct OrderEnding {
  enum class Kind : uint8_t { kDone, kUnknown, kRefused, kNotStored };
  Kind kind = Kind::kDone;
  Override previous;
  bool applied = false;     // every process that has the pool runs it
  std::string error, hint;  // kUnknown, kRefused, kNotStored
  std::string note;         // why it is not applied yet
};

class Site {
 public:
  using OnConfig = std::move_only_function<void(const conf::Config&)>;
  using ReloadDone = std::move_only_function<void(const Reload&)>;
  using OrderDone = std::move_only_function<void(OrderEnding)>;

  // Loads what is remembered and starts to look for the processes. `on_config` is told of each configuration in force.
  Site(EventLoop& loop, Folders folders, OnConfig on_config);

  // Takes up what was accepted last; the configuration file is a draft until it is loaded. On the very first start that
  // is the file, and without a usable one the site waits for a reload.
  void start();
  void reload(ReloadDone done);
  void order(BackendOrder what, OrderDone done);
  void on_health(const health::Event& event);
  bool unblock(const IpAddress& source);  // false: it is not blocked
  void finish();  // once the loop has ended: what is to be remembered is on the disk
  void warn(const std::string& about, const std::string& text);  // an empty text: nothing to say any more

  View view() const;

  // Any thread.
  PlanLink& link(const Consumer& process) { return &process == &kL7 ? l7() : dataplane(); }
  PlanLink& dataplane() { return rollout_.processes()[1]->link(); }
  PlanLink& l7() { return rollout_.processes()[0]->link(); }
  const health::Checker& checker() const { return checker_; }
  const Folders& folders() const { return folders_; }
  std::string stats_path(const Consumer& process) const { return process.stats(folders_.run_dir); }

 private:
  bool take_up(Remembered remembered);
  void look_at_draft();
  void start_reload(bool first, ReloadDone done);
  void finish_reload(Reload reload, ReloadDone done);
  void on_offered(Reload reload, uint64_t generation, const Ending& ending, ReloadDone done);
  void tell_refusal(Reload& reload, uint64_t generation, const Ending& ending) const;
  void on_in_force();
  void on_waited_in_vain(uint64_t generation, const Ending& ending);
  void on_everywhere();
  void look_for_way();
  void store_marks(const Candidate& newest);
  void reconcile_health();
  void set_health(const BackendRef& ref, Health health);
  void set_override(const BackendRef& ref, const Override& what);
  void settle_order(const BackendRef& ref, OrderEnding ending, OrderDone done);
  std::optional<OrderEnding> unknown(const BackendRef& ref) const;
  void remember();
  void remember_now();

  EventLoop& loop_;
  Folders folders_;
  OnConfig on_config_;
  Runtime runtime_;
  Blocks blocks_;  // of `runtime_`
  RingCache rings_;
  std::optional<Reload> last_reload_;
  std::deque<ReloadDone> reloads_;  // asked for while one runs: the next one answers them all
  bool reloading_ = false;
  bool remember_due_ = false;
  std::map<std::string, std::string> warnings_;
  Store store_;
  health::Checker checker_;
  Rollout rollout_;
};

}  // namespace cardea::mgmt
