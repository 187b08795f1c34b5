// Asks every backend again and again whether it serves, and says when the answer changed. One thread, one epoll and one
// queue of due times carry all targets; what a single check does is in probe.h, what its results mean in judge.h.
//
// How long a dead backend keeps its new flows: a check starts `interval` after the start of the one before (never
// before that one ended, and `timeout` ends it), so `fall` failures are known after at most interval × fall + timeout
// when it hangs, and interval × fall when it refuses; jitter moves whole series of checks apart, it never lengthens a
// gap.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/proxy_header.h"
#include "conf/config.h"
#include "mgmt/health/probe_tls.h"

namespace cardea::mgmt::health {

struct Target {
  std::string pool;
  std::string backend;  // "10.0.0.11:8080", as it stands in the plan
  Endpoint address;
  conf::HealthCheck check;
  PoolTls tls;                                       // of HTTPS checks
  ProxyVersion proxy_header = ProxyVersion::kNone;   // that connections to the backend's own port begin with
  bool initially_up = true;                          // what it counts as until enough checks say otherwise
  std::chrono::system_clock::time_point since = {};  // of initially_up; the epoch: now

  bool same_definition(const Target& other) const;  // all but what it starts from
  bool operator==(const Target&) const = default;
};

struct Event {
  uint64_t target = 0;  // a number that no other target ever has
  std::string pool, backend;
  bool up = false;
  std::string reason;  // "refused", "status 503 expected 200", …; for up: "passed 2 checks in a row"
  std::chrono::system_clock::time_point at;
};

struct TargetStatus {
  std::string pool, backend;
  bool up = false;
  bool checked = false;     // false: no check has ended yet (or the pool has none), `up` is what was assumed
  std::string last_reason;  // why the last check failed; empty: it passed
  std::chrono::system_clock::time_point since;  // of `up`
  uint64_t checks_passed = 0, checks_failed = 0;
  std::string own_failure;  // why this host could not make the last check, so `up` is as old as it is; empty: it could
  uint32_t streak = 0;      // results in a row that speak against `up`
  std::chrono::microseconds last_duration{0};
};

// What the checker itself went through, for the metrics page.
struct Counters {
  uint64_t targets = 0, probes_running = 0;
  uint64_t probes_started = 0, probes_passed = 0, probes_failed = 0;
  uint64_t probes_postponed = 0;  // the limit on open sockets was reached; started as soon as one was free
  uint64_t own_failures = 0;      // out of descriptors, memory, local ports or ways: repeated, held against nobody
  uint64_t without_way = 0;       // the same while what carries the checks was away or had just come
};

struct Options {
  uint32_t probes_max = 4096;                   // at once; each is one socket
  uint64_t seed = 0;                            // of the jitter; 0: from the system
  std::chrono::milliseconds way_settles{5000};  // an IPv6 address is tried for two seconds before it is one (RFC 4862)
};

class Checker {
 public:
  using OnEvent = std::function<void(const Event&)>;  // called on the checker's own thread, must not call the Checker

  explicit Checker(OnEvent on_event, Options options = {});
  ~Checker();  // ends the thread and its probes; no event comes after
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  // From now on these and no others. A target whose definition is what it was keeps its state and its rhythm; one with
  // the same pool and name but another definition starts anew from `initially_up`. Targets of type kNone are always up.
  void set_targets(std::vector<Target> targets);

  // While there is none (what carries the checks is away) no failure is held against anybody: it is repeated. What this
  // host itself cannot do then, and for `way_settles` after, is expected: interfaces have no addresses yet.
  void set_way(bool there);

  // Whether an event's target is among the present ones; whoever changed the targets since may have heard of an old
  // one.
  bool watches(uint64_t target) const;

  std::vector<TargetStatus> status() const;  // in the order of the targets
  Counters counters() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace cardea::mgmt::health
