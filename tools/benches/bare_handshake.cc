// The floor under every TLS server on this machine: OpenSSL alone, client and server in one process with memory between
// them, no sockets, no events. Only the server's side is timed: making its SSL, its part of the handshake with one ticket,
// and freeing it. TLS 1.3, X25519, the key it is given; everything else as OpenSSL has it by default.
//   bare_handshake FILE.pem SECONDS [--resume]   prints {"done", "seconds", "cpu"}
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/check.h"

namespace {

struct Free {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using Context = std::unique_ptr<SSL_CTX, Free>;
using Ssl = std::unique_ptr<SSL, Free>;
using Session = std::unique_ptr<SSL_SESSION, Free>;

double now(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return double(at.tv_sec) + double(at.tv_nsec) / 1e9;
}

Session newest;

int keep_session(SSL*, SSL_SESSION* session) {
  newest.reset(SSL_SESSION_dup(session));
  return 0;
}

Context make_context(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method));
  CHECK(SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1);
  CHECK(SSL_CTX_set1_groups_list(context.get(), "X25519") == 1);
  return context;
}

Context make_server(const char* pem) {
  Context server = make_context(TLS_server_method());
  CHECK(SSL_CTX_use_certificate_chain_file(server.get(), pem) == 1, "the file has no certificate");
  CHECK(SSL_CTX_use_PrivateKey_file(server.get(), pem, SSL_FILETYPE_PEM) == 1, "the file has no key");
  SSL_CTX_set_session_cache_mode(server.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(server.get(), 1);
  return server;
}

Context make_client() {
  Context client = make_context(TLS_client_method());
  SSL_CTX_set_session_cache_mode(client.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(client.get(), keep_session);
  return client;
}

void join(SSL* client, SSL* server) {
  BIO *one = nullptr, *other = nullptr;
  CHECK(BIO_new_bio_pair(&one, 0, &other, 0) == 1);
  SSL_set_bio(client, one, one);
  SSL_set_bio(server, other, other);
}

// Seconds of CPU on the server's side; the client's end reads the ticket.
double shake_hands(SSL_CTX* for_server, SSL_CTX* for_client, bool resume) {
  Ssl client(SSL_new(for_client));
  SSL_set_connect_state(client.get());
  if (resume && newest) SSL_set_session(client.get(), newest.get());
  double began = now(CLOCK_THREAD_CPUTIME_ID), spent = 0;
  Ssl server(SSL_new(for_server));
  SSL_set_accept_state(server.get());
  spent += now(CLOCK_THREAD_CPUTIME_ID) - began;
  join(client.get(), server.get());
  for (int done = 0; done != 1;) {
    SSL_do_handshake(client.get());
    began = now(CLOCK_THREAD_CPUTIME_ID);
    done = SSL_do_handshake(server.get());
    spent += now(CLOCK_THREAD_CPUTIME_ID) - began;
  }
  char nothing;
  SSL_read(client.get(), &nothing, 1);
  CHECK(!resume || SSL_session_reused(server.get()) == 1, "a session was not resumed");
  began = now(CLOCK_THREAD_CPUTIME_ID);
  server.reset();
  return spent + now(CLOCK_THREAD_CPUTIME_ID) - began;
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    std::fputs("usage: bare_handshake FILE.pem SECONDS [--resume]\n", stderr);
    return 2;
  }
  const bool resume = count > 3 && std::strcmp(words[3], "--resume") == 0;
  const Context server = make_server(words[1]), client = make_client();
  shake_hands(server.get(), client.get(), false);  // leaves a session
  const double began = now(CLOCK_MONOTONIC), seconds = std::atof(words[2]);
  double cpu = 0;
  unsigned long done = 0;
  for (; now(CLOCK_MONOTONIC) < began + seconds; ++done) cpu += shake_hands(server.get(), client.get(), resume);
  std::printf("{\"done\": %lu, \"seconds\": %.3f, \"cpu\": %.6f}\n", done, now(CLOCK_MONOTONIC) - began, cpu);
  newest.reset();
}
