#include "mgmt/health/probe_tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cerrno>

#include "base/ip.h"

namespace cardea::mgmt::health {
namespace {

using Kind = Transfer::Kind;

std::string first_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "failed";
}

}  // namespace

Result<TlsContexts::Context> TlsContexts::make(bool verify, const std::string& authorities) {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fail(fmt::format("make a TLS context: {}", first_error()));
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_quiet_shutdown(context.get(), 1);
  SSL_CTX_set_verify(context.get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (verify && authorities.empty()) SSL_CTX_set_default_verify_paths(context.get());
  if (verify && !authorities.empty() && SSL_CTX_load_verify_file(context.get(), authorities.c_str()) != 1)
    return fail(fmt::format("read the authorities in {}: {}", authorities, first_error()));
  return context;
}

Result<SSL_CTX*> TlsContexts::get(bool verify, const std::string& authorities) {
  if (!verify) {
    if (!unverified_) {
      auto made = make(false, {});
      if (!made) return std::unexpected(std::move(made.error()));
      unverified_ = std::move(*made);
    }
    return unverified_.get();
  }
  std::error_code unreadable;  // make() says why
  const Version version = authorities.empty() ? Version() : std::filesystem::last_write_time(authorities, unreadable);
  Verified& verified = verified_[authorities];
  if (!verified.context || verified.version != version) {
    auto made = make(true, authorities);
    if (!made) return std::unexpected(std::move(made.error()));
    verified = {std::move(*made), version};
  }
  return verified.context.get();
}

Result<TlsSession> TlsSession::start(SSL_CTX* context, int fd, const std::string& name) {
  TlsSession session(SSL_new(context));
  SSL* ssl = session.ssl_.get();
  if (ssl == nullptr || SSL_set_fd(ssl, fd) != 1) return fail(fmt::format("make a TLS session: {}", first_error()));
  if (IpAddress::parse(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, name.c_str());
    SSL_set1_host(ssl, name.c_str());
  }
  SSL_set_connect_state(ssl);
  SSL_set_msg_callback(ssl, Quiet::note);
  SSL_set_msg_callback_arg(ssl, session.quiet_.get());
  return session;
}

// As l7/tls/tls_stream.cc: OpenSSL cannot be left from here, and what it takes for the peer's end makes it return.
void TlsSession::Quiet::note(int sent, int, int content, const void*, size_t, SSL* ssl, void* self) {
  auto& quiet = *static_cast<Quiet*>(self);
  if (sent != 0 || !quiet.established) return;
  if (content == SSL3_RT_HEADER) quiet.records++;
  if (content == SSL3_RT_HANDSHAKE) quiet.messages++;
  if (quiet.too_much()) SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

Transfer TlsSession::handshake() {
  ERR_clear_error();
  const int returned = SSL_do_handshake(ssl_.get());
  quiet_->established = returned == 1;
  return outcome(returned);
}

Transfer TlsSession::read(std::span<char> into) {
  ERR_clear_error();
  const int returned = SSL_read(ssl_.get(), into.data(), int(into.size()));
  if (quiet_->too_much()) return {.kind = Kind::kFailed, .reason = "tls: more than 32 records without data"};
  if (returned > 0) quiet_->records = quiet_->messages = 0;
  return outcome(returned);
}

Transfer TlsSession::write(std::string_view bytes) {
  ERR_clear_error();
  return outcome(SSL_write(ssl_.get(), bytes.data(), int(bytes.size())));
}

Transfer TlsSession::outcome(int returned) {
  if (returned > 0) return {.size = size_t(returned)};
  const int error_number = errno;
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return {.kind = Kind::kWantRead};
    case SSL_ERROR_WANT_WRITE:
      return {.kind = Kind::kWantWrite};
    case SSL_ERROR_ZERO_RETURN:
      return {.kind = Kind::kClosed};
    case SSL_ERROR_SYSCALL:
      if (error_number != 0) return transfer_failure(error_number);
      return {.kind = Kind::kClosed};
    default:
      break;
  }
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK && (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0)
    return {.kind = Kind::kFailed, .reason = fmt::format("tls: {}", X509_verify_cert_error_string(verified))};
  return {.kind = Kind::kFailed, .reason = fmt::format("tls: {}", first_error())};
}

}  // namespace cardea::mgmt::health
