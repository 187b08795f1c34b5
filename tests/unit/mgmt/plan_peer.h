// The other end of the plan socket for tests: listens, verifies each plan and update with FlatBuffers' verifier,
// remembers what it was told, adopts it or refuses with the words it was given.
#pragma once

#include <flatbuffers/flatbuffers.h>
#include <poll.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/control_socket.h"
#include "dataplane/plan_generated.h"
#include "dataplane/plan_schema.h"
#include "l7/plan_generated.h"
#include "l7/plan_schema.h"

namespace cardea::mgmt::test {

struct DataplaneImages {
  using Plan = dataplane::image::Plan;
  using PoolUpdate = dataplane::image::PoolUpdate;
  static constexpr auto kDown = dataplane::image::BackendState::down;
  static constexpr const char* kPlan = dataplane::kPlanIdentifier;
  static constexpr const char* kUpdate = dataplane::kPoolUpdateIdentifier;
};
struct L7Images {
  using Plan = l7::image::Plan;
  using PoolUpdate = l7::image::PoolUpdate;
  static constexpr auto kDown = l7::image::BackendState::down;
  static constexpr const char* kPlan = l7::kPlanIdentifier;
  static constexpr const char* kUpdate = l7::kPoolUpdateIdentifier;
};

template <typename Images>
class PlanPeerOf {
 public:
  struct Told {
    uint64_t generation = 0;
    std::vector<std::string> pools, down;  // names of pools, and of backends that are down
    size_t services = 0;
  };

  // `refusal`, `code`: as if refuse() had been called before anybody connects. `at_restart`: a generation that it could
  // only start with.
  explicit PlanPeerOf(const std::string& path, std::string refusal = {}, uint64_t at_restart = 0,
                      control::Code code = control::Code::kOther)
      : listener_(control::listen(path).value()),
        reason_(std::move(refusal)),
        code_(code),
        at_restart_(at_restart),
        thread_([this] { serve(); }) {}
  ~PlanPeerOf() {
    stopping_ = true;
    thread_.join();
  }

  void refuse(const std::string& reason,
              control::Code code = control::Code::kOther) {  // from now on; empty: adopt again
    const std::lock_guard lock(mutex_);
    reason_ = reason;
    code_ = code;
  }
  void say(const std::string& question, const std::string& answer) {  // `question`: what "ask" names
    const std::lock_guard lock(mutex_);
    answers_[question] = answer;
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::vector<Told> plans() { return copy(plans_); }
  std::vector<Told> updates() { return copy(updates_); }

 private:
  std::vector<Told> copy(const std::vector<Told>& what) {
    const std::lock_guard lock(mutex_);
    return what;
  }

  static bool readable(int fd) {
    pollfd wanted{fd, POLLIN, 0};
    return ::poll(&wanted, 1, 10) > 0;
  }

  void serve() {
    while (!stopping_) {
      if (!readable(listener_.get())) continue;
      auto connection = control::accept(listener_.get());
      while (connection && !stopping_) {
        if (!readable(connection->get())) continue;
        auto request = control::receive(connection->get(), std::chrono::seconds(10));
        if (!request || !control::send(connection->get(), answer(*request))) break;
      }
    }
  }

  control::Message answer(const control::Message& request) {
    const std::lock_guard lock(mutex_);
    if (request.verb == control::Verb::kAsk) return answer_question(request.body);
    if (!reason_.empty()) return {control::Verb::kRefused, generation_, reason_, {}, code_};
    if (at_restart_ != 0 && request.generation == at_restart_)
      return {control::Verb::kRefused, generation_, "not while it runs", {}, control::Code::kNeedsRestart};
    auto mapping = control::SealedMapping::map(*request.memfd, dataplane::kPlanBytesMax);
    if (!mapping || !take(request.verb, mapping->bytes()))
      return {control::Verb::kRefused, generation_, "the image is not valid", {}};
    return {control::Verb::kAdopted, generation_, {}, {}};
  }

  control::Message answer_question(const std::string& question) {
    asked_.push_back(question);
    for (const auto& [name, answer] : answers_)
      if (question.find("\"ask\":\"" + name + "\"") != question.npos) return {control::Verb::kAnswer, 0, answer, {}};
    if (question.find("\"status\"") != question.npos)
      return {control::Verb::kAnswer, 0, "{\"generation\":" + std::to_string(generation_) + "}", {}};
    return {control::Verb::kRefused, 0, "unknown question", {}};
  }

  bool take(control::Verb verb, Bytes bytes) {
    const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
    flatbuffers::Verifier verifier(data, bytes.size(), 64, 100'000'000);
    if (verb == control::Verb::kAdopt) {
      if (!verifier.template VerifyBuffer<typename Images::Plan>(Images::kPlan)) return false;
      const auto* plan = flatbuffers::GetRoot<typename Images::Plan>(data);
      generation_ = plan->generation();
      plans_.push_back(told(plan->generation(), *plan->pools()));
      plans_.back().services = plan->services()->size();
      return true;
    }
    if (!verifier.template VerifyBuffer<typename Images::PoolUpdate>(Images::kUpdate)) return false;
    const auto* update = flatbuffers::GetRoot<typename Images::PoolUpdate>(data);
    updates_.push_back(told(update->generation(), *update->pools()));
    return update->generation() == generation_;
  }

  template <typename Pools>
  static Told told(uint64_t generation, const Pools& pools) {
    Told what{generation, {}, {}};
    for (const auto* pool : pools) {
      what.pools.push_back(pool->name()->str());
      for (const auto* backend : *pool->backends())
        if (backend->state() == Images::kDown) what.down.push_back(backend->name()->str());
    }
    return what;
  }

  FileDescriptor listener_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  uint64_t generation_ = 0;
  std::string reason_;
  control::Code code_;
  const uint64_t at_restart_;
  std::vector<Told> plans_, updates_;
  std::map<std::string, std::string> answers_;
  std::vector<std::string> asked_;
  std::thread thread_;
};

using PlanPeer = PlanPeerOf<DataplaneImages>;
using L7Peer = PlanPeerOf<L7Images>;

}  // namespace cardea::mgmt::test
