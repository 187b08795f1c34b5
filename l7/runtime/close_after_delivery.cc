#include "l7/runtime/stream.h"

namespace cardea::l7 {
namespace {

constexpr size_t kDroppedMax = 1024 * 1024;  // a peer that goes on sending after that will not listen either

Task<IoStatus> finish_writing(Arena&, Stream& stream, Instant deadline) {
  for (;;) {
    const IoResult shut = stream.shutdown_write();
    if (shut.status != IoStatus::kWouldBlock) co_return shut.status;
    const Wake wake = co_await stream.writable(deadline);
    if (wake == Wake::kTimeout) co_return IoStatus::kTimeout;
    if (wake == Wake::kCancelled) co_return IoStatus::kCancelled;
  }
}

}  // namespace

Task<> close_after_delivery(Arena& arena, Stream& stream, Instant deadline) {
  IoStatus status = co_await finish_writing(arena, stream, deadline);
  std::array<std::byte, 1024> dropped;
  for (size_t total = 0; status == IoStatus::kOk && total < kDroppedMax;) {
    const IoResult read = co_await stream.read(dropped, deadline);
    status = read.status;
    total += read.bytes;
  }
  stream.close(status == IoStatus::kEnd ? Close::kOrderly : Close::kReset);
}

}  // namespace cardea::l7
