#include "l7/runtime/close_after_delivery.h"

#include <algorithm>
#include <limits>

namespace cardea::l7 {
namespace {

constexpr std::chrono::milliseconds kLook{200};  // no event says that the last byte was acknowledged

// What nobody reads needs no memory of its own.
MutableBytes dropped_bytes() {
  static thread_local std::array<std::byte, 16 * 1024> dropped;
  return dropped;
}

struct Patience {
  Stream& stream;
  Pace pace;
  Instant latest;
  uint64_t bytes_left;  // that it may still send
  // Not later than now: no more.
  Instant deadline() { return std::min(latest, pace.wait(stream.loop().now(), stream.undelivered())); }
  bool over() { return deadline() <= stream.loop().now(); }
};

Task<IoStatus> finish_writing(Arena&, Patience& peer) {
  for (;;) {
    const IoResult shut = peer.stream.shutdown_write();
    if (shut.status != IoStatus::kWouldBlock) co_return shut.status;
    if (peer.over()) co_return IoStatus::kTimeout;
    const Wake wake = co_await peer.stream.writable(peer.deadline());
    if (wake == Wake::kCancelled) co_return IoStatus::kCancelled;
  }
}

// Until the peer closes.
Task<IoStatus> drop_what_comes(Arena&, Patience& peer) {
  for (;;) {
    if (peer.over()) co_return IoStatus::kTimeout;
    const IoResult read = co_await peer.stream.read(dropped_bytes(), peer.deadline());
    peer.pace.moved(read.bytes);
    if (read.bytes > peer.bytes_left) co_return IoStatus::kTimeout;
    peer.bytes_left -= read.bytes;
    if (!read.ok() && read.status != IoStatus::kTimeout) co_return read.status;
  }
}

// It closed its half, and reads what it was sent as slowly as it may.
Task<IoStatus> await_delivery(Arena&, Patience& peer) {
  Loop& loop = peer.stream.loop();
  while (peer.stream.undelivered() > kLeftToKernel) {
    if (peer.over()) co_return IoStatus::kTimeout;
    co_await loop.sleep_until(std::min(peer.deadline(), loop.now() + kLook));
  }
  co_return IoStatus::kEnd;
}

}  // namespace

Task<> close_after_delivery(Arena& arena, Stream& stream, PaceLimits limits, Instant latest) {
  return close_after_delivery(arena, stream, limits, latest, std::numeric_limits<uint64_t>::max());
}

Task<> close_after_delivery(Arena& arena, Stream& stream, PaceLimits limits, Instant latest, uint64_t bytes_max) {
  Patience peer{stream, Pace(limits), latest, bytes_max};
  IoStatus status = co_await finish_writing(arena, peer);
  if (status == IoStatus::kOk) status = co_await drop_what_comes(arena, peer);
  if (status == IoStatus::kEnd) status = co_await await_delivery(arena, peer);
  stream.close(status == IoStatus::kEnd ? Close::kOrderly : Close::kReset);
}

}  // namespace cardea::l7
