// The way to one process that runs plans, as the rest of mgmt/ sees it: requests in, answers out, and word of whether
// anybody is at the other end. Publisher is the one over the plan socket.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "base/control_socket.h"
#include "mgmt/consumer.h"
#include "mgmt/pool_state.h"

namespace cardea::mgmt {

// How a request ended. An error's Origin::kBackend: the process refused, with a code and in its own words. Retry::kSafe:
// it is not connected or went away; a new connection brings the chance to repeat.
using Adopted = control::Outcome<uint64_t>;  // the generation that now runs

class PlanLink {
 public:
  using Done = std::move_only_function<void(Adopted)>;                             // exactly once, on any thread
  using Answered = std::move_only_function<void(control::Outcome<std::string>)>;  // the same
  using OnLink = std::move_only_function<void(bool connected)>;                    // on any thread

  virtual ~PlanLink() = default;
  virtual void adopt(Image plan, uint64_t generation, Done done) = 0;
  virtual void update_pools(Image update, uint64_t generation, Done done) = 0;
  virtual void ask(std::string json, Answered done) = 0;

  struct Peer {
    bool connected = false;
    pid_t pid = 0;
    std::chrono::system_clock::time_point since;
  };
  virtual Peer link() const = 0;

  std::future<control::Outcome<std::string>> ask(std::string json);
};

using MakeLink = std::function<std::unique_ptr<PlanLink>(const Consumer&, PlanLink::OnLink)>;
MakeLink plan_sockets_in(std::string run_dir);  // publish.cc

}  // namespace cardea::mgmt
