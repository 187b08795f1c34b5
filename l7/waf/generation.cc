#include "l7/waf/generation.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

#include "base/log.h"
#include "l7/waf/message.h"
#include "l7/waf/worker.h"

namespace cardea::l7::waf {
namespace {

constexpr std::string_view kLoaded = "loaded", kBegin = "begin";
constexpr timespec kTellAgain{.tv_sec = 0, .tv_nsec = 50'000'000};
constexpr useconds_t kPauseBehindDeath = 2'000;  // so that whatever kills each worker at once is no busy loop

void limit(int resource, rlim_t most) {
  const rlimit limits{.rlim_cur = most, .rlim_max = most};
  ::setrlimit(resource, &limits);
}

// What a rule's parser that went wild could ask for.
void limit_worker(const Load& load) {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
#ifndef __SANITIZE_ADDRESS__
  if (load.memory_max != 0) limit(RLIMIT_AS, load.memory_max);
#endif
}

sigset_t own_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

// The process of a generation, behind its fork.
class Crew {
 public:
  Crew(const Load& load, int listener, Tally& tally, size_t side)
      : load_(load), listener_(listener), tally_(tally), crew_(tally.crews[side]) {}

  std::string load() {
    for (const auto& files : load_.sets) {
      LoadedRules loaded = load_rules(files);
      if (!loaded.rules) return loaded.refused;
      sets_.emplace(rules_id(files), std::move(loaded.rules));
    }
    return {};
  }

  // Until it was told to retire and the last worker is gone.
  void keep() {
    for (size_t i = 0; i < workers(); ++i) hire(i);
    const sigset_t heard = own_signals();
    while (!retired_ || std::ranges::any_of(pids_, [](pid_t pid) { return pid != 0; })) {
      const int signal = retired_ ? ::sigtimedwait(&heard, nullptr, &kTellAgain) : ::sigwaitinfo(&heard, nullptr);
      if (signal == SIGTERM) retired_ = true;
      if (retired_) tell_all();
      while (bury()) {}
    }
  }

 private:
  size_t workers() const { return std::clamp<size_t>(load_.workers, 1, pids_.size()); }

  void hire(size_t number) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != own_) ::_exit(1);
      limit_worker(load_);
      work(listener_, sets_, tally_, crew_[number]);
    }
    pids_[number] = pid > 0 ? pid : 0;
    crew_[number].busy = false;
    crew_[number].pid = pids_[number];
  }

  void tell_all() {
    for (const pid_t pid : pids_)
      if (pid > 0) ::kill(pid, SIGTERM);
  }

  bool bury() {
    int how = 0;
    const pid_t pid = ::waitpid(-1, &how, WNOHANG);
    if (pid <= 0) return false;
    const auto found = std::ranges::find(pids_, pid);
    if (found == pids_.end()) return true;
    *found = 0;
    crew_[size_t(found - pids_.begin())].pid = 0;
    if (retired_ && WIFEXITED(how)) return true;
    note_death(pid, how);
    ::usleep(kPauseBehindDeath);
    if (!retired_) hire(size_t(found - pids_.begin()));
    return true;
  }

  void note_death(pid_t pid, int how) {
    const int signal = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    const bool late = signal == SIGPROF || signal == SIGALRM;
    ++(late ? tally_.late : tally_.died);
    if (late) return log::warning("worker {} was ended: an inspection took longer than time_max", pid);
    log::warning("worker {} ended by {} {}", pid, signal != 0 ? "signal" : "exit", signal != 0 ? signal : WEXITSTATUS(how));
  }

  const Load& load_;
  const int listener_;
  Tally& tally_;
  Tally::Crew& crew_;
  const pid_t own_ = ::getpid();
  RuleSets sets_;
  std::array<pid_t, Tally::kWorkersMax> pids_{};
  bool retired_ = false;
};

void say(int socket, std::string_view text) {
  (void)!::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
}

std::string hear(int socket) {
  std::array<char, 4096> text;
  const ssize_t size = ::recv(socket, text.data(), text.size(), 0);
  return {text.data(), size > 0 ? size_t(size) : 0};
}

[[noreturn]] void run(const Load& load, int listener, Tally& tally, size_t side, int socket) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const sigset_t heard = own_signals();
  ::sigprocmask(SIG_SETMASK, &heard, nullptr);
  Crew crew(load, listener, tally, side);
  const std::string refused = crew.load();
  say(socket, refused.empty() ? kLoaded : std::string_view(refused));
  if (!refused.empty() || hear(socket) != kBegin) ::_exit(1);
  crew.keep();
  ::_exit(0);
}

}  // namespace

Tally& Tally::make() {
  void* const memory = ::mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? *new Tally : *new (memory) Tally;
}

Result<Generation> Generation::start(const Load& load, int listener, Tally& tally, size_t side) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return fail_errno("make a pair of sockets");
  FileDescriptor ours(ends[0]), its(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("start a process");
  if (pid == 0) {
    ours.close();
    run(load, listener, tally, side, its.get());
  }
  return Generation{pid, side, std::move(ours)};
}

void Generation::begin() {
  say(socket.get(), kBegin);
}

void Generation::retire() {
  ::kill(pid, SIGTERM);
}

std::string loaded_or_why(int socket) {
  const std::string text = hear(socket);
  if (text == kLoaded) return {};
  return text.empty() ? "the process that loads the rules ended" : text;
}

}  // namespace cardea::l7::waf
