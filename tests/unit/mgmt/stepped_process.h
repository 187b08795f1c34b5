// Two processes that a test moves step by step, and a disk that keeps what was stored: the other side of Rollout and
// PlanSync on one thread, where nothing happens but what the test lets happen.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/plan_generated.h"
#include "l7/plan_generated.h"
#include "mgmt/consumer.h"
#include "mgmt/plan_link.h"
#include "mgmt/store.h"
#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt::test {

using Pools = std::map<std::string, std::map<std::string, int>>;  // pool → backend → state

struct Running {
  uint64_t generation = 0;  // 0: nothing
  std::string cluster;
  size_t cpus = 0;
  Pools pools;
};

template <typename Written>
void read_pools(const Written& from, Pools& pools) {
  for (const auto* pool : from) {
    auto& backends = pools[pool->name()->str()];
    backends.clear();
    for (const auto* backend : *pool->backends()) backends[backend->name()->str()] = int(backend->state());
  }
}

inline Running read_plan(const Consumer& consumer, const Image& image) {
  Running plan;
  if (&consumer == &kL7) {
    const auto* from = flatbuffers::GetRoot<l7::image::Plan>(image.data());
    plan = {from->generation(), from->cluster()->str(), from->settings()->shards()->size(), {}};
    read_pools(*from->pools(), plan.pools);
  } else {
    const auto* from = flatbuffers::GetRoot<dataplane::image::Plan>(image.data());
    plan = {from->generation(), from->cluster()->str(), from->settings()->workers()->size(), {}};
    read_pools(*from->pools(), plan.pools);
  }
  return plan;
}

inline Running read_update(const Consumer& consumer, const Image& image) {
  Running update;
  if (&consumer == &kL7) {
    const auto* from = flatbuffers::GetRoot<l7::image::PoolUpdate>(image.data());
    update.generation = from->generation();
    read_pools(*from->pools(), update.pools);
  } else {
    const auto* from = flatbuffers::GetRoot<dataplane::image::PoolUpdate>(image.data());
    update.generation = from->generation();
    read_pools(*from->pools(), update.pools);
  }
  return update;
}

// A process with its plan socket. Requests wait until the test lets it serve one, and each answer until it is
// delivered.
class SteppedProcess : public PlanLink {
 public:
  SteppedProcess(const Consumer& consumer, OnLink on_link) : consumer_(consumer), on_link_(std::move(on_link)) {}

  void adopt(Image image, uint64_t, Done done) override {
    auto plan = read_plan(consumer_, image);
    asked.push_back(fmt::format("plan {}", plan.generation));
    const uint64_t generation = plan.generation;
    submit({std::move(done), {}, [this, plan = std::move(plan)] { return adopt(plan); }, generation});
  }
  void update_pools(Image image, uint64_t, Done done) override {
    auto update = read_update(consumer_, image);
    asked.push_back(fmt::format("update {}:", update.generation));
    for (const auto& [name, backends] : update.pools) asked.back() += " " + name;
    submit({std::move(done), {}, [this, update = std::move(update)] { return take(update); }});
  }
  void ask(std::string, Answered done) override { submit({{}, std::move(done), {}}); }
  Peer link() const override { return {connected, 1, {}}; }

  bool serve_one() {  // takes a request and leaves the answer on its way
    if (requests_.empty()) return false;
    Answer answer{std::move(requests_.front()), {}, {}};
    requests_.pop_front();
    if (answer.request.done) answer.how = answer.request.work();
    if (answer.request.answered) answer.status = status();
    answers_.push_back(std::move(answer));
    return true;
  }
  bool deliver_one() {
    if (answers_.empty()) return false;
    Answer answer = std::move(answers_.front());
    answers_.pop_front();
    if (answer.request.answered) {
      answer.request.answered(std::move(answer.status));
    } else {
      if (answer.request.generation != 0 && !answer.how && answer.how.error().code == control::Code::kOther)
        refused_for_good.push_back(answer.request.generation);
      const bool ends = !answer.how && answer.how.error().code == control::Code::kCannotStart;
      answer.request.done(std::move(answer.how));
      if (ends) disconnect();
    }
    return true;
  }
  void connect() {
    if (std::exchange(connected, true)) return;
    on_link_(true);
  }
  void disconnect() {
    if (!std::exchange(connected, false)) return;
    for (auto& answer : std::exchange(answers_, {})) fail(answer.request);
    for (auto& request : std::exchange(requests_, {})) fail(request);
    refuses_next_update = false;
    on_link_(false);
  }
  void restart(const std::optional<Running>& stored) {
    disconnect();
    running = stored.value_or(Running{});
    by_stored_plan_ = &consumer_ == &kL7;  // what is handed over first has the say
  }

  // What it is after the other end was started anew: the same process, which may have served more than was answered.
  void go_on_as(const SteppedProcess& before) {
    refuses_plans = before.refuses_plans;
    cannot_start = before.cannot_start;
    running = before.running;
    refused_for_good = before.refused_for_good;
    by_stored_plan_ = before.by_stored_plan_;
  }

  bool connected = false;
  bool refuses_next_update = false;
  bool refuses_plans = false;  // for good, as where a certificate is gone
  bool cannot_start = false;   // as where a card is gone: it ends instead of running its first plan
  Running running;
  std::vector<std::string> asked;          // "plan 2", "update 2: web dns"
  std::vector<uint64_t> refused_for_good;  // generations, where the answer arrived
  const Consumer& consumer() const { return consumer_; }

 private:
  struct Request {
    Done done;
    Answered answered;
    std::move_only_function<Adopted()> work;
    uint64_t generation = 0;  // of a whole plan
  };
  struct Answer {  // on its way
    Request request;
    Adopted how;
    control::Outcome<std::string> status;
  };
  control::Outcome<std::string> status() const {
    if (running.generation == 0) return control::no_plan_yet();
    return fmt::format(R"({{"generation":{}}})", running.generation);
  }
  static void fail(Request& request) {
    const control::Failure gone({"gone", Origin::kSelf, Retry::kSafe}, control::Code::kClosed);
    if (request.answered) return request.answered(std::unexpected(gone));
    request.done(std::unexpected(gone));
  }
  void submit(Request request) {
    if (!connected) return fail(request);
    requests_.push_back(std::move(request));
  }
  // A cluster's name says who refuses it; the number of cores is what only a restart can change.
  Adopted adopt(Running plan) {
    refuses_next_update = false;
    if (cannot_start && running.generation == 0)
      return control::refuse(control::Code::kCannotStart, "port lan: no such device", Origin::kBackend);
    if (refuses_plans || plan.cluster.find(fmt::format("no-{}", consumer_.name)) != plan.cluster.npos)
      return control::refuse(control::Code::kOther, "restart cardea for fun", Origin::kBackend);
    const bool fixed = running.generation != 0 && !by_stored_plan_;
    if (fixed && plan.cpus != running.cpus)
      return control::refuse(control::Code::kNeedsRestart, "no", Origin::kBackend);
    running = std::move(plan);
    by_stored_plan_ = false;
    return running.generation;
  }
  Adopted take(const Running& update) {
    if (running.generation == 0) return control::no_plan_yet();
    if (std::exchange(refuses_next_update, false) || update.generation != running.generation)
      return control::refuse(control::Code::kOther, "no such plan", Origin::kBackend);
    for (const auto& [name, backends] : update.pools)
      if (!running.pools.contains(name)) return control::refuse(control::Code::kOther, "no such pool");
    for (const auto& [name, backends] : update.pools) running.pools[name] = backends;
    return running.generation;
  }

  const Consumer& consumer_;
  OnLink on_link_;
  bool by_stored_plan_ = false;
  std::deque<Request> requests_;
  std::deque<Answer> answers_;
};

class SteppedDisk : public PlanStore {
 public:
  void plan(const std::string& name, Produce produce, bool) override { plans[name] = std::move(produce); }
  std::optional<Running> stored(const Consumer& consumer) {
    write(consumer);
    const auto found = written_.find(consumer.name);
    return found == written_.end() ? std::nullopt : std::optional(found->second);
  }
  // Whoever makes the plans is about to go.
  void write(const Consumer& consumer) {
    const auto found = plans.find(consumer.name);
    if (found == plans.end()) return;
    if (auto image = found->second()) written_[consumer.name] = read_plan(consumer, *image);
  }
  std::map<std::string, Produce> plans;

 private:
  std::map<std::string, Running> written_;
};

// The sample's l4 services and an http one: "web" is a pool of both processes, "dns" of the dataplane's, "api" of L7's.
inline conf::Config both_processes() {
  auto made = config();
  made.l7.emplace().shards = {0};
  made.pools.push_back(pool("api", {backend("10.0.0.61:80"), backend("10.0.0.62:80")}));
  auto site = service("site", "203.0.113.80:80", "web");
  site.mode = conf::Mode::kHttp;
  site.routes.resize(1);
  site.routes[0].match.path = "/api";
  site.routes[0].pool = "api";
  made.services.push_back(site);
  return made;
}

}  // namespace cardea::mgmt::test
