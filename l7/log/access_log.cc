// The rings, the thread that empties them, and where it writes to.
#include "l7/log/access_log.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file_descriptor.h"
#include "base/log.h"
#include "l7/log/byte_ring.h"
#include "l7/log/datagrams.h"
#include "l7/log/log_file.h"

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;

constexpr auto kPause = 50ms;     // how long a line may wait for the writer
constexpr auto kLastWords = 1s;   // at the end, for a target that does not take them
constexpr size_t kTurnBytes = 64 * 1024;  // of one ring before the next one's turn

}  // namespace

struct AccessLog::State {
  explicit State(LogTarget of) : target(std::move(of)), datagrams(target) {}

  const LogTarget target;
  std::vector<std::unique_ptr<ByteRing>> rings;  // a shard each
  FileDescriptor bell{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<bool> stopping = false;
  std::atomic<uint64_t> lost = 0;

  std::mutex mutex;
  std::optional<LogFile> next;  // replaces `file` before its next write

  // The writer thread's own.
  LogFile file;
  Datagrams datagrams;        // in place of it, where the target is one of those
  std::string whole;          // a line that its ring has in two parts
  bool within_line = false;   // the last write ended before its line did
  int complained = 0;         // errno that was already told about
  std::thread thread;

  // What a target does with what it is offered.
  enum class Taken : uint8_t { kSome, kNotNow, kFailed };

  void run();
  void wait(std::chrono::milliseconds patience);
  bool empty_all(Instant deadline);
  bool write_turn(ByteRing& ring, Instant& deadline);
  bool await_target(Taken why, Instant& deadline);
  Taken write_some(ByteRing& ring);
  Taken send_some(ByteRing& ring);
  void rotate();
  void adopt_next();
  void complain(int error);
};

void AccessLog::State::adopt_next() {
  const std::lock_guard lock(mutex);
  if (!next) return;
  file = std::move(*next);
  next.reset();
  within_line = false;
  complained = 0;
}

void AccessLog::State::complain(int error) {
  if (std::exchange(complained, error) != error) log::warning("access log: {}", std::strerror(error));
}

void AccessLog::State::wait(std::chrono::milliseconds patience) {
  pollfd end{.fd = bell.get(), .events = POLLIN, .revents = 0};
  ::poll(&end, 1, int(patience.count()));
  uint64_t rings_of_the_bell;
  [[maybe_unused]] const ssize_t got = ::read(bell.get(), &rings_of_the_bell, sizeof rings_of_the_bell);
}

// A turn's share, up to the end of a line where there is one in it.
std::string_view whole_lines(std::string_view text) {
  if (text.size() <= kTurnBytes && text.ends_with('\n')) return text;
  const size_t end = text.rfind('\n', kTurnBytes - 1);
  return text.substr(0, end == text.npos ? kTurnBytes : end + 1);
}

void AccessLog::State::rotate() {
  if (auto done = file.rotate_if_due(); !done) log::warning("access log: {}", done.error().message);
}

AccessLog::State::Taken AccessLog::State::write_some(ByteRing& ring) {
  if (target.is_datagrams()) return send_some(ring);
  const std::string_view text = whole_lines(ring.front());
  const ssize_t written = file.write(text);
  if (written >= 0) {
    ring.take(uint64_t(written));
    if (written > 0) within_line = text[size_t(written) - 1] != '\n';
    if (!within_line) rotate();
    return Taken::kSome;
  }
  if (errno == EINTR) return Taken::kSome;
  if (errno == EAGAIN) return Taken::kNotNow;
  complain(errno);  // a full disk, say: what cannot be written waits in the ring, and then the shard drops
  return Taken::kFailed;
}

// A turn's share, a line at a time.
AccessLog::State::Taken AccessLog::State::send_some(ByteRing& ring) {
  for (size_t sent = 0; sent < kTurnBytes && ring.size() > 0;) {
    const std::string_view line = ring.line(whole);
    const Datagrams::Outcome outcome = datagrams.send(line.substr(0, line.size() - 1));
    if (outcome == Datagrams::Outcome::kNotNow) return Taken::kNotNow;
    if (outcome == Datagrams::Outcome::kFailed) return complain(datagrams.error()), Taken::kFailed;
    if (outcome != Datagrams::Outcome::kTaken) lost.fetch_add(1, std::memory_order_relaxed);
    if (outcome == Datagrams::Outcome::kEarlierLost) continue;
    sent += line.size();
    ring.take(line.size());
    complained = 0;
  }
  return Taken::kSome;
}

// The rest of a line whose beginning went to another file.
void skip_line(ByteRing& ring) {
  const std::string_view text = ring.front();
  const size_t end = text.find('\n');
  ring.take(end == text.npos ? text.size() : end + 1);
}

// False: the deadline passed. What failed says nothing of when it may be tried again.
bool AccessLog::State::await_target(Taken why, Instant& deadline) {
  if (monotonic_now() >= deadline) return false;
  pollfd end{.fd = target.is_datagrams() ? datagrams.fd() : file.fd(), .events = POLLOUT, .revents = 0};
  if (why == Taken::kNotNow) ::poll(&end, 1, int(kPause.count()));
  if (end.revents == 0 || (end.revents & POLLERR)) std::this_thread::sleep_for(kPause);
  if (stopping && deadline == Instant::max()) deadline = monotonic_now() + kLastWords;
  return true;
}

// One write's worth, and what it takes to end its last line.
bool AccessLog::State::write_turn(ByteRing& ring, Instant& deadline) {
  Taken wrote = Taken::kNotNow;
  while (ring.size() > 0 && (wrote != Taken::kSome || within_line)) {
    const bool cut = within_line;
    adopt_next();
    if (cut && !within_line) skip_line(ring);
    wrote = write_some(ring);
    if (wrote != Taken::kSome && !await_target(wrote, deadline)) return false;
  }
  return true;
}

// In turns: a ring that its shard fills as fast as it is emptied keeps nobody's lines waiting.
bool AccessLog::State::empty_all(Instant deadline) {
  for (bool more = true; more;) {
    more = false;
    for (const auto& ring : rings) {
      if (!write_turn(*ring, deadline)) return false;
      more |= ring->size() > 0;
    }
  }
  return true;
}

void AccessLog::State::run() {
  while (!stopping) {
    wait(kPause);
    adopt_next();
    empty_all(Instant::max());
  }
  if (!empty_all(monotonic_now() + kLastWords)) log::warning("access log: the last lines could not be written");
}

AccessLog::AccessLog(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->thread = std::thread([this] { state_->run(); });
}

AccessLog::~AccessLog() {
  state_->stopping = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t rung = ::write(state_->bell.get(), &one, sizeof one);
  state_->thread.join();
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(const LogTarget& target, uint32_t shards, uint32_t ring_bytes) {
  auto state = std::make_unique<State>(target);
  if (!target.is_datagrams()) {
    auto file = LogFile::open(target);
    if (!file) return std::unexpected(std::move(file.error()));
    state->file = std::move(*file);
  }
  if (!state->bell) return fail_errno("make the access log's bell");
  for (uint32_t i = 0; i < shards; ++i) state->rings.push_back(std::make_unique<ByteRing>(ring_bytes));
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(state)));
}

bool AccessLog::put(uint32_t shard, std::string_view line) {
  ByteRing& ring = *state_->rings[shard];
  const uint64_t half = ring.capacity() / 2, before = ring.size();
  if (!ring.put(line)) return false;
  if (before < half && before + line.size() >= half) {  // else the writer comes by itself in a moment
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t rung = ::write(state_->bell.get(), &one, sizeof one);
  }
  return true;
}

Result<> AccessLog::reopen() {
  if (state_->target.is_datagrams()) return {};
  auto file = LogFile::open(state_->target);
  if (!file) return std::unexpected(std::move(file.error()));
  const std::lock_guard lock(state_->mutex);
  state_->next = std::move(*file);
  return {};
}

uint64_t AccessLog::lost() const {
  return state_->lost.load(std::memory_order_relaxed);
}

}  // namespace cardea::l7
