// Idle connections of a backend: a stack, so that those few that suffice stay warm and the others grow old at its
// bottom, where one timer a backend finds them. Putting one there and taking it again costs neither an allocation nor
// a system call.
#include <algorithm>

#include "l7/upstream/connection.h"

namespace cardea::l7::upstream {

bool Backend::takes_back(Connection& connection) const {
  return !connection.own && !gone && plan->serves() && connection.is_of_now() && connection.keeps_place(pool->idle_max);
}

bool Backend::give_up_oldest(const BackendCounts& counts) {
  if (idle.empty() || idle.front()->host_counts.get() != &counts) return false;
  idle.front()->counted_kept = false;
  idle.erase(idle.begin());
  return true;
}

void Backend::put_idle(std::unique_ptr<Connection> connection) {
  connection->idle_since = now();
  connection->watch();
  idle.push_back(std::move(connection));
  if (!armed()) context.loop.arm(*this, now() + pool->idle_timeout);
}

std::unique_ptr<Connection> Backend::take_idle(std::string_view host, Proof proof) {
  for (size_t at = idle.size(); at-- > 0;) {
    if (idle[at]->host != host) continue;
    std::unique_ptr<Connection> taken = std::move(idle[at]);
    idle.erase(idle.begin() + static_cast<ptrdiff_t>(at));
    taken->unwatch();
    if (taken->silent(proof)) return taken;
  }
  return nullptr;
}

void Backend::drop_idle(Connection& connection) {
  const auto at = std::ranges::find(idle, &connection, &std::unique_ptr<Connection>::get);
  if (at != idle.end()) idle.erase(at);
}

void Backend::close_idle() {
  idle.clear();
  end_shared();
  LoopTimer::cancel();
}

// The timer is set for the one that was oldest then; reuse leaves it as it is.
void Backend::expire_idle(LoopTimer& timer) {
  auto& backend = static_cast<Backend&>(timer);
  const Instant now = backend.now();
  const auto fresh = std::ranges::find_if(
      backend.idle, [&](const auto& it) { return it->idle_since + backend.pool->idle_timeout > now; });
  backend.idle.erase(backend.idle.begin(), fresh);
  if (backend.idle.empty()) return;
  backend.context.loop.arm(backend, backend.idle.front()->idle_since + backend.pool->idle_timeout);
}

}  // namespace cardea::l7::upstream
