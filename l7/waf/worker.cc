#include "l7/waf/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "base/clock.h"
#include "base/file_descriptor.h"
#include "base/peer_credentials.h"
#include "l7/waf/inspect.h"
#include "l7/waf/message.h"

namespace cardea::l7::waf {
namespace {

constexpr std::chrono::seconds kPatience{1};               // with who asks, who has all of it in hand
constexpr timeval kPause{.tv_sec = kPatience.count(), .tv_usec = 0};
constexpr size_t kKept = 1 << 20;                          // of memory, between two questions
constexpr int kClockFactor = 20;                         // how much longer than its own time it may take by the clock

constexpr suseconds_t kGrace = 50'000;                   // microseconds for what nobody waits for any more

volatile sig_atomic_t told_to_end = 0;
volatile sig_atomic_t asker = -1;                        // the socket of whoever waits for what is being inspected
std::atomic<bool>* deserted = nullptr;                   // of this worker

void note_end(int) {
  told_to_end = 1;
}

timeval of_ms(uint64_t ms) {
  return {.tv_sec = time_t(ms / 1000), .tv_usec = suseconds_t(ms % 1000 * 1000)};
}

// What runs longer is killed: SIGPROF and SIGALRM have nobody here who would hear them.
void limit_time(uint32_t ms) {
  const itimerval own{.it_interval = {}, .it_value = of_ms(ms)};
  const itimerval clock{.it_interval = {}, .it_value = of_ms(uint64_t{ms} * kClockFactor)};
  ::setitimer(ITIMER_PROF, &own, nullptr);
  ::setitimer(ITIMER_REAL, &clock, nullptr);
}

// Whether a call that a signal has broken off is begun again: whoever ends us signals again and again.
bool goes_on(Instant until) {
  return errno == EINTR && monotonic_now() < until;
}

// Whether `size` bytes came.
bool read_all(int socket, char* into, size_t size) {
  const Instant until = monotonic_now() + kPatience;
  for (size_t at = 0; at < size;) {
    const ssize_t count = ::recv(socket, into + at, size - at, 0);
    if (count < 0 && goes_on(until)) continue;
    if (count <= 0) return false;
    at += size_t(count);
  }
  return true;
}

void write_all(int socket, std::string_view text) {
  const Instant until = monotonic_now() + kPatience;
  while (!text.empty()) {
    const ssize_t count = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (count < 0 && goes_on(until)) continue;
    if (count <= 0) return;
    text.remove_prefix(size_t(count));
  }
}

bool is_gone(int socket) {
  pollfd end{.fd = socket, .events = POLLRDHUP, .revents = 0};
  return ::poll(&end, 1, 0) > 0 && (end.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

// The engine cannot be told to stop: what is almost done may end, and behind that SIGALRM ends the worker.
void note_departure(int) {
  const int broken_off = errno;
  if (asker >= 0 && is_gone(asker)) {
    *deserted = true;
    const itimerval grace{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = kGrace}};
    ::setitimer(ITIMER_REAL, &grace, nullptr);
  }
  errno = broken_off;
}

// While it lives, it is heard when who asks leaves.
class Attention {
 public:
  explicit Attention(int socket) : socket_(socket), flags_(::fcntl(socket, F_GETFL)) {
    asker = socket;
    ::fcntl(socket, F_SETOWN, ::getpid());
    ::fcntl(socket, F_SETFL, flags_ | O_ASYNC);
    note_departure(SIGIO);  // who has left by now is not heard
  }
  Attention(const Attention&) = delete;
  ~Attention() {
    ::fcntl(socket_, F_SETFL, flags_);
    asker = -1;
    *deserted = false;
  }

 private:
  const int socket_, flags_;
};

Verdict answer(int socket, const RuleSets& sets, const Question& question) {
  const auto rules = sets.find(question.terms.rules);
  if (rules == sets.end()) return {.outcome = Outcome::kUnknownRules};
  limit_time(question.terms.time_max_ms);
  Verdict verdict;
  try {
    const Attention attention(socket);
    verdict = inspect(rules->second, question);
  } catch (...) {  // the library's, and want of memory
    verdict = {.outcome = Outcome::kFailed};
  }
  limit_time(0);
  return verdict;
}

void count(Tally& tally, const Verdict& verdict) {
  ++tally.inspected;
  tally.micros += verdict.micros;
  if (verdict.outcome == Outcome::kMatch) ++tally.matched;
}

void serve(int socket, const RuleSets& sets, Tally& tally, std::string& memory) {
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kPause, sizeof kPause);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kPause, sizeof kPause);
  std::array<char, kHeadBytes> bytes;
  if (!read_all(socket, bytes.data(), bytes.size())) return void(++tally.abandoned);
  const auto head = read_head({bytes.data(), bytes.size()}, kQuestionMax);
  if (!head || head->kind != Kind::kRequest) return;
  memory.resize(head->size);
  if (!read_all(socket, memory.data(), memory.size())) return;
  if (is_gone(socket)) return void(++tally.abandoned);
  const auto question = read_question(memory);
  if (!question) return;
  write_all(socket, begun());
  const Verdict verdict = answer(socket, sets, *question);
  count(tally, verdict);
  write_all(socket, write(verdict));
}

// A question for which there is no memory costs its asker an answer, not everybody a worker.
void serve_or_fail(int socket, const RuleSets& sets, Tally& tally, std::string& memory) {
  try {
    serve(socket, sets, tally, memory);
  } catch (...) {
    limit_time(0);
    std::string().swap(memory);
    write_all(socket, begun());
    write_all(socket, write(Verdict{.outcome = Outcome::kFailed}));
  }
}

bool may_ask(int socket, std::optional<uid_t> user) {
  const auto peer = peer_credentials(socket);
  return peer && is_own_or(*peer, user);
}

// The call that waits for a question has to be broken off by it.
void hear_signals() {
  struct sigaction action{};
  action.sa_handler = note_end;
  ::sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = note_departure;
  ::sigaction(SIGIO, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

void work(int listener, std::optional<uid_t> user, const RuleSets& sets, Tally& tally, Tally::Worker& own) {
  deserted = &own.deserted;
  hear_signals();
  std::string memory;
  while (!told_to_end) {
    const FileDescriptor socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) {
      if (errno != EINTR && errno != ECONNABORTED) ::usleep(10'000);
      continue;
    }
    if (!may_ask(socket.get(), user)) continue;
    own.busy = true;
    serve_or_fail(socket.get(), sets, tally, memory);
    own.busy = false;
    if (memory.capacity() > kKept) std::string().swap(memory);
  }
  ::_exit(0);
}

}  // namespace cardea::l7::waf
