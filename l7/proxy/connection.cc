#include "l7/proxy/connection.h"

#include <endian.h>

#include "l7/proxy/tunnel.h"

namespace cardea::l7::proxy {

Connection::Connection(Shard& shard, LiveService& service, Accepted accepted, Sources::Place place)
    : LiveConnection(shard, service),
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
  if (tunnel) return tunnel->begin_last_while();
  if (idle) stream().cancel(Direction::kRead);
}

uint64_t Connection::flow_hash(HashKey key) const {
  const Endpoint at = listener();
  return cardea::flow_hash(key, {.source = client_.address,
                                 .destination = at.address,
                                 .source_port_be = htobe16(client_.port),
                                 .destination_port_be = htobe16(at.port)});
}

}  // namespace cardea::l7::proxy
