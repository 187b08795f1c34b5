#include "l7/control/control.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/plan_file.h"
#include "l7/control/answers.h"
#include "l7/plan_schema.h"

namespace cardea::l7 {
namespace {

using control::Message;
using control::Verb;
using namespace std::chrono_literals;

constexpr auto kTick = 1000ms;

}  // namespace

void Control::start_with_stored_plan() {
  const std::string path = options_.state_directory + "/l7.plan";
  systemd::status("waiting for a plan from cardea-mgmt");
  if (::access(path.c_str(), F_OK) != 0) return log::info("waiting for a plan on {}/l7.sock", options_.run_directory);
  auto image = control::read_plan_file(path, kPlanBytesMax);
  auto running = image ? Running::open(*image, options_) : std::unexpected(std::move(image.error()));
  if (!running) return log::warning("the stored plan {} is of no use: {}", path, running.error().message);
  running_ = std::move(*running);
  by_stored_plan_ = true;
  log::info("serving by the stored plan {}", running_->plan().generation);
}

control::Outcome<uint64_t> Control::take(const Message& request) {
  if (request.verb != Verb::kAdopt && request.verb != Verb::kUpdatePools) return fail("unknown request");
  if (!request.memfd) return fail("the plan itself is missing (no memfd)");
  auto mapping = control::SealedMapping::map(*request.memfd, kPlanBytesMax);
  if (!mapping) return std::unexpected(std::move(mapping.error()));
  if (request.verb == Verb::kUpdatePools)
    return running_ ? running_->update_pools(mapping->bytes()) : control::Outcome<uint64_t>(control::no_plan_yet());
  return adopt(mapping->bytes());
}

bool Control::starts_anew_for(Bytes image) const {
  if (!running_) return true;
  if (!by_stored_plan_) return false;
  const auto settings = read_settings(image);
  return settings && !check_reloadable(running_->plan().settings, *settings);
}

control::Outcome<uint64_t> Control::adopt(Bytes image) {
  if (!starts_anew_for(image)) {
    auto adopted = running_->adopt(image);
    if (adopted) by_stored_plan_ = false;
    return adopted;
  }
  auto opened = Running::open(image, options_, running_.get());
  if (!opened) return std::unexpected(std::move(opened.error()));
  if (auto old = std::exchange(running_, std::move(*opened))) leave_behind(std::move(old));
  by_stored_plan_ = false;
  return running_->plan().generation;
}

// Both listened for a moment, so no connection was refused; what the old shards have under way they finish.
void Control::leave_behind(std::unique_ptr<Running> old) {
  log::info("the stored plan {} had other shards or rings: started anew", old->plan().generation);
  leaving_door_ = std::exchange(door_, DoorAttachment(door_path()));  // each set of shards has its own
  old->drain();
  leaving_ = std::move(old);
  leaving_until_ = monotonic_now() + leaving_->plan().settings.drain_timeout;
}

void Control::end_what_left(Instant now) {
  if (!leaving_ || (now < leaving_until_ && !leaving_->is_done())) return;
  leaving_.reset();
  leaving_door_.reset();
}

Message Control::answer(Message request) {
  if (request.verb == Verb::kAsk) {
    if (!running_) return control::refusal(control::no_plan_yet().error());
    auto text = answer_question(request.body, *running_);
    if (text) return {.verb = Verb::kAnswer, .body = std::move(*text)};
    return control::refusal(text.error());
  }
  auto adopted = take(request);
  if (adopted) {
    if (request.verb == Verb::kAdopt) log::info("plan {} adopted", *adopted);
    return {.verb = Verb::kAdopted, .generation = *adopted};
  }
  log::warning("plan refused: {}", adopted.error().message);
  return control::refusal(adopted.error(), running_ ? running_->plan().generation : 0);
}

bool Control::told_to_end(int signal_fd) {
  signalfd_siginfo signal{};
  while (::read(signal_fd, &signal, sizeof signal) == ssize_t(sizeof signal)) {
    if (signal.ssi_signo != SIGUSR1) return true;
    if (running_) running_->reopen_logs();
  }
  return false;
}

Result<> Control::run(int signal_fd) {
  Instant ticked = monotonic_now();
  for (;;) {
    tell_that_it_serves();
    if (running_) door_.tend(*running_, monotonic_now());  // before the wait: who has just started wants a door at once
    pollfd ends[] = {{.fd = server_.fd(), .events = POLLIN, .revents = 0},
                     {.fd = signal_fd, .events = POLLIN, .revents = 0},
                     {.fd = door_.fd(), .events = POLLIN, .revents = 0}};
    if (::poll(ends, 3, int(door_.looks_again(kTick).count())) < 0 && errno != EINTR)
      return fail_errno("wait for requests");
    if (ends[1].revents != 0 && told_to_end(signal_fd)) break;
    if (ends[0].revents != 0) server_.serve([this](Message request) { return answer(std::move(request)); });
    const Instant now = monotonic_now();
    if (!running_ || now - ticked < kTick) continue;
    ticked = now;
    running_->tick(now);
    end_what_left(now);
    if (watchdog_.due(now) && running_->all_shards_went_on()) watchdog_.feed(now);
  }
  if (running_) end_orderly(signal_fd);
  return {};
}

void Control::tell_that_it_serves() {
  if (told_ || !running_) return;
  told_ = true;
  systemd::ready("serving");
}

// A second signal ends the patience.
void Control::end_orderly(int signal_fd) {
  systemd::stopping();
  running_->drain();
  const Instant deadline = monotonic_now() + running_->plan().settings.drain_timeout;
  while (!running_->is_done() && monotonic_now() < deadline) {
    pollfd end{.fd = signal_fd, .events = POLLIN, .revents = 0};
    if (::poll(&end, 1, 20) > 0 && told_to_end(signal_fd)) break;
  }
  if (const uint64_t left = running_->connections(); left > 0)
    log::warning("ending with {} connections that did not end by themselves", left);
  running_.reset();
}

}  // namespace cardea::l7
