// The server's half of TLS for a test: a self-made certificate for backend.test and a Serve function that answers one
// request through it.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>

#include "tests/unit/mgmt/health/loopback_server.h"

namespace cardea::mgmt::health {

inline std::shared_ptr<SSL_CTX> self_made_context() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>("backend.test");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());

  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  CHECK(SSL_CTX_use_certificate(context.get(), certificate) == 1);
  CHECK(SSL_CTX_use_PrivateKey(context.get(), key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

inline void write_certificate(SSL_CTX* context, const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "w");
  CHECK(file != nullptr && PEM_write_X509(file, SSL_CTX_get0_certificate(context)) == 1);
  std::fclose(file);
}

// `seen_name` gets the SNI of the last client.
inline LoopbackServer::Serve answer_over_tls(std::string text, std::string* seen_name,
                                             std::shared_ptr<SSL_CTX> context = self_made_context()) {
  return [context = std::move(context), text = std::move(text), seen_name](int fd) {
    sigset_t pipe;  // in this thread only: the checker has to look after itself
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    SSL* ssl = SSL_new(context.get());
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
      char request[4096];
      SSL_read(ssl, request, sizeof request);
      const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
      *seen_name = name != nullptr ? name : "";
      SSL_write(ssl, text.data(), int(text.size()));
      SSL_shutdown(ssl);
    }
    SSL_free(ssl);
  };
}

// Speaks, but says nothing: 200 key updates in place of an answer.
inline LoopbackServer::Serve flood_over_tls(std::shared_ptr<SSL_CTX> context = self_made_context()) {
  return [context = std::move(context)](int fd) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    SSL* ssl = SSL_new(context.get());
    SSL_set_fd(ssl, fd);
    char request[4096];
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof request) > 0)
      for (int i = 0; i < 200 && SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1; ++i)
        if (SSL_do_handshake(ssl) != 1) break;
    SSL_free(ssl);
  };
}

}  // namespace cardea::mgmt::health
