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
#include <charconv>
#include <chrono>
#include <cstring>
#include <new>

#include "base/clock.h"
#include "base/log.h"
#include "l7/waf/message.h"
#include "l7/waf/worker.h"

namespace cardea::l7::waf {
namespace {

constexpr std::string_view kLoaded = "loaded", kBegin = "begin";
constexpr timespec kTellAgain{.tv_sec = 0, .tv_nsec = 50'000'000}, kRound{.tv_sec = 1, .tv_nsec = 0};
constexpr std::chrono::seconds kSayAgain{1};     // clients choose how many workers end
constexpr size_t kWordMax = 128 << 10;
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
    for (const auto& files : load_.sets)
      if (std::string why = load_set(files); !why.empty()) return why;
    for (const auto& files : load_.kept) (void)load_set(files);
    return {};
  }

  // What tells that they are loaded: the word, and their ids.
  std::string loaded() const {
    std::string text(kLoaded);
    for (const auto& [id, rules] : sets_) text += fmt::format(" {:x}", id);
    return text;
  }

  // Until it was told to retire and the last worker is gone.
  void keep() {
    hire_missing();
    const sigset_t heard = own_signals();
    while (!retired_ || std::ranges::any_of(pids_, [](pid_t pid) { return pid != 0; })) {
      if (::sigtimedwait(&heard, nullptr, retired_ ? &kTellAgain : &kRound) == SIGTERM) retired_ = true;
      if (retired_) tell_all();
      if (bury_all() != 0) ::usleep(kPauseBehindDeath);
      if (!retired_) hire_missing();
      if (monotonic_now() - said_ >= kSayAgain) say_deaths();
    }
    say_deaths();
  }

 private:
  size_t workers() const { return std::clamp<size_t>(load_.workers, 1, pids_.size()); }

  std::string load_set(const std::vector<std::string>& files) {
    const uint64_t id = rules_id(files);
    if (sets_.contains(id)) return {};
    LoadedRules loaded = load_rules(files);
    if (!loaded.rules) return loaded.refused.empty() ? "not loaded, and the engine does not say why" : loaded.refused;
    sets_.emplace(id, std::move(loaded.rules));
    return {};
  }

  // A place for which there is no process now is tried again in the next round.
  void hire_missing() {
    size_t missing = 0;
    for (size_t i = 0; i < workers(); ++i)
      if (pids_[i] == 0) missing += !hire(i);
    if (missing > missing_) log::warning("{} of {} workers cannot be started: {}", missing, workers(), std::strerror(errno));
    missing_ = missing;
  }

  bool hire(size_t number) {
    crew_[number].busy = crew_[number].deserted = false;  // before it can say otherwise
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != own_) ::_exit(1);
      limit_worker(load_);
      work(listener_, load_.asker, sets_, tally_, crew_[number]);
    }
    pids_[number] = pid > 0 ? pid : 0;
    crew_[number].pid = pids_[number];
    return pid > 0;
  }

  void tell_all() {
    for (const pid_t pid : pids_)
      if (pid > 0) ::kill(pid, SIGTERM);
  }

  // How many had not been told to end.
  size_t bury_all() {
    size_t deaths = 0;
    int how = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &how, WNOHANG)) > 0;) {
      const auto found = std::ranges::find(pids_, pid);
      if (found == pids_.end()) continue;
      *found = 0;
      Tally::Worker& worker = crew_[size_t(found - pids_.begin())];
      worker.pid = 0;
      if (retired_ && WIFEXITED(how)) continue;
      note_death(how, worker.deserted);
      ++deaths;
    }
    return deaths;
  }

  void note_death(int how, bool deserted) {
    const int signal = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    const bool by_time = signal == SIGPROF || signal == SIGALRM;
    ++(!by_time ? tally_.died : deserted ? tally_.deserted : tally_.late);
    ++(!by_time ? died_ : deserted ? deserted_ : late_);
    if (!by_time) how_ = how;
  }

  // One line for all of a second.
  void say_deaths() {
    if (late_ + deserted_ + died_ == 0) return;
    said_ = monotonic_now();
    if (late_ != 0) log::warning("{} inspections took longer than time_max: their workers were ended", late_);
    if (deserted_ != 0) log::warning("{} inspections were ended with their workers: nobody waited for them any more", deserted_);
    if (died_ != 0)
      log::warning("{} workers have ended, the last of them by {} {}", died_, WIFSIGNALED(how_) ? "signal" : "exit",
                   WIFSIGNALED(how_) ? WTERMSIG(how_) : WEXITSTATUS(how_));
    late_ = deserted_ = died_ = 0;
  }

  const Load& load_;
  const int listener_;
  Tally& tally_;
  Tally::Crew& crew_;
  const pid_t own_ = ::getpid();
  RuleSets sets_;
  std::array<pid_t, Tally::kWorkersMax> pids_{};
  size_t missing_ = 0;             // that could not be started in the last round
  uint64_t late_ = 0, deserted_ = 0, died_ = 0;  // workers that ended, of which no line tells yet
  int how_ = 0;                    // of the last that died
  Instant said_{};
  bool retired_ = false;
};

void say(int socket, std::string_view text) {
  (void)!::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
}

std::string hear(int socket) {
  std::string text(kWordMax, '\0');
  const ssize_t size = ::recv(socket, text.data(), text.size(), 0);
  text.resize(size > 0 ? size_t(size) : 0);
  return text;
}

// A worker that a client has taken over finds nothing here but where questions come: not the socket that rules are told
// by, nor who is connected there.
void close_others(int one, int other) {
  const auto [first, second] = std::minmax(one, other);
  ::close_range(STDERR_FILENO + 1, unsigned(first) - 1, 0);
  if (second > first + 1) ::close_range(unsigned(first) + 1, unsigned(second) - 1, 0);
  ::close_range(unsigned(second) + 1, ~0U, 0);
}

[[noreturn]] void run(const Load& load, int listener, Tally& tally, size_t side, int socket) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  close_others(listener, socket);
  const sigset_t heard = own_signals();
  ::sigprocmask(SIG_SETMASK, &heard, nullptr);
  Crew crew(load, listener, tally, side);
  const std::string refused = crew.load();
  say(socket, refused.empty() ? crew.loaded() : refused.substr(0, 4096));
  if (!refused.empty() || hear(socket) != kBegin) ::_exit(1);
  ::close(socket);
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

Loaded loaded_by(int socket) {
  const std::string text = hear(socket);
  if (!text.starts_with(kLoaded)) return {.refused = text.empty() ? "the process that loads the rules ended" : text, .ids = {}};
  Loaded loaded;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data() + kLoaded.size(); at < end;) {
    uint64_t id = 0;
    at = std::from_chars(at + 1, end, id, 16).ptr;
    loaded.ids.push_back(id);
  }
  return loaded;
}

}  // namespace cardea::l7::waf
