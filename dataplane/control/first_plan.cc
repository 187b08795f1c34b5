// The stored plan, or the first that comes by the plan socket.
#include "dataplane/control/first_plan.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/log.h"
#include "base/plan_file.h"
#include "base/systemd.h"
#include "dataplane/plan_schema.h"

namespace cardea::dataplane {
namespace {

std::string stats_path(const StartOptions& options) {
  return options.run_directory + "/dataplane.stats";
}

using cardea::control::Message;
using cardea::control::Verb;

Result<Prepared> load(const std::string& path, const StartOptions& options) {
  auto image = cardea::control::read_plan_file(path, kPlanBytesMax);
  if (!image) return std::unexpected(std::move(image).error());
  return prepare(*image, stats_path(options));
}

// One request while there is no plan. What became of it is left in `outcome` once the start was tried.
Message serve(Message request, const StartOptions& options, std::optional<Result<std::unique_ptr<Running>>>& outcome) {
  using cardea::control::refusal;
  if (outcome) return refusal(Error{"starting; ask again"});
  if (request.verb != Verb::kAdopt) return refusal(cardea::control::no_plan_yet().error());
  if (!request.memfd) return refusal(Error{"the plan itself is missing (no memfd)"});
  auto mapping = cardea::control::SealedMapping::map(*request.memfd, kPlanBytesMax);
  if (!mapping) return refusal(mapping.error());
  auto prepared = prepare(mapping->bytes(), stats_path(options));
  if (!prepared) {
    log::warning("plan refused: {}", prepared.error().message);
    return refusal(prepared.error());
  }
  const uint64_t generation = prepared->plan->generation;
  outcome = Running::open(std::move(*prepared), options);
  if (*outcome) return {.verb = Verb::kAdopted, .generation = generation};
  return refusal(outcome->error());
}

}  // namespace

Result<std::unique_ptr<Running>> wait_for_plan(cardea::control::PlanServer& server, const StartOptions& options,
                                               int stop_fd) {
  log::info("waiting for a plan on {}/dataplane.sock", options.run_directory);
  systemd::status("waiting for a plan from cardea-mgmt");
  std::optional<Result<std::unique_ptr<Running>>> outcome;
  while (!outcome) {
    pollfd ends[] = {{.fd = server.fd(), .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    if (::poll(ends, 2, -1) < 0 && errno != EINTR) return fail_errno("wait for a plan");
    if (ends[1].revents != 0) return nullptr;
    server.serve([&](Message request) { return serve(std::move(request), options, outcome); });
  }
  return std::move(*outcome);
}

Result<std::unique_ptr<Running>> first_plan(cardea::control::PlanServer& server, const StartOptions& options,
                                            int stop_fd) {
  const std::string path = options.state_directory + "/dataplane.plan";
  if (::access(path.c_str(), F_OK) != 0) return wait_for_plan(server, options, stop_fd);
  auto prepared = load(path, options);
  if (!prepared) {
    log::warning("the stored plan {} is of no use: {}", path, prepared.error().message);
    return wait_for_plan(server, options, stop_fd);
  }
  log::info("starting with the stored plan {}", prepared->plan->generation);
  auto running = Running::open(std::move(*prepared), options);
  if (!running) running.error().retry = Retry::kSafe;
  return running;
}

}  // namespace cardea::dataplane
