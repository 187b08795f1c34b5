#include "l7/proxy/announce.h"

#include "l7/proxy/connection.h"

namespace cardea::l7::proxy {
namespace {

// What is spoken to the backend, where the client agreed on a protocol at all: requests of HTTP/2 go on as HTTP/1.1.
std::string_view spoken(Mode mode, std::string_view agreed) {
  return mode == Mode::kHttp && agreed == "h2" ? "http/1.1" : agreed;
}

}  // namespace

std::string_view announce(Arena& arena, ProxyVersion version, const Record& record, const Connection* connection) {
  if (version == ProxyVersion::kNone) return {};
  ProxyHeader header{.source = record.peer, .destination = record.listener};
  if (const Introduction* told = connection ? connection->introduction() : nullptr) {
    header.server_name = told->server_name;
    header.alpn = spoken(record.service->mode, told->alpn);
  }
  if (record.service->passes_tls()) header.server_name = record.host;
  if (const tls::TlsStream* tls = connection ? connection->tls() : nullptr) {
    header.server_name = tls->server_name();
    header.alpn = spoken(record.service->mode, tls->alpn());
    header.tls_version = tls->version();
    header.tls_cipher = tls->cipher();
  }
  return write_proxy_header({arena.characters(kProxyHeaderMax), kProxyHeaderMax}, version, header);
}

}  // namespace cardea::l7::proxy
