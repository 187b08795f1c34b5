#include "l7/proxy/wait_for_buffer.h"

#include "l7/proxy/exchange.h"

namespace cardea::l7::proxy {

Task<Failure> wait_for_buffer(Exchange& x, size_t bytes, Buffer& buffer) {
  for (bool waited = false;; waited = true) {
    buffer = x.shard().buffers().take(bytes);
    if (buffer) co_return Failure{};
    if (!x.answer.sent) co_return failure(Reason::kMemory);
    if (!waited) count(x.shard(), x.shard().shared().rows.memory_waits);
    co_await x.loop().sleep_until(x.now() + Buffers::kShortagePause);
    if (x.client_gone) co_return failure(Reason::kClientClosed);
  }
}

}  // namespace cardea::l7::proxy
