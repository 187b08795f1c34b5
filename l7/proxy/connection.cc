#include "l7/proxy/connection.h"

#include <endian.h>

#include "base/stats.h"

namespace cardea::l7::proxy {

struct Connection::Own final : upstream::OwnConnections {
  explicit Own(Connection& its) : of(its) {}
  void end_client() override { of.end_idle(); }
  Connection& of;
};

Connection::Connection(Shard& shard, LiveService& service, Accepted accepted, Sources::Place place)
    : LiveConnection(shard, service),
      late(service.gone),
      place_(std::move(place)),
      client_(accepted.peer),
      socket_(shard.loop(), std::move(accepted.socket), accepted.peer, accepted.local),
      arena_(shard.loop().chunks(), first_.data(), first_.size()),
      exchange_arena_(shard.loop().chunks()) {}

Connection::~Connection() = default;

tls::TlsStream& Connection::start_tls(tls::ServerContext& context) {
  tls_ = std::make_unique<tls::TlsStream>(context, socket_);
  return *tls_;
}

void Connection::leave() {
  if (occupant) return occupant->leave();
  end_idle();
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
