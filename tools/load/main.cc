// Connections at a rate or all at once, for benches and system tests: what wrk does not do.
//   handshakes  TLS connections opened and closed, nothing asked (--resume: with one session, all of them resumed)
//   churn       a connection for each request, as many as can be or --rate a second
//   idle        --connections that ask once, stay open, and ask again when SIGTERM ends the run
// Prints one JSON object on a line: what was done, what failed and why, in how many seconds. `idle` prints one when all
// stand and one at the end. Certificates are not verified: curl does that.
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "tools/load/connection.h"

namespace cardea::load {
namespace {

using Clock = std::chrono::steady_clock;
using Stage = Connection::Stage;

volatile std::sig_atomic_t stopped = 0;

struct Options {
  std::string mode, address, server_name, path = "/";
  uint16_t port = 0;
  bool tls = false, resume = false;
  size_t connections = 0, concurrency = 64;
  double seconds = 5, rate = 0, patience = 10;
};

SSL_SESSION* newest_session = nullptr;

// A copy: OpenSSL spoils a session for later use when its connection ends otherwise than it likes.
int keep_session(SSL*, SSL_SESSION* session) {
  SSL_SESSION_free(newest_session);
  newest_session = SSL_SESSION_dup(session);
  return 0;
}

SSL_CTX* make_tls() {
  SSL_CTX* const tls = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(tls, keep_session);
  SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
  return tls;
}

Task make_task(const Options& options) {
  Task task;
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(options.address.c_str(), std::to_string(options.port).c_str(), &hints, &found) != 0)
    throw CLI::ValidationError("ADDRESS", "not an IP address: " + options.address);
  std::memcpy(&task.address, found->ai_addr, found->ai_addrlen);
  task.address_length = found->ai_addrlen;
  ::freeaddrinfo(found);
  if (options.tls) task.tls = make_tls();
  task.server_name = options.server_name;
  if (options.resume) task.resume = &newest_session;  // a ticket is meant for one use: the newest is offered
  if (options.mode != "handshakes")
    task.request = "GET " + options.path + " HTTP/1.1\r\nHost: " + options.server_name + "\r\n" +
                   (options.mode == "churn" ? "Connection: close\r\n" : "") + "\r\n";
  return task;
}

// All connections of a run on one epoll.
class Run {
 public:
  Run(const Options& options, const Task& task) : options_(options), task_(task), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
  ~Run() { ::close(epoll_); }

  // Opens and closes until the time or the number is reached.
  void churn() {
    const auto until = began_ + std::chrono::duration<double>(options_.seconds);
    while (true) {
      const bool over = stopped || Clock::now() >= until || (options_.connections && opened_ >= options_.connections);
      if (over && live_.empty()) break;
      while (!over && live_.size() < options_.concurrency && due()) open();
      poll(options_.rate > 0 ? 1 : 100);
      expire();
    }
  }

  void idle() {
    while (!stopped && (opened_ < options_.connections || waiting() > 0)) {
      while (waiting() < options_.concurrency && opened_ < options_.connections) open();
      poll(100);
      expire();
    }
    print();
    while (!stopped) ::usleep(20'000);
    answered_ = 0;
    for (auto& [socket, entry] : live_) {
      if (entry.connection->stage() != Stage::kAnswered) continue;
      entry.since = Clock::now();
      entry.connection->ask();
    }
    settle_all();
    while (waiting() > 0) {
      poll(100);
      expire();
    }
    print();
  }

  void print() const {
    const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    const nlohmann::json line{{"opened", opened_},   {"done", answered_},       {"failed", failed_}, {"failures", failures_},
                              {"resumed", resumed_}, {"standing", live_.size()}, {"seconds", seconds}};
    std::puts(line.dump().c_str());
    std::fflush(stdout);
  }

 private:
  struct Entry {
    std::unique_ptr<Connection> connection;
    Clock::time_point since;
  };

  bool keeps() const { return options_.mode == "idle"; }

  bool due() const {
    const double passed = std::chrono::duration<double>(Clock::now() - began_).count();
    return options_.rate <= 0 || double(opened_) < passed * options_.rate;
  }

  size_t waiting() const { return live_.size() - settled_; }

  void open() {
    auto connection = std::make_unique<Connection>(task_);
    ++opened_;
    connection->dial();
    if (connection->ended()) return fail(connection->failure());
    const int socket = connection->socket();
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data = {.fd = socket}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
    live_[socket] = {std::move(connection), Clock::now()};
  }

  void poll(int milliseconds) {
    epoll_event events[256];
    const int count = ::epoll_wait(epoll_, events, 256, milliseconds);
    for (int i = 0; i < count; ++i) {
      const auto at = live_.find(events[i].data.fd);
      if (at == live_.end()) continue;
      Connection& connection = *at->second.connection;
      if (connection.stage() == Stage::kAnswered) {  // kept: only its end matters
        if ((events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) continue;
        --settled_;
        fail("closed by the peer while idle");
        live_.erase(at);
        continue;
      }
      connection.advance();
      settle(at);
    }
  }

  void settle(std::map<int, Entry>::iterator at) {
    Connection& connection = *at->second.connection;
    if (connection.stage() == Stage::kAnswered) {
      ++answered_;
      resumed_ += connection.resumed();
      if (keeps()) {
        ++settled_;
        return;
      }
      connection.close();
    }
    if (!connection.ended()) return;
    if (connection.stage() == Stage::kFailed) fail(connection.failure());
    live_.erase(at);
  }

  void settle_all() {
    settled_ = 0;
    for (auto at = live_.begin(); at != live_.end();) settle(at++);
  }

  void expire() {
    const auto now = Clock::now();
    if (now - swept_ < std::chrono::milliseconds(200)) return;
    swept_ = now;
    for (auto at = live_.begin(); at != live_.end();) {
      const auto current = at++;
      if (current->second.connection->stage() == Stage::kAnswered) continue;
      if (now - current->second.since < std::chrono::duration<double>(options_.patience)) continue;
      fail("timed out");
      live_.erase(current);
    }
  }

  void fail(std::string_view why) {
    ++failed_;
    ++failures_[std::string(why)];
  }

  const Options& options_;
  const Task& task_;
  int epoll_;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point swept_ = began_;
  std::map<int, Entry> live_;
  size_t opened_ = 0, answered_ = 0, failed_ = 0, resumed_ = 0;
  size_t settled_ = 0;  // kept ones that have their answer
  std::map<std::string, size_t> failures_;
};

// One handshake whose session the others resume.
bool learn_session(const Options& options, const Task& task) {
  Options once = options;
  once.connections = 1;
  Run(once, task).churn();
  return newest_session != nullptr;
}

int run(const Options& options) {
  const Task task = make_task(options);
  if (options.resume && !learn_session(options, task)) {
    std::fputs("the server gave no session to resume\n", stderr);
    return 1;
  }
  Run run(options, task);
  if (options.mode == "idle") {
    run.idle();
  } else {
    run.churn();
    run.print();
  }
  return 0;
}

void raise_files_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace cardea::load

int main(int argc, char** argv) {
  using namespace cardea::load;
  Options options;
  CLI::App app("opens connections to a server and says what became of them");
  app.add_option("MODE", options.mode)->required()->check(CLI::IsMember({"handshakes", "churn", "idle"}));
  app.add_option("ADDRESS", options.address)->required();
  app.add_option("PORT", options.port)->required();
  app.add_flag("--tls", options.tls);
  app.add_flag("--resume", options.resume);
  app.add_option("--server-name", options.server_name);
  app.add_option("--path", options.path);
  app.add_option("--connections", options.connections, "how many in all");
  app.add_option("--concurrency", options.concurrency, "how many at once");
  app.add_option("--seconds", options.seconds, "at most");
  app.add_option("--rate", options.rate, "new ones a second, at most");
  app.add_option("--patience", options.patience, "seconds for one connection's steps");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, [](int) { stopped = 1; });
  raise_files_limit();
  try {
    return run(options);
  } catch (const CLI::Error& error) {
    return app.exit(error);
  }
}
