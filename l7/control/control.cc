#include "l7/control/control.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "base/plan_file.h"
#include "l7/control/answers.h"
#include "l7/plan_schema.h"

namespace cardea::l7 {
namespace {

using control::Message;
using std::chrono::milliseconds;
using control::Verb;
using namespace std::chrono_literals;

constexpr auto kTick = 1000ms;
constexpr milliseconds kLook{20};  // at what is still to be finished; less often when that takes long
constexpr auto kDoorPatience = 3s;

}  // namespace

void Control::start_with_stored_plan() {
  const std::string path = stored_plan();
  systemd::status("waiting for a plan from cardea-mgmt");
  if (::access(path.c_str(), F_OK) != 0) return log::info("waiting for a plan on {}/l7.sock", options_.run_directory);
  auto image = control::read_plan_file(path, kPlanBytesMax);
  auto running = image ? Running::open(*image, options_) : std::unexpected(std::move(image.error()));
  if (!running) return log::warning("the stored plan {} is of no use: {}", path, running.error().message);
  running_ = std::move(*running);
  by_stored_plan_ = true;
  log::info("serving by the stored plan {}", running_->plan().generation);
}

Result<> Control::take_over(handover::Predecessor& predecessor, handover::Offer& offer) {
  auto image = control::read_plan_file(stored_plan(), kPlanBytesMax);
  if (!image) return std::unexpected(std::move(image.error()));
  if (auto done = server_.own(); !done) return done;  // before the other lets go: whoever finds it closed comes at once
  auto beside = open_beside(offer, *image, options_);
  if (!beside) return std::unexpected(std::move(beside.error()));
  running_ = std::move(beside->running);
  by_stored_plan_ = true;
  if (auto done = attach_door(); !done) return done;
  if (auto done = predecessor.succeed(beside->serving); !done) return done;
  if (auto done = show_statistics(options_); !done) log::warning("{}", done.error().message);
  log::info("serving by the stored plan {}, in the place of the process before", running_->plan().generation);
  return {};
}

// Packets of new connections go to the process that came to the dataplane last: the one before listens until then. A
// dataplane that is away is waited for by whoever serves.
Result<> Control::attach_door() {
  const Instant until = monotonic_now() + kDoorPatience;
  for (;;) {
    door_.tend(*running_, monotonic_now());
    if (door_.attached() || !running_->plan().needs_door()) return {};
    if (monotonic_now() >= until) break;
    pollfd end{.fd = door_.fd(), .events = POLLIN, .revents = 0};
    ::poll(&end, 1, int(door_.looks_again(kTick).count()));
  }
  if (!control::connect(door_path())) return {};
  return fail("the dataplane gives it no door; it has one for this process and one for a process that leaves");
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

// What another build made waits for the next start, which is that build's as well.
control::Outcome<uint64_t> Control::adopt(Bytes image) {
  auto adopted = adopt_or_start_with(image);
  if (!adopted && control::is_for_another_build(image, kPlanIdentifier, kPlanReader))
    adopted.error().code = control::Code::kNeedsRestart;
  return adopted;
}

control::Outcome<uint64_t> Control::adopt_or_start_with(Bytes image) {
  if (!starts_anew_for(image)) {
    auto adopted = running_->adopt(image);
    if (adopted) by_stored_plan_ = false;
    return adopted;
  }
  auto opened = Running::open(image, options_, running_ ? Running::Before{running_->endpoints()} : Running::Before{});
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

std::optional<Message> Control::answer(Message request, Ticket ticket) {
  if (request.verb != Verb::kHandOver) return answer_now(request);
  begin_hand_over(std::move(request.memfd), ticket);
  return std::nullopt;
}

Message Control::answer_now(const Message& request) {
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

// One at a time: whoever leaves has to be gone first.
void Control::begin_hand_over(std::optional<FileDescriptor> socket, Ticket asked) {
  if (!socket) return refuse_hand_over(asked, fail("the socket to it is missing").error());
  if (!running_) return refuse_hand_over(asked, control::no_plan_yet().error());
  if (hand_over_ || finishing_) return refuse_hand_over(asked, fail("this process is leaving already").error());
  if (leaving_) return refuse_hand_over(asked, fail("the shards of the plan before have not finished yet").error());
  auto begun = HandOver::begin(std::move(*socket), *running_, server_, monotonic_now());
  if (!begun) return refuse_hand_over(asked, begun.error());
  hand_over_.emplace(std::move(*begun));
  asked_for_it_ = asked;
  log::info("another process is about to take over");
}

void Control::refuse_hand_over(Ticket asked, const Error& why) {
  log::error("no other process takes over: {}; this one goes on", why.message);
  server_.reply(asked, control::refusal(why));
}

// Whether another process serves now, and this one has only to finish what it began.
bool Control::succeeded(Instant now) {
  if (!hand_over_) return false;
  auto pid = hand_over_->look(now);
  if (!pid) return false;
  if (!*pid) {
    refuse_hand_over(asked_for_it_, pid->error());
    hand_over_.reset();
    if (auto done = server_.own(); !done) log::warning("{}", done.error().message);
    return false;
  }
  systemd::succeeded_by(**pid);
  server_.reply(asked_for_it_, {.verb = Verb::kAnswer, .body = fmt::format("{{\"pid\": {}}}", **pid)});
  server_.pass_on();
  if (auto done = hand_over_->let_go(); !done) log::warning("process {}: {}", **pid, done.error().message);
  log::info("process {} has taken over; this one finishes what it has begun", **pid);
  return true;
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
    pollfd ends[] = {{.fd = hand_over_ ? -1 : server_.fd(), .events = POLLIN, .revents = 0},
                     {.fd = signal_fd, .events = POLLIN, .revents = 0},
                     {.fd = door_.fd(), .events = POLLIN, .revents = 0},
                     {.fd = hand_over_ ? hand_over_->fd() : -1, .events = POLLIN, .revents = 0}};
    if (::poll(ends, std::size(ends), int(door_.looks_again(kTick).count())) < 0 && errno != EINTR)
      return fail_errno("wait for requests");
    if (ends[1].revents != 0 && told_to_end(signal_fd)) break;
    if (ends[0].revents != 0)
      server_.serve_late([this](Message request, Ticket ticket) { return answer(std::move(request), ticket); });
    const Instant now = monotonic_now();
    if (succeeded(now)) {
      end_behind_successor(signal_fd);
      return {};
    }
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
  finish(signal_fd, running_->plan().settings.drain_timeout);
  end();
}

// Its service's end is a signal to this process too, which has as long from then on as any that is told to end.
void Control::end_behind_successor(int signal_fd) {
  running_->pass_on(hand_over_->taken());
  if (finish(signal_fd, running_->plan().settings.hand_over_timeout))
    finish(signal_fd, running_->plan().settings.drain_timeout);
  end();
}

// Until all is finished or time is up; true: a signal came first.
bool Control::finish(int signal_fd, milliseconds at_most) {
  finishing_ = true;
  const Instant began = monotonic_now();
  for (Instant now = began; !running_->is_done() && now < began + at_most; now = monotonic_now()) {
    door_.tend(*running_, now);
    pollfd ends[] = {{.fd = signal_fd, .events = POLLIN, .revents = 0},
                     {.fd = door_.fd(), .events = POLLIN, .revents = 0}};
    const auto pause = std::clamp(std::chrono::duration_cast<milliseconds>((now - began) / 10), kLook, 20 * kLook);
    ::poll(ends, std::size(ends), int(pause.count()));
    if (ends[0].revents != 0 && told_to_end(signal_fd)) return true;
  }
  return false;
}

void Control::end() {
  if (const uint64_t left = running_->connections(); left > 0)
    log::warning("ending with {} connections that did not end by themselves", left);
  running_.reset();
}

}  // namespace cardea::l7
