// What outlives the process, in the state directory: `runtime.json` with the one before it, accepted configurations
// (mgmt/generations.h) and, for each process that runs plans, the one it starts from when it is restarted
// (`dataplane.plan`, `l7.plan`). A file is replaced whole (written beside, synced, renamed), so a crash leaves the old or
// the new one. One thread writes; of several versions of a file that wait, only the newest is written.
#pragma once

#include <flatbuffers/detached_buffer.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "mgmt/generations.h"
#include "mgmt/runtime.h"

namespace cardea::mgmt {

struct Loaded {
  Runtime runtime;
  std::string warning;  // the file is there and cannot be used: what is lost with it, and where it is kept
};
// A damaged file is put aside and the one before it is taken.
Loaded load_runtime(const std::string& state_dir);

class PlanStore {
 public:
  using Produce = std::move_only_function<Result<flatbuffers::DetachedBuffer>()>;  // made on the store's thread
  virtual ~PlanStore() = default;

  // `name`: "dataplane". A plan may be 100 MB: after one is written, the next waits ten times as long as that took, so
  // that flapping backends do not keep the disk busy. `at_once` (a reload) does not wait.
  virtual void plan(const std::string& name, Produce produce, bool at_once) = 0;
};

class Store : public PlanStore {
 public:
  using Done = std::move_only_function<void(Result<>)>;           // on the store's thread
  using OnTrouble = std::move_only_function<void(const Error&)>;  // on the store's thread

  Store(std::string state_dir, OnTrouble on_trouble);
  ~Store() override { finish(); }

  void finish();  // what waits is still written, nothing after it

  // `done` is called when this version, or a newer one, is on the disk or has failed.
  void runtime(Runtime runtime, Done done = {});

  // Written before a runtime that is given later. `config` is what `number` is of; none: only the marks are news.
  void generation(uint64_t number, std::shared_ptr<const conf::Config> config, Marks marks);

  void plan(const std::string& name, Produce produce, bool at_once) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Plan {
    Produce produce;
    Clock::time_point due;
  };
  struct Generation {
    uint64_t number;
    std::shared_ptr<const conf::Config> config;
    Marks marks;
  };
  struct Pending {
    std::vector<Generation> generations;
    std::optional<Runtime> runtime;
    std::vector<Done> runtime_done;
    std::map<std::string, Plan> plans;  // by name
    bool empty() const { return generations.empty() && !runtime && plans.empty(); }
  };
  void work();
  Pending take(std::unique_lock<std::mutex>& lock);
  void write_generation(const Generation& generation);
  void write_runtime(Pending& pending);
  void write_plan(const std::string& name, Produce& produce);

  std::string state_dir_;
  OnTrouble on_trouble_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Pending pending_;
  Clock::time_point plan_not_before_{};
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace cardea::mgmt
