#include "l7/proxy/connection.h"

namespace cardea::l7::proxy {

Connection::Connection(Shard& shard, LiveService& service, Accepted accepted)
    : LiveConnection(shard, service),
      client_(accepted.peer),
      socket_(shard.loop(), std::move(accepted.socket), accepted.peer),
      arena_(shard.loop().chunks(), first_.data(), first_.size()),
      exchange_arena_(shard.loop().chunks()) {}

Connection::~Connection() {
  if (tls_) tls_->~TlsStream();
}

tls::TlsStream& Connection::start_tls(tls::ServerContext& context) {
  tls_ = arena_.make<tls::TlsStream>(context, socket_);
  return *tls_;
}

void Connection::leave() {
  if (phase != Phase::kBusy) stream().cancel();
}

}  // namespace cardea::l7::proxy
