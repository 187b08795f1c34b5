#include "mgmt/health/probe.h"

#include <fmt/format.h>

#include <array>

#include "l7/http/final_dot.h"

namespace cardea::mgmt::health {
namespace {

using conf::HealthType;
using Kind = Progress::Kind;

Endpoint checked_address(const Endpoint& backend, const conf::HealthCheck& check) {
  return {backend.address, check.port.value_or(backend.port)};
}

// A Transfer that moved nothing, as the probe's own progress.
Progress stopped(const Transfer& transfer) {
  switch (transfer.kind) {
    case Transfer::Kind::kWantRead:
      return {Kind::kWaitReadable, {}};
    case Transfer::Kind::kWantWrite:
      return {Kind::kWaitWritable, {}};
    case Transfer::Kind::kOwnFailure:
      return {Kind::kOwnFailure, transfer.reason};
    case Transfer::Kind::kClosed:
      return {Kind::kFailed, "closed too early"};
    default:
      return {Kind::kFailed, transfer.reason};
  }
}

Progress judged(const HttpAnswer& answer) {
  if (answer.state() == HttpAnswer::State::kPassed) return {Kind::kPassed, {}};
  return {Kind::kFailed, answer.reason()};
}

// What the backend is called: by the check, by the pool it is in (which cardea-l7 speaks TLS to by that name), or not.
std::string name_of(const conf::HealthCheck& check, const PoolTls& pool) {
  if (!check.host.empty()) return check.host;
  return check.type == HealthType::kHttps ? pool.server_name : "";
}

std::string host_header(const Endpoint& address, const conf::HealthCheck& check, const PoolTls& pool) {
  if (const auto name = name_of(check, pool); !name.empty()) return name;
  const uint16_t standard = check.type == HealthType::kHttps ? 443 : 80;
  if (address.port != standard) return address.text();
  return address.address.is_v4() ? address.address.text() : fmt::format("[{}]", address.address.text());
}

// Of a connection that is carried for nobody.
std::string header_text(ProxyVersion version) {
  std::string room(kProxyHeaderMax, '\0');
  return std::string(write_proxy_header(room, version, {.local = true}));
}

}  // namespace

std::string request_text(const Endpoint& backend, const conf::HealthCheck& check, const PoolTls& pool) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: cardea-health\r\nAccept: */*\r\nConnection: close\r\n\r\n",
      check.path, host_header(checked_address(backend, check), check, pool));
}

Probe::Probe(const Endpoint& backend, const conf::HealthCheck& check, ProxyVersion proxy_header, const PoolTls& pool,
             TlsContexts& contexts)
    : address_(checked_address(backend, check)),
      check_(check),
      pool_(pool),
      contexts_(contexts),
      header_(check.port ? std::string() : header_text(proxy_header)),
      expectation_{check.expect, check.body} {
  if (check.type != HealthType::kTcp) request_ = request_text(backend, check, pool);
}

Progress Probe::start() {
  return connected(socket_.connect(address_));
}

Progress Probe::advance() {
  switch (phase_) {
    case Phase::kConnecting:
      return connected(socket_.finish_connect());
    case Phase::kAnnouncing:
      return announce();
    case Phase::kHandshake:
      return handshake();
    case Phase::kWriting:
      return write();
    case Phase::kReading:
      return read();
  }
  return {};
}

Progress Probe::connected(const Transfer& transfer) {
  if (transfer.kind != Transfer::Kind::kDone) return stopped(transfer);
  phase_ = Phase::kAnnouncing;
  return announce();
}

Progress Probe::announce() {
  while (announced_ < header_.size()) {
    const Transfer transfer = socket_.write(std::string_view(header_).substr(announced_));
    if (transfer.kind != Transfer::Kind::kDone) return stopped(transfer);
    announced_ += transfer.size;
  }
  return speak();
}

Progress Probe::speak() {
  if (check_.type == HealthType::kTcp) {
    socket_.close_by_reset();
    return {Kind::kPassed, {}};
  }
  if (check_.type == HealthType::kHttps) return begin_tls();
  phase_ = Phase::kWriting;
  return write();
}

Progress Probe::begin_tls() {
  const auto context = contexts_.get(check_.verify, pool_.authorities);
  if (!context) return {Kind::kOwnFailure, context.error().message};
  const auto name = name_of(check_, pool_);
  const std::string verified(l7::http::without_final_dot(name));
  auto session = TlsSession::start(*context, fd(), verified.empty() ? address_.address.text() : verified);
  if (!session) return {Kind::kOwnFailure, session.error().message};
  tls_ = std::move(*session);
  phase_ = Phase::kHandshake;
  return handshake();
}

Progress Probe::handshake() {
  const Transfer transfer = tls_->handshake();
  if (transfer.kind == Transfer::Kind::kClosed) return {Kind::kFailed, "tls: closed in the handshake"};
  if (transfer.kind != Transfer::Kind::kDone) return stopped(transfer);
  phase_ = Phase::kWriting;
  return write();
}

Progress Probe::write() {
  while (written_ < request_.size()) {
    const std::string_view rest = std::string_view(request_).substr(written_);
    const Transfer transfer = tls_ ? tls_->write(rest) : socket_.write(rest);
    if (transfer.kind != Transfer::Kind::kDone) return stopped(transfer);
    written_ += transfer.size;
  }
  phase_ = Phase::kReading;
  return read();
}

Progress Probe::read() {
  std::array<char, 16 << 10> buffer;
  while (true) {  // ends: HttpAnswer decides within 128 KB, whatever the server sends
    const Transfer transfer = tls_ ? tls_->read(buffer) : socket_.read(buffer);
    if (transfer.kind == Transfer::Kind::kClosed) {
      answer_.closed();
      return judged(answer_);
    }
    if (transfer.kind != Transfer::Kind::kDone) return stopped(transfer);
    if (answer_.feed({buffer.data(), transfer.size}) != HttpAnswer::State::kReading) return judged(answer_);
  }
}

std::string Probe::timeout_reason() const {
  const auto ms = check_.timeout.count();
  switch (phase_) {
    case Phase::kConnecting:
      return fmt::format("timeout after {} ms while connecting", ms);
    case Phase::kAnnouncing:
      return fmt::format("timeout after {} ms while sending the PROXY header", ms);
    case Phase::kHandshake:
      return fmt::format("timeout after {} ms in the TLS handshake", ms);
    default:
      return fmt::format("timeout after {} ms while waiting for the answer", ms);
  }
}

}  // namespace cardea::mgmt::health
