// The checker's thread and everything it owns. All state is under one mutex that the thread gives up while it waits and
// while it tells events, so that set_targets() and status() see and leave a whole state. A target has exactly one entry
// among the due times: when its next check starts, or, while one runs, when that one's time is up.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <unordered_map>

#include "base/file_descriptor.h"
#include "mgmt/health/checker.h"
#include "mgmt/health/judge.h"
#include "mgmt/health/probe.h"
#include "mgmt/health/schedule.h"

namespace cardea::mgmt::health {

class Checker::Loop {
 public:
  Loop(OnEvent on_event, Options options);
  ~Loop();

  void set_targets(std::vector<Target> targets);
  void set_way(bool there);
  bool watches(uint64_t target) const;
  std::vector<TargetStatus> status() const;
  Counters counters() const;

 private:
  using Id = uint64_t;  // never used twice; kWake is the eventfd's

  struct Watched {
    Id id;
    Target target;
    Judge judge;
    TargetStatus status;
    Time due;             // of the entry in due_
    Time started;         // of the running or last probe
    bool queued = false;  // waits for a free socket, has no entry in due_
    uint64_t round = 0;   // the last call of set_targets that named it
    std::unique_ptr<Probe> probe;
  };
  using Name = std::pair<std::string, std::string>;  // pool, backend

  void run();
  int wait_time(Time now) const;  // for epoll_wait, in milliseconds
  void take_ready(Id id);
  void take_due(Time now);
  void start_queued();

  void watch(Target target, uint64_t together);
  void forget(Watched& watched);
  void set_due(Watched& watched, Time due);
  void start_probe(Watched& watched);
  void follow(Watched& watched, const Progress& progress);
  void end_probe(Watched& watched, bool passed, std::string reason);
  void end_by_own_failure(Watched& watched, const std::string& reason);
  bool without_way(const Watched& watched) const;
  void drop_probe(Watched& watched);
  void wake();

  const OnEvent on_event_;
  const Options options_;
  FileDescriptor epoll_, wake_;

  mutable std::mutex mutex_;
  bool ending_ = false, way_ = true;
  Time way_came_{};  // before it, and for a while after, checks could not be expected to leave
  std::mt19937_64 random_;
  Id next_id_ = 1;
  uint64_t rounds_ = 0;
  TlsContexts tls_;
  std::unordered_map<Id, std::unique_ptr<Watched>> watched_;
  std::map<Name, Id> by_name_;
  std::vector<Id> order_;
  std::set<std::pair<Time, Id>> due_;
  std::deque<Id> queue_;       // may hold ids that are gone
  std::vector<Event> events_;  // to be told
  Counters counters_;
  Time warned_{};

  std::thread thread_;  // last: sees everything else made
};

}  // namespace cardea::mgmt::health
