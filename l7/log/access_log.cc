// The rings, the thread that empties them, and where it writes to.
#include "l7/log/access_log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file_descriptor.h"
#include "base/log.h"
#include "l7/log/byte_ring.h"

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;

constexpr auto kPause = 50ms;     // how long a line may wait for the writer
constexpr auto kLastWords = 1s;   // at the end, for a target that does not take them
constexpr size_t kTurnBytes = 64 * 1024;  // of one ring before the next one's turn

// A FIFO is opened for reading too, so that it may be opened before its reader and outlives each of them.
Result<FileDescriptor> open_target(const std::string& target) {
  if (target.empty()) return FileDescriptor();
  if (target == "stderr") return FileDescriptor(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  struct stat found {};
  const bool fifo = ::stat(target.c_str(), &found) == 0 && S_ISFIFO(found.st_mode);
  const int flags = fifo ? O_RDWR | O_NONBLOCK : O_WRONLY | O_APPEND | O_CREAT;
  FileDescriptor file(::open(target.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0640));
  if (!file) return fail_errno("open the access log " + target);
  return file;
}

}  // namespace

struct AccessLog::State {
  std::vector<std::unique_ptr<ByteRing>> rings;  // a shard each
  FileDescriptor bell{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<bool> enabled = false, stopping = false;

  std::mutex mutex;
  FileDescriptor next;        // replaces `file` before its next write
  bool next_is_set = false;

  // The writer thread's own.
  FileDescriptor file;
  bool within_line = false;   // the last write ended before its line did
  int complained = 0;         // errno that was already told about
  std::thread thread;

  void run();
  void wait(std::chrono::milliseconds patience);
  bool empty_all(Instant deadline);
  bool write_turn(ByteRing& ring, Instant& deadline);
  bool await_target(Instant& deadline);
  bool write_some(ByteRing& ring);
  void adopt_next();
  void complain(int error);
};

void AccessLog::State::adopt_next() {
  const std::lock_guard lock(mutex);
  if (!next_is_set) return;
  file = std::move(next);
  next_is_set = within_line = false;
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

// False: the target takes nothing now.
bool AccessLog::State::write_some(ByteRing& ring) {
  const std::string_view text = whole_lines(ring.front());
  if (!file) return ring.take(text.size()), true;
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written >= 0) {
    ring.take(uint64_t(written));
    if (written > 0) within_line = text[size_t(written) - 1] != '\n';
    return true;
  }
  if (errno == EINTR) return true;
  if (errno == EAGAIN) return false;
  complain(errno);  // a full disk, say: what cannot be written waits in the ring, and then the shard drops
  return false;
}

// The rest of a line whose beginning went to another file.
void skip_line(ByteRing& ring) {
  const std::string_view text = ring.front();
  const size_t end = text.find('\n');
  ring.take(end == text.npos ? text.size() : end + 1);
}

// False: the deadline passed.
bool AccessLog::State::await_target(Instant& deadline) {
  if (monotonic_now() >= deadline) return false;
  pollfd end{.fd = file.get(), .events = POLLOUT, .revents = 0};
  ::poll(&end, 1, int(kPause.count()));
  if (end.revents == 0 || (end.revents & POLLERR)) std::this_thread::sleep_for(kPause);
  if (stopping && deadline == Instant::max()) deadline = monotonic_now() + kLastWords;
  return true;
}

// One write's worth, and what it takes to end its last line.
bool AccessLog::State::write_turn(ByteRing& ring, Instant& deadline) {
  bool wrote = false;
  while (ring.size() > 0 && (!wrote || within_line)) {
    const bool cut = within_line;
    adopt_next();
    if (cut && !within_line) skip_line(ring);
    wrote = write_some(ring);
    if (!wrote && !await_target(deadline)) return false;
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

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& target, uint32_t shards, uint32_t ring_bytes) {
  auto file = open_target(target);
  if (!file) return std::unexpected(std::move(file.error()));
  auto state = std::make_unique<State>();
  if (!state->bell) return fail_errno("make the access log's bell");
  for (uint32_t i = 0; i < shards; ++i) state->rings.push_back(std::make_unique<ByteRing>(ring_bytes));
  state->enabled = bool(*file);
  state->file = std::move(*file);
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(state)));
}

bool AccessLog::put(uint32_t shard, std::string_view line) {
  if (!enabled()) return true;
  ByteRing& ring = *state_->rings[shard];
  const uint64_t half = ring.capacity() / 2, before = ring.size();
  if (!ring.put(line)) return false;
  if (before < half && before + line.size() >= half) {  // else the writer comes by itself in a moment
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t rung = ::write(state_->bell.get(), &one, sizeof one);
  }
  return true;
}

Result<> AccessLog::reopen(const std::string& target) {
  auto file = open_target(target);
  if (!file) return std::unexpected(std::move(file.error()));
  const std::lock_guard lock(state_->mutex);
  state_->enabled = bool(*file);
  state_->next = std::move(*file);
  state_->next_is_set = true;
  return {};
}

bool AccessLog::enabled() const {
  return state_->enabled.load(std::memory_order_relaxed);
}

}  // namespace cardea::l7
