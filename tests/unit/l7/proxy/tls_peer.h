// A client that speaks TLS, or a backend, in a test's hands as a Peer is.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "l7/runtime/kernel_stream.h"
#include "l7/tls/tls_stream.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {

class TlsPeer {
 public:
  // Shakes hands at once: done(). `ahead`: what it sends before TLS.
  TlsPeer(Site& site, tls::ClientContext& context, const std::string& server_name, tls::SessionSlot* session = nullptr,
          const char* service = "secure", std::string_view ahead = {});
  // A backend that the proxy has connected to.
  TlsPeer(Site& site, tls::ServerContext& context, Peer accepted);
  ~TlsPeer();

  const tls::Handshake& done() const { return done_; }
  tls::TlsStream& stream() { return *stream_; }
  void send(std::string_view text);
  std::string until(std::string_view text);
  std::string take(size_t bytes);
  std::string message();  // a head and its Content-Length
  // What came up to the end, and how that was: kEnd with error 0 behind a close_notify.
  std::string rest(IoResult& end);
  void send_below(std::string_view bytes);  // as they are, past TLS
  void cut();  // closes the socket without a close_notify
  void finish_unannounced();  // ends its half without a close_notify

 private:
  void shake();
  bool pull();

  Loop& loop_;
  Arena arena_;
  std::unique_ptr<KernelStream> tcp_;
  std::unique_ptr<tls::TlsStream> stream_;
  tls::Handshake done_{tls::Failure::kOther, "never finished"};
  std::string got_;
  IoResult last_;
};

}  // namespace cardea::l7::proxy::test
