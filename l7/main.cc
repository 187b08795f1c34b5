// cardea-l7: speaks TLS and HTTP on the site's behalf by the plan it is given. This file is the table of contents.
#include <signal.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <thread>

#include "base/command_line.h"
#include "base/log.h"
#include "base/plan_server.h"
#include "l7/control/control.h"
#include "l7/control/descriptors.h"
#include "l7/handover/ask.h"
#include "l7/handover/predecessor.h"
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

Result<> succeed(FileDescriptor socket, const StartOptions& options, int signals) {
  auto predecessor = handover::Predecessor::meet(std::move(socket));
  if (!predecessor) return std::unexpected(std::move(predecessor.error()));
  handover::Offer offer = predecessor->take_offer();
  auto server = control::PlanServer::over(std::move(offer.plan_socket));
  if (!server) return std::unexpected(std::move(server.error()));
  Control control(*server, options);
  if (auto done = control.take_over(*predecessor, offer); !done) return done;
  return control.run(signals);
}

// A cardea-mgmt that was restarted just now, by the same upgrade, may still be storing the plan to start from.
Result<> take_the_place(const StartOptions& options, int signals) {
  constexpr int kTries = 3;
  for (int tried = 1;; ++tried) {
    auto socket = handover::ask(options.run_directory + "/l7.sock");
    if (socket && *socket) return succeed(std::move(**socket), options, signals);
    if (socket) return {};
    if (tried == kTries) return std::unexpected(std::move(socket.error()));
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
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
  bool hand_over = false;
  app.add_flag("--hand-over", hand_over,
               "take the place of the process that serves there, which no client notices: it gives this one its "
               "sockets, and finishes what it has begun. Ends with 0 when a process in the background serves");
  app.set_version_flag("--version", "cardea-l7 " CARDEA_VERSION);
  read_command_line(app, argc, argv);
  log::start("cardea-l7");
  tls::keep_crypto_memory();
  options.descriptors_max = raise_descriptor_limit();
  const FileDescriptor signals = our_signals();
  const auto done = hand_over ? take_the_place(options, signals.get()) : run(options, signals.get());
  if (!done) log::error("{}", done.error().message);
  return done ? 0 : 1;
}
