#include "l7/proxy/connection.h"

#include <endian.h>

#include <utility>

#include "base/stats.h"

namespace cardea::l7::proxy {

struct Connection::Own final : upstream::OwnConnections {
  explicit Own(Connection& its) : of(its) {}
  void end_client() override { of.end_idle(); }
  Connection& of;
};

Connection::Connection(Shard& shard, LiveService& service, door::Arrived arrived, Sources::Place place)
    : LiveConnection(shard, service),
      late(service.gone),
      place_(std::move(place)),
      client_(arrived.peer),
      transport_(shard.loop(), std::move(arrived)),
      arena_(shard.loop().chunks(), first_.data(), first_.size()),
      exchange_arena_(shard.loop().chunks()) {}

Connection::~Connection() = default;

tls::TlsStream& Connection::start_tls(tls::ServerContext& context) {
  if (!input.empty()) ahead_ = std::make_unique<AheadStream>(socket(), std::exchange(input, {}));
  tls_ = std::make_unique<tls::TlsStream>(context, ahead_ ? static_cast<Stream&>(*ahead_) : socket());
  return *tls_;
}

bool Connection::introduce(const ProxyHeader& header) {
  if (header.local) return true;
  client_ = header.source;
  introduction_ = std::make_unique<Introduction>(
      header.destination, std::string(header.server_name), std::string(header.alpn));
  const ServicePlan& plan = *service().now().plan;
  if (!keep_connection_limits(shard(), service(), client_.address, counted_keys, false)) return false;
  if (plan.source_connections_max == 0) return true;
  place_ = shard().shared().sources->enter(plan.name, client_.address, plan.source_connections_max);
  if (!place_) stats::add(shard().cells() + plan.rows.source_refused, 1);
  return bool(place_);
}

void Connection::leave() {
  if (occupant) return occupant->leave();
  if (!shard().passed_on()) end_idle();
}

void Connection::end_idle() {
  if (idle) stream().cancel(Direction::kRead);
}

upstream::Backend* Connection::own_backend(const upstream::Pool& pool, std::string_view host) {
  return own_ ? own_->backend_for(pool, host) : nullptr;
}

upstream::Lease Connection::take_own(const upstream::Backend& backend, std::string_view host) {
  return own_ ? own_->take(backend, host) : upstream::Lease();
}

void Connection::keep_own(upstream::Lease lease) {
  if (!own_) own_ = std::make_unique<Own>(*this);
  if (!own_->keep(std::move(lease))) stats::add(shard().cells() + shard().shared().rows.own_replaced, 1);
}

}  // namespace cardea::l7::proxy
