// cardea-waf's first process: is told by cardea-l7 which rules there are and how many workers, over a socket of the form
// that plans come by (base/control_socket.h), keeps a generation of them at work, and puts another in its place when the
// rules are loaded anew. It runs no rule and reads no question itself, so nothing that a client sends comes near it.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/plan_server.h"
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

  struct Loading {
    Generation generation;
    Load load;
    std::optional<control::PlanServer::Ticket> asked;
    Instant until;
  };

  std::optional<control::Message> answer(const control::Message& request, control::PlanServer::Ticket ticket);
  control::Message begin_load(Load load, std::optional<control::PlanServer::Ticket> asked);
  void end_load(Instant now);
  void refuse_load(const std::string& why);
  Result<> listen(uint32_t queue);
  void take_over();
  bool hear(int signals);
  void bury();
  std::string status() const;

  control::PlanServer server_;
  std::string questions_path_;
  Tally* tally_;
  FileDescriptor listener_;
  bool listens_ = false;
  Load load_;                        // of what works
  std::optional<Generation> works_;
  std::optional<Loading> loading_;
  systemd::Watchdog watchdog_;
};

}  // namespace cardea::l7::waf
