// cardea-waf: the web application firewall's own processes, in which libmodsecurity tries its rules on what cardea-l7 asks
// about. This file is the table of contents.
#include <signal.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>

#include "base/command_line.h"
#include "base/log.h"
#include "l7/waf/daemon.h"
#include "l7/waf/presets.h"
#include "l7/waf/rule_set.h"

namespace {

using namespace cardea;
using namespace cardea::l7;

FileDescriptor our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return FileDescriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int check(std::vector<std::string> files) {
  if (files.empty()) files = waf::core_rules();
  const waf::LoadedRules loaded = waf::load_rules(files);
  if (!loaded.rules) log::error("{}", loaded.refused);
  return loaded.rules ? 0 : 1;
}

Result<> run(const std::string& run_directory, int signals) {
  auto daemon = waf::Daemon::open(run_directory);
  if (!daemon) return std::unexpected(std::move(daemon.error()));
  return daemon->run(signals);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Cardea's web application firewall: tries rules on the requests that cardea-l7 asks about. It is started by "
               "systemd and told what to do by cardea-l7.");
  std::string run_directory = "/run/cardea";
  app.add_option("--run-dir", run_directory, "where its sockets are")->capture_default_str();
  bool only_check = false;
  app.add_flag("--check", only_check, "load the rule files that are named behind it (none: the core rule set), and say what is wrong with them");
  std::vector<std::string> files;
  app.add_option("files", files, "rule files, for --check");
  app.set_version_flag("--version", "cardea-waf " CARDEA_VERSION);
  read_command_line(app, argc, argv);
  log::start("cardea-waf");
  if (only_check) return check(std::move(files));
  const FileDescriptor signals = our_signals();
  const auto done = run(run_directory, signals.get());
  if (!done) log::error("{}", done.error().message);
  return done ? 0 : 1;
}
