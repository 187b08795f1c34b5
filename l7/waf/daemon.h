// cardea-waf's first process: is told by cardea-l7 which rules there are and how many workers, over a socket of the form
// that plans come by (base/control_socket.h), keeps a generation of them at work, and puts another in its place when the
// rules are loaded anew. The sets before stay loaded beside the new ones: requests under way ask for them, as does another
// cardea-l7 that finishes. It runs no rule and reads no question itself, so nothing that a client sends comes near it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/plan_server.h"
#include "base/sought_user.h"
#include "base/systemd.h"
#include "l7/waf/generation.h"

namespace cardea::l7::waf {

class Daemon {
 public:
  static Result<Daemon> open(const std::string& run_directory);
  // Until SIGTERM or SIGINT comes at `signals`, a signalfd that hears SIGCHLD too.
  Result<> run(int signals);

 private:
  Daemon(control::PlanServer server, std::string questions_path)
      : server_(std::move(server)), questions_path_(std::move(questions_path)), tally_(&Tally::make()) {}

  using Asked = std::vector<control::PlanServer::Ticket>;
  struct Loading {
    Generation generation;
    Load load;
    Asked asked;  // who waits for it
    Instant until;
  };

  std::optional<control::Message> answer(const control::Message& request, control::PlanServer::Ticket ticket);
  std::optional<control::Message> answer_load(Load load, bool anew, control::PlanServer::Ticket ticket);
  control::Message begin_load(Load load, Asked asked);
  void end_load(Instant now);
  void refuse_load(const std::string& why);
  Result<> listen(uint32_t queue);
  void take_over(std::vector<uint64_t> ids);
  bool hear(int signals);
  void seek_asker(Instant now);
  void bury(Instant now);
  void put_off(Instant now);
  void finish();
  std::string status() const;

  control::PlanServer server_;
  std::string questions_path_;
  Tally* tally_;
  FileDescriptor listener_;
  bool listens_ = false;
  Load load_;                        // of what works
  std::vector<uint64_t> ids_;        // its sets', as questions name them
  std::optional<Generation> works_;
  Instant began_{};                  // it did
  Instant again_{};                  // when one that ended unasked is followed by another,
  std::chrono::seconds pause_{0};    // and how long after that the next
  std::unique_ptr<SoughtUser> asker_ = std::make_unique<SoughtUser>("cardea-l7");
  std::optional<Loading> loading_;
  systemd::Watchdog watchdog_;
};

}  // namespace cardea::l7::waf
