// One check of one backend, from connect to judgement, as a state machine that never blocks: the checker calls
// advance() whenever the descriptor is ready for what it waits for, and gives up at the deadline. A backend that expects
// the PROXY protocol gets a header that speaks for nobody. TCP checks end with the connection; HTTP and HTTPS ones write
// one request and read the answer as far as it takes to decide.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/ip.h"
#include "conf/config.h"
#include "mgmt/health/http_answer.h"
#include "mgmt/health/probe_socket.h"
#include "mgmt/health/probe_tls.h"

namespace cardea::mgmt::health {

struct Progress {
  enum class Kind : uint8_t { kWaitReadable, kWaitWritable, kPassed, kFailed, kOwnFailure };
  Kind kind = Kind::kPassed;
  std::string reason;  // of both failures

  bool over() const { return kind != Kind::kWaitReadable && kind != Kind::kWaitWritable; }
};

class Probe {
 public:
  // `check`, `pool` and `contexts` have to outlive the probe. `proxy_header`: that the backend expects on its own port.
  Probe(const Endpoint& backend, const conf::HealthCheck& check, ProxyVersion proxy_header, const PoolTls& pool,
        TlsContexts& contexts);
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  Progress start();                    // connects
  Progress advance();                  // the descriptor is ready
  std::string timeout_reason() const;  // what it was doing when its time was up

  int fd() const { return socket_.fd(); }

 private:
  enum class Phase : uint8_t { kConnecting, kAnnouncing, kHandshake, kWriting, kReading };

  Progress connected(const Transfer& transfer);
  Progress announce();
  Progress speak();
  Progress begin_tls();
  Progress handshake();
  Progress write();
  Progress read();

  const Endpoint address_;
  const conf::HealthCheck& check_;
  const PoolTls& pool_;
  TlsContexts& contexts_;
  Phase phase_ = Phase::kConnecting;
  ProbeSocket socket_;
  std::optional<TlsSession> tls_;
  std::string header_;  // of the PROXY protocol
  size_t announced_ = 0;
  std::string request_;
  size_t written_ = 0;
  Expectation expectation_;
  HttpAnswer answer_{expectation_};
};

// The request of an HTTP or HTTPS check.
std::string request_text(const Endpoint& backend, const conf::HealthCheck& check, const PoolTls& pool = {});

}  // namespace cardea::mgmt::health
