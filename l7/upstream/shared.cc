#include "l7/upstream/shared.h"

#include <algorithm>

#include "l7/runtime/spawn.h"

namespace cardea::l7::upstream {
namespace {

// Keeps the connection for the task that serves it.
struct Service {
  std::shared_ptr<Shared> of;
  Arena& arena() { return of->arena(); }
};

Task<> serve(Service& service) {
  Shared& shared = *service.of;
  co_await http2::run(shared.arena(), shared);
  shared.retire();
  shared.connection().stream().close(shared.flood.empty() ? Close::kOrderly : Close::kReset);
}

http2::Client::Limits limits_of(const PoolPlan& pool) {
  return {.head_bytes_max = pool.response_header_bytes_max, .stall = pool.response_timeout};
}

}  // namespace

Shared::Shared(std::unique_ptr<Connection> connection)
    : http2::Client(connection->backend->context.loop, connection->stream(), *connection->backend->context.buffers,
                    connection->tls_stream.has_value(), limits_of(*connection->backend->pool)),
      connection_(std::move(connection)),
      arena_(connection_->backend->context.loop.chunks()),
      idle_(*this),
      settled_(connection_->backend->context.loop) {}

Shared::~Shared() = default;

std::shared_ptr<Shared> Shared::start(std::unique_ptr<Connection> connection) {
  Loop& loop = connection->backend->context.loop;
  auto made = std::make_shared<Shared>(std::move(connection));
  spawn(loop, serve, std::make_unique<Service>(made));
  return made;
}

void Shared::changed_room() {
  settled_.ring();
  if (leaving || ended) retire();
}

void Shared::flooded() {
  Backend& backend = *connection_->backend;
  backend.count(backend.plan->rows.http2_floods);
}

void Shared::call_begun() {
  ++calls_held_;
  idle_.cancel();
}

void Shared::call_over() {
  if (--calls_held_ == 0) rest();
}

// Nobody calls. It stays within what may idle, for as long as it may.
void Shared::rest() {
  const Backend& backend = *connection_->backend;
  if (!leaving && (backend.gone || !connection_->keeps_place(backend.pool->idle_max))) retire();
  if (!ended && leaving) return session.terminate(NGHTTP2_NO_ERROR);
  if (!ended) backend.context.loop.arm(idle_, backend.now() + backend.pool->idle_timeout);
}

void Shared::expire(LoopTimer& timer) {
  static_cast<Idle&>(timer).of.retire();
}

void Shared::retire() {
  leaving = true;
  idle_.cancel();
  auto& list = connection_->backend->shared;
  const auto at = std::ranges::find(list, this, &std::shared_ptr<Shared>::get);
  if (at != list.end()) list.erase(at);  // its task keeps it
  if (idle() && !ended) session.terminate(NGHTTP2_NO_ERROR);
}

Call::Call(std::shared_ptr<Shared> of, Place its_place)
    : on(std::move(of)),
      plan(on->connection().plan),
      place(std::move(its_place)),
      stream(*on, *on->connection().backend->context.buffers, on->stream),
      began(on->stream.loop().now()) {
  on->call_begun();
}

Call::~Call() {
  stream.give_up();
  on->call_over();
}

}  // namespace cardea::l7::upstream
