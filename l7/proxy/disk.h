// What a disk may keep waiting: at once where the kernel has it in memory, else by one of the threads beside the shards
// (runtime/offload.h).
#pragma once

#include <cerrno>
#include <expected>
#include <utility>

#include "l7/files/open.h"
#include "l7/proxy/exchange.h"
#include "l7/runtime/offload.h"

namespace cardea::l7::proxy {

template <typename T>
using OrErrno = std::expected<T, int>;

bool is_absent(int error);
Failure failure_of_disk(Exchange& x, int error);

// At once where that needs no disk; else elsewhere. EBUSY: too many wait there already; whoever has a part of the
// answer waits for their end.
template <typename Try>
Task<decltype(std::declval<Try>()(files::Wait::kNo))> without_waiting(Exchange& x, Try attempt) {
  auto result = attempt(files::Wait::kNo);
  if (result || result.error() != EAGAIN) co_return result;
  count(x.shard(), x.shard().shared().rows.file_waits);
  auto wait = [&] { result = attempt(files::Wait::kYes); };
  for (;;) {
    const bool done = co_await x.shard().shared().offload->run(x.loop(), wait);
    if (done) co_return result;
    if (!x.answer.sent) break;
    co_await x.loop().sleep_until(x.now() + Buffers::kShortagePause);
  }
  count(x.shard(), x.shard().shared().rows.files_refused);
  co_return std::unexpected(EBUSY);
}

}  // namespace cardea::l7::proxy
