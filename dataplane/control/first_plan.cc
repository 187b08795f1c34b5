// The stored plan, or the first that comes by the plan socket; and what mgmt hears of it.
#include "dataplane/control/first_plan.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/clock.h"
#include "base/log.h"
#include "base/plan_file.h"
#include "base/systemd.h"
#include "dataplane/plan_schema.h"

namespace cardea::dataplane {
namespace {

std::string stats_path(const StartOptions& options) {
  return options.run_directory + "/dataplane.stats";
}

using cardea::control::Code;
using cardea::control::Message;
using cardea::control::Verb;
using Ticket = cardea::control::PlanServer::Ticket;

// mgmt tries to connect five times a second, and has been connected since before the start where it runs at all.
constexpr std::chrono::milliseconds kTellPatience{500};

FirstPlan with_generation(Prepared prepared, Ticket asker) {
  const uint64_t generation = prepared.plan->generation;
  return {std::move(prepared), generation, asker};
}

Result<Prepared> load(const std::string& path, const StartOptions& options) {
  auto image = cardea::control::read_plan_file(path, kPlanBytesMax);
  if (!image) return std::unexpected(std::move(image).error());
  return prepare(*image, stats_path(options));
}

// One request while there is no plan. One that brings a plan is answered when it is known what became of that.
std::optional<Message> serve(Message request, Ticket ticket, const StartOptions& options,
                             std::optional<FirstPlan>& first) {
  using cardea::control::refusal;
  if (first) return refusal(Error{"starting; ask again"});
  if (request.verb != Verb::kAdopt) return refusal(cardea::control::no_plan_yet().error());
  if (!request.memfd) return refusal(Error{"the plan itself is missing (no memfd)"});
  auto mapping = cardea::control::SealedMapping::map(*request.memfd, kPlanBytesMax);
  if (!mapping) return refusal(mapping.error());
  auto prepared = prepare(mapping->bytes(), stats_path(options));
  if (!prepared) {
    log::warning("plan refused: {}", prepared.error().message);
    return refusal(prepared.error());
  }
  first = with_generation(std::move(*prepared), ticket);
  return std::nullopt;
}

Message cannot_start(const Error& why) {
  return cardea::control::refusal({why, Code::kCannotStart});
}

}  // namespace

Result<std::optional<FirstPlan>> wait_for_plan(cardea::control::PlanServer& server, const StartOptions& options,
                                               int stop_fd) {
  log::info("waiting for a plan on {}/dataplane.sock", options.run_directory);
  systemd::status("waiting for a plan from cardea-mgmt");
  std::optional<FirstPlan> first;
  while (!first) {
    pollfd ends[] = {{.fd = server.fd(), .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    if (::poll(ends, 2, -1) < 0 && errno != EINTR) return fail_errno("wait for a plan");
    if (ends[1].revents != 0) return std::nullopt;
    server.serve_late(
        [&](Message request, Ticket ticket) { return serve(std::move(request), ticket, options, first); });
  }
  return first;
}

Result<std::optional<FirstPlan>> first_plan(cardea::control::PlanServer& server, const StartOptions& options,
                                            int stop_fd) {
  const std::string path = options.state_directory + "/dataplane.plan";
  if (::access(path.c_str(), F_OK) != 0) return wait_for_plan(server, options, stop_fd);
  auto prepared = load(path, options);
  if (!prepared) {
    log::warning("the stored plan {} is of no use: {}", path, prepared.error().message);
    return wait_for_plan(server, options, stop_fd);
  }
  log::info("starting with the stored plan {}", prepared->plan->generation);
  return with_generation(std::move(*prepared), 0);
}

void tell_started(cardea::control::PlanServer& server, const FirstPlan& plan) {
  server.reply(plan.asker, {.verb = Verb::kAdopted, .generation = plan.generation});
}

void tell_failed(cardea::control::PlanServer& server, const FirstPlan& plan, const Error& why) {
  if (plan.asker != 0) return server.reply(plan.asker, cannot_start(why));
  bool told = false;
  const auto answer = [&](const Message& request, Ticket) -> std::optional<Message> {
    if (request.verb != Verb::kAdopt) return cardea::control::refusal(cardea::control::no_plan_yet().error());
    if (request.generation != plan.generation) return std::nullopt;
    told = true;
    return cannot_start(why);
  };
  const Instant end = monotonic_now() + kTellPatience;
  for (Instant now = monotonic_now(); !told && now < end; now = monotonic_now())
    server.serve_late(answer, int(std::chrono::ceil<std::chrono::milliseconds>(end - now).count()));
}

}  // namespace cardea::dataplane
