// cardea-dataplane: forwards packets by the plan it is given. This file is the table of contents.
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "base/command_line.h"
#include "base/log.h"
#include "base/plan_server.h"
#include "base/systemd.h"
#include "dataplane/control/control.h"
#include "dataplane/control/first_plan.h"
#include "dataplane/control/privileges.h"
#include "dataplane/control/running.h"

namespace {

using namespace cardea;
using namespace cardea::dataplane;

struct Options {
  StartOptions start;
  bool wait = false;
};

// Signals that end us are read from a descriptor, so that the end is orderly; threads that start later inherit the
// block.
FileDescriptor stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return FileDescriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// On a host where workers have cores to themselves this changes nothing; where they share them, packets would otherwise
// be lost while a worker waits for its turn behind everybody else. Inherited by every thread that is started later.
void come_before_others() {
  constexpr int kNice = -10;
  if (::setpriority(PRIO_PROCESS, 0, kNice) != 0)
    log::info("not allowed to set nice {}: workers that share a core may lose packets when it is busy", kNice);
}

struct Forwarding {
  std::unique_ptr<Running> running;
  std::unique_ptr<Control> control;  // ends first
};

// An Error with Retry::kSafe: it is the plan that cannot be run on this host as it is.
Result<Forwarding> start(Prepared prepared, cardea::control::PlanServer& server, const StartOptions& options) {
  auto running = Running::open(std::move(prepared), options);
  if (!running) return fail(std::move(running.error().message), running.error().origin, Retry::kSafe);
  auto l7 = L7Attachments::listen(options.run_directory + "/door.sock");
  if (!l7) return std::unexpected(std::move(l7).error());
  auto control = Control::start(**running, server, std::move(*l7));
  if (!control) return std::unexpected(std::move(control).error());
  if (auto done = drop_privileges(options.user); !done) return std::unexpected(std::move(done).error());
  if (auto done = (*running)->launch(); !done) return std::unexpected(std::move(done).error());
  return Forwarding{std::move(*running), std::move(*control)};
}

Result<> run(const Options& options, FileDescriptor& stop) {
  auto server = cardea::control::PlanServer::listen(options.start.run_directory + "/dataplane.sock");
  if (!server) return std::unexpected(std::move(server).error());
  auto plan =
      options.wait ? wait_for_plan(*server, options.start, stop.get()) : first_plan(*server, options.start, stop.get());
  if (!plan) return std::unexpected(std::move(plan).error());
  if (!*plan) return {};  // told to end before there was a plan
  auto forwarding = start(std::move((*plan)->prepared), *server, options.start);
  if (!forwarding) {
    tell_failed(*server, **plan, forwarding.error());
    return std::unexpected(std::move(forwarding).error());
  }
  tell_started(*server, **plan);
  log::info("forwarding by plan {}", (*plan)->generation);
  systemd::ready("forwarding");
  return forwarding->control->run(stop.get());
}

// The CPUs that this process may use, as it was started with them: DPDK keeps its first thread on some of them, and
// what is executed anew would inherit that.
cpu_set_t allowed_cpus() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  (void)::sched_getaffinity(0, sizeof cpus, &cpus);
  return cpus;
}

// What DPDK holds must not live on in the process that follows; nor may it go while DPDK's threads still run, which end
// the process when their pipes do.
[[noreturn]] void start_over_without_stored_plan(char** argv, const cpu_set_t& cpus) {
  std::vector<char*> arguments;
  for (char** at = argv; *at != nullptr; ++at) arguments.push_back(*at);
  static char wait[] = "--wait";
  arguments.push_back(wait);
  arguments.push_back(nullptr);
  close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  (void)::sched_setaffinity(0, sizeof cpus, &cpus);
  execv("/proc/self/exe", arguments.data());
  _exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Cardea's packet forwarder. It is started by systemd and told what to do by cardea-mgmt.");
  Options options;
  app.add_option("--run-dir", options.start.run_directory, "where the plan socket and the statistics are")
      ->capture_default_str();
  app.add_option("--state-dir", options.start.state_directory, "where the last plan is kept")->capture_default_str();
  app.add_option("--eal", options.start.eal_arguments, "more arguments for DPDK, separated by blanks");
  app.add_option("--user", options.start.user, "the user to become after the start; empty stays");
  app.add_flag("--wait", options.wait, "do not start with the stored plan: wait for cardea-mgmt's");
  app.set_version_flag("--version", "cardea-dataplane " CARDEA_VERSION);
  read_command_line(app, argc, argv);
  log::start("cardea-dataplane");
  const cpu_set_t cpus = allowed_cpus();
  come_before_others();
  FileDescriptor stop = stop_signals();
  auto done = run(options, stop);
  if (done) return 0;
  log::error("{}", done.error().message);
  if (!options.wait && done.error().retry == Retry::kSafe) start_over_without_stored_plan(argv, cpus);
  return 1;
}
