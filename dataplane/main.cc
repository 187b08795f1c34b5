// cardea-dataplane: forwards packets by the plan it is given. This file is the table of contents.
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

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

Result<> run(const Options& options, FileDescriptor& stop) {
  auto server = cardea::control::PlanServer::listen(options.start.run_directory + "/dataplane.sock");
  if (!server) return std::unexpected(std::move(server).error());
  auto running =
      options.wait ? wait_for_plan(*server, options.start, stop.get()) : first_plan(*server, options.start, stop.get());
  if (!running) return std::unexpected(std::move(running).error());
  if (*running == nullptr) return {};  // told to end before there was a plan
  auto l7 = L7Attachments::listen(options.start.run_directory + "/door.sock");
  if (!l7) return std::unexpected(std::move(l7).error());
  auto control = Control::start(**running, *server, std::move(*l7));
  if (!control) return std::unexpected(std::move(control).error());
  if (auto done = drop_privileges(options.start.user); !done) return done;
  if (auto done = (*running)->launch(); !done) return done;
  log::info("forwarding by plan {}", (*running)->plans->load()->generation);
  systemd::ready("forwarding");
  return (*control)->run(stop.get());
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
