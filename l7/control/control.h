// The control thread: plans and questions in from the plan socket, answers out, and what has to be done once a second.
// Before there is a plan it waits for one and refuses questions.
#pragma once

#include <memory>
#include <optional>

#include "base/control_socket.h"
#include "base/error.h"
#include "base/plan_server.h"
#include "base/systemd.h"
#include "l7/control/door_attachment.h"
#include "l7/control/hand_over.h"
#include "l7/control/running.h"

namespace cardea::l7 {

class Control {
 public:
  Control(control::PlanServer& server, StartOptions options)
      : server_(server), options_(std::move(options)), door_(door_path()) {}

  // Starts with STATE/l7.plan where there is one that can be used; without it the first that comes is adopted. What
  // only a start can change, as the number of shards, may have changed since it was stored: the first plan that is
  // handed over has the say, whatever the stored one had begun with.
  void start_with_stored_plan();
  // Starts with it as well, in the place of a process that serves. An Error: that one goes on.
  Result<> take_over(handover::Predecessor& predecessor, handover::Offer& offer);
  // Until SIGTERM or SIGINT arrives at `signal_fd` (a signalfd), or another process has taken over; SIGUSR1 opens the
  // access logs anew.
  Result<> run(int signal_fd);

 private:
  using Ticket = control::PlanServer::Ticket;
  std::optional<control::Message> answer(control::Message request, Ticket ticket);
  control::Message answer_now(const control::Message& request);
  control::Outcome<uint64_t> take(const control::Message& request);
  control::Outcome<uint64_t> adopt(Bytes image);
  control::Outcome<uint64_t> adopt_or_start_with(Bytes image);
  bool starts_anew_for(Bytes image) const;
  void leave_behind(std::unique_ptr<Running> old);
  void end_what_left(Instant now);
  Result<> attach_door();
  std::string stored_plan() const { return options_.state_directory + "/l7.plan"; }
  void begin_hand_over(std::optional<FileDescriptor> socket, Ticket asked);
  void refuse_hand_over(Ticket asked, const Error& why);
  bool succeeded(Instant now);
  bool told_to_end(int signal_fd);
  void end_orderly(int signal_fd);
  void end_behind_successor(int signal_fd);
  bool finish(int signal_fd, std::chrono::milliseconds at_most);
  void end();
  void tell_that_it_serves();
  std::string door_path() const { return options_.run_directory + "/door.sock"; }

  control::PlanServer& server_;
  StartOptions options_;
  std::unique_ptr<Running> running_;
  DoorAttachment door_;
  bool by_stored_plan_ = false;       // nothing has been handed over yet
  std::unique_ptr<Running> leaving_;  // finishes its exchanges beside running_
  std::optional<DoorAttachment> leaving_door_;
  Instant leaving_until_{};
  bool told_ = false;  // the service manager, that we serve
  bool finishing_ = false;
  std::optional<HandOver> hand_over_;  // under way; meanwhile plans wait, for this process or the other
  Ticket asked_for_it_ = 0;
  systemd::Watchdog watchdog_;
};

}  // namespace cardea::l7
