// cardea-mgmt: reads the configuration, checks backends' health, hands plans to the dataplane and L7, answers the CLI
// and Prometheus. This file is its table of contents; one thread owns what it knows (mgmt/event_loop.h).
#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "base/command_line.h"
#include "base/file_descriptor.h"
#include "base/log.h"
#include "base/systemd.h"
#include "mgmt/api/server.h"
#include "mgmt/event_loop.h"
#include "mgmt/metrics/keep_served.h"
#include "mgmt/metrics/page.h"
#include "mgmt/site.h"

namespace cardea::mgmt {
namespace {

const Endpoint kMetricsWithoutConfig{IpAddress::v4(0x7f000001), 9477};  // the default of mgmt.metrics
constexpr std::chrono::milliseconds kPatienceAtEnd{100};

// Signals become work for the event loop; every other thread has them blocked.
class Signals {
 public:
  explicit Signals(EventLoop& loop, std::function<void(PeerCredentials)> on_reload)
      : loop_(loop), on_reload_(std::move(on_reload)), thread_([this] { wait(); }) {}
  ~Signals() { ::pthread_kill(thread_.native_handle(), SIGTERM); }

  static sigset_t handled() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    return set;
  }

 private:
  void wait() {
    const sigset_t set = handled();
    for (siginfo_t told{};;) {
      const int signal = ::sigwaitinfo(&set, &told);
      if (signal < 0) continue;  // it was interrupted
      if (signal != SIGHUP) return loop_.stop();
      loop_.post([by = PeerCredentials{.pid = told.si_pid, .user = told.si_uid}, this] { on_reload_(by); });
    }
  }

  EventLoop& loop_;
  std::function<void(PeerCredentials)> on_reload_;
  std::jthread thread_;
};

// Two of these on one state directory would hand out plans in turns.
Result<FileDescriptor> lock_state(const std::string& state_dir) {
  const std::string path = state_dir + "/mgmt.lock";
  FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!lock) return fail_errno("create " + path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(
        fmt::format("another cardea-mgmt uses {}: stop it first, or give this one its own --state-dir", state_dir));
  return lock;
}

Result<> make_folders(const Folders& folders) {
  for (const auto& path : {folders.run_dir, folders.state_dir}) {
    std::error_code problem;
    std::filesystem::create_directories(path, problem);
    if (problem) return fail(fmt::format("make the directory {}: {}", path, problem.message()));
  }
  return {};
}

// The API's place may change with a file that could not be read yet: then it is where the CLI looks first.
std::pair<std::string, std::string> api_place(const Site& site, const std::string& api_dir) {
  const auto view = site.view();
  if (!view.in_force || view.in_force.config->mgmt.api.empty())
    return {(api_dir.empty() ? site.folders().run_dir : api_dir) + "/api.sock",
            view.in_force ? view.in_force.config->mgmt.api_group : ""};
  return {view.in_force.config->mgmt.api, view.in_force.config->mgmt.api_group};
}

// From the loop itself: what holds it for longer than the watchdog waits is a fault.
void feed_watchdog(EventLoop& loop, systemd::Watchdog& watchdog) {
  if (watchdog.pause() == watchdog.pause().zero()) return;
  watchdog.feed(monotonic_now());
  loop.post_after(std::chrono::duration_cast<std::chrono::milliseconds>(watchdog.pause()),
                  [&] { feed_watchdog(loop, watchdog); });
}

// A client that keeps a connection and says nothing would hold its server for seconds; nothing is lost by leaving it.
void end(std::unique_ptr<api::Server> api, std::unique_ptr<metrics::Page> page) {
  const auto ended = std::async(std::launch::async, [&] {
    api.reset();
    page.reset();
  });
  if (ended.wait_for(kPatienceAtEnd) == std::future_status::timeout) std::quick_exit(0);
}

void note_signal(api::Audit& audit, PeerCredentials by, const Reload& reload) {
  audit.note({.by = by, .action = "reload", .of = "SIGHUP", .status = reload.success() ? 200 : 409, .error = reload.error});
}

void serve_metrics(EventLoop& loop, metrics::Page& page, Site& site, const Endpoint& at) {
  metrics::keep_served(loop, page, at, [&site](std::string why) { site.warn("metrics", std::move(why)); });
}

Result<> run(Folders folders, const std::string& api_dir) {
  if (auto made = make_folders(folders); !made) return made;
  auto lock = lock_state(folders.state_dir);
  if (!lock) return std::unexpected(std::move(lock.error()));

  EventLoop loop;
  std::unique_ptr<metrics::Page> page;
  Site site(loop, std::move(folders),
            [&](const conf::Config& config) { serve_metrics(loop, *page, site, config.mgmt.metrics); });
  page = std::make_unique<metrics::Page>(loop, site);
  site.start();
  if (!site.view().in_force)
    serve_metrics(loop, *page, site, kMetricsWithoutConfig);  // a failed start has to be seen there too
  const auto [socket, group] = api_place(site, api_dir);
  api::Audit audit(site.folders().state_dir);
  auto api = api::Server::listen(socket, group, loop, site, audit);
  if (!api) return std::unexpected(std::move(api.error()));
  const Signals signals(loop, [&site, &audit](PeerCredentials by) {
    site.reload([&audit, by](const Reload& reload) { note_signal(audit, by, reload); });
  });
  log::info("cardea-mgmt {} answers at {}", CARDEA_VERSION, socket);
  systemd::ready("answers at " + socket);
  systemd::Watchdog watchdog;
  feed_watchdog(loop, watchdog);
  loop.run();
  systemd::stopping();
  log::info("cardea-mgmt ends; the processes go on with their last plans");
  site.finish();
  end(std::move(*api), std::move(page));
  return {};
}

}  // namespace
}  // namespace cardea::mgmt

int main(int argc, char** argv) {
  CLI::App app{"cardea-mgmt: configuration, health checks, API and metrics of a Cardea load balancer"};
  cardea::mgmt::Folders folders{"/etc/cardea/cardea.cfg", "/run/cardea", "/var/lib/cardea"};
  app.footer("SIGHUP does what `cardea reload` does; SIGTERM ends it, and what runs goes on without it.");
  app.add_option("--config", folders.config_file, "the configuration file")->capture_default_str();
  app.add_option("--run-dir", folders.run_dir, "sockets of running processes")->capture_default_str();
  app.add_option("--state-dir", folders.state_dir, "what outlives a restart")->capture_default_str();
  std::string api_dir;
  app.add_option("--api-dir", api_dir,
                 "the API's socket, unless the configuration says where; left out: the run directory");
  app.set_version_flag("--version", "cardea-mgmt " CARDEA_VERSION);
  cardea::read_command_line(app, argc, argv);

  const sigset_t handled = cardea::mgmt::Signals::handled();
  ::pthread_sigmask(SIG_BLOCK, &handled, nullptr);  // before the first thread, which inherits it
  // A reload frees several hundred thousand small pieces; joining them at each larger request took a fifth of its time.
  ::mallopt(M_MXFAST, 0);
  cardea::log::start("cardea-mgmt");
  const auto ended = cardea::mgmt::run(std::move(folders), api_dir);
  if (!ended) cardea::log::error("{}", ended.error().message);
  return ended ? 0 : 1;
}
