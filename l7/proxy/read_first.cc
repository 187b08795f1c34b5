#include "l7/proxy/read_first.h"

#include <cerrno>

namespace cardea::l7::proxy {

Task<IoResult> read_first(Arena&, Connection& c, Instant deadline) {
  for (;;) {
    const Wake came = co_await c.socket().readable(deadline);
    if (came != Wake::kReady) co_return IoResult{came == Wake::kTimeout ? IoStatus::kTimeout : IoStatus::kCancelled};
    c.input.buffer = c.shard().buffers().take_for_new();
    if (!c.input.buffer) co_return IoResult::failed(ENOMEM);
    const IoResult got = c.socket().try_read(c.input.room());
    c.input.end += got.bytes;
    if (!got.ok()) c.input.drop();
    if (got.status != IoStatus::kWouldBlock) co_return got;
  }
}

}  // namespace cardea::l7::proxy
