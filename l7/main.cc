// cardea-l7: speaks TLS and HTTP on the site's behalf by the plan it is given. This file is the table of contents.
#include <signal.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>

#include "base/command_line.h"
#include "base/log.h"
#include "base/plan_server.h"
#include "l7/control/control.h"
#include "l7/control/descriptors.h"
#include "l7/tls/crypto_memory.h"

namespace {

using namespace cardea;
using namespace cardea::l7;

// Signals that mean something to us are read from a descriptor; threads that start later inherit the block.
FileDescriptor our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return FileDescriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

Result<> run(const StartOptions& options, int signals) {
  auto server = control::PlanServer::listen(options.run_directory + "/l7.sock");
  if (!server) return std::unexpected(std::move(server.error()));
  Control control(*server, options);
  control.start_with_stored_plan();
  return control.run(signals);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Cardea's HTTP and TLS proxy. It is started by systemd and told what to do by cardea-mgmt.");
  StartOptions options;
  app.add_option("--run-dir", options.run_directory, "where the plan socket and the statistics are")
      ->capture_default_str();
  app.add_option("--state-dir", options.state_directory, "where the last plan is kept")->capture_default_str();
  app.set_version_flag("--version", "cardea-l7 " CARDEA_VERSION);
  read_command_line(app, argc, argv);
  log::start("cardea-l7");
  tls::keep_crypto_memory();
  options.descriptors_max = raise_descriptor_limit();
  const FileDescriptor signals = our_signals();
  const auto done = run(options, signals.get());
  if (!done) log::error("{}", done.error().message);
  return done ? 0 : 1;
}
