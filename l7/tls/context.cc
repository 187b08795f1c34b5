#include "l7/tls/context.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/log.h"
#include "l7/tls/pem.h"
#include "l7/tls/server_name.h"
#include "l7/tls/tls_stream.h"

namespace cardea::l7::tls {

void SslContextFree::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}

namespace {

// TLS 1.3 first; below it forward secrecy and AEAD only. X25519 is the cheapest group and every client has it.
constexpr const char* kSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-"
    "SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr long kSessionSeconds = 2 * 60 * 60;

Result<SslContext> make_ssl_context(const CryptoLibrary& library, const SSL_METHOD* method, uint16_t version_min) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new_ex(library.get(), nullptr, method));
  if (!context) return fail_openssl("create a TLS context", Origin::kSelf);
  SSL_CTX* at = context.get();
  SSL_CTX_set_security_level(at, 2);
  const bool set = SSL_CTX_set_min_proto_version(at, version_min) == 1 &&
                   SSL_CTX_set_max_proto_version(at, TLS1_3_VERSION) == 1 &&
                   SSL_CTX_set_ciphersuites(at, kSuites) == 1 && SSL_CTX_set_cipher_list(at, kCiphers) == 1 &&
                   SSL_CTX_set1_groups_list(at, kGroups) == 1;
  if (!set) return fail_openssl("set up a TLS context", Origin::kSelf);
  SSL_CTX_set_options(
      at, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(at, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(at, 1);  // a record by one read of the lower stream instead of two
  SSL_CTX_set_timeout(at, kSessionSeconds);
  SSL_CTX_set_app_data(at, const_cast<CryptoLibrary*>(&library));
  return context;
}

// Length-prefixed, as ALPN has it on the wire (RFC 7301 3.1).
Result<std::string> wire_form(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) return fail("an ALPN name has 1 to 255 bytes", Origin::kOperator);
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

}  // namespace

// What OpenSSL calls back during a handshake. The stream hangs on the SSL object.
struct ContextCallbacks {
  static TlsStream& stream(const SSL* ssl) { return *static_cast<TlsStream*>(SSL_get_app_data(ssl)); }

  // Before OpenSSL looks at a ticket, which it judges by the context that is set then.
  static int choose_certificate(SSL* ssl, int*, void*) {
    const unsigned char* extension = nullptr;
    size_t bytes = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &bytes) != 1)
      return SSL_CLIENT_HELLO_SUCCESS;
    const std::string_view name = host_name_of({reinterpret_cast<const char*>(extension), bytes});
    SSL_CTX* found = stream(ssl).server_->find(name);
    if (found && found != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, found);
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  static int acknowledge_name(SSL* ssl, int*, void*) {
    return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
  }

  static int staple(SSL* ssl, void*) {
    X509* const shown = SSL_get_certificate(ssl);
    const auto* const slot = shown ? static_cast<Slot*>(X509_get_ex_data(shown, slot_index())) : nullptr;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto held = slot ? (*slot)->get(now) : nullptr;
    if (!held) return SSL_TLSEXT_ERR_NOACK;
    void* const copy = OPENSSL_memdup(held->der.data(), held->der.size());
    if (!copy) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, static_cast<unsigned char*>(copy), long(held->der.size()));
    return SSL_TLSEXT_ERR_OK;
  }

  // Where a certificate's answers are found, as long as any connection has it.
  using Slot = std::shared_ptr<StapleSlot>;
  static int slot_index() {
    static const int index = X509_get_ex_new_index(0, nullptr, nullptr, nullptr, free_slot);
    return index;
  }
  static void free_slot(void*, void* slot, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Slot*>(slot); }
  static void attach(X509* certificate, const Slot& slot) {
    auto copy = std::make_unique<Slot>(slot);
    if (X509_set_ex_data(certificate, slot_index(), copy.get()) == 1) (void)copy.release();
  }

  static int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_length,
                             const unsigned char* offered, unsigned offered_length, void*) {
    const std::string& ours = stream(ssl).server_->alpn_wire();
    const int chosen = SSL_select_next_proto(const_cast<unsigned char**>(out), out_length,
                                             reinterpret_cast<const unsigned char*>(ours.data()),
                                             static_cast<unsigned>(ours.size()), offered, offered_length);
    return chosen == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  // 1: key found, 2: found and a new ticket is due, 0: none, negative: failed.
  static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        int seal) {
    const ServerContext& context = *stream(ssl).server_;
    const TicketKeys& keys = context.ticket_keys();
    const TicketKey* key = seal ? &keys.sealing() : keys.find(name);
    if (!key) return 0;
    const CryptoLibrary& library = context.library();
    if (seal) {
      std::memcpy(name, key->name.data(), key->name.size());
      if (RAND_bytes_ex(library.get(), iv, 16, 0) != 1) return -1;
    }
    std::array parameters{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<uint8_t*>(key->mac.data()), key->mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>("SHA256"), 0),
        OSSL_PARAM_construct_end()};
    if (EVP_MAC_CTX_set_params(mac, parameters.data()) != 1) return -1;
    if (EVP_CipherInit_ex2(cipher, library.aes_256_cbc(), key->cipher.data(), iv, seal, nullptr) != 1) return -1;
    // RFC 8446 C.4: a TLS 1.3 ticket is used once, so each resumption brings a new one.
    return seal || (key == &keys.sealing() && SSL_version(ssl) != TLS1_3_VERSION) ? 1 : 2;
  }

  static void note_message(int sent, int, int content, const void* message, size_t size, SSL* ssl, void*) {
    if (!sent) stream(ssl).note_received(content, {static_cast<const char*>(message), size});
  }

  // A server's certificate for names that it does not know is often one that nobody trusts: whoever chose the name
  // learns that by the name, though OpenSSL finds the missing trust first.
  static int note_name(int accepted, X509_STORE_CTX* store) {
    if (accepted == 1) return 1;
    const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    stream(ssl).other_name_ = !covers_name(X509_STORE_CTX_get0_cert(store), X509_STORE_CTX_get0_param(store));
    return 0;
  }

  static bool covers_name(X509* certificate, X509_VERIFY_PARAM* asked) {
    if (certificate == nullptr) return true;
    if (const char* host = X509_VERIFY_PARAM_get0_host(asked, 0))
      return X509_check_host(certificate, host, 0, 0, nullptr) == 1;
    const std::unique_ptr<char, OpenSslFree> address(X509_VERIFY_PARAM_get1_ip_asc(asked));
    return !address || X509_check_ip_asc(certificate, address.get(), 0) == 1;
  }
  struct OpenSslFree {
    void operator()(char* text) const { OPENSSL_free(text); }
  };

  static int keep_session(SSL* ssl, Session* session) {
    SessionSlot* slot = stream(ssl).session_;
    if (!slot) return 0;
    slot->store(session);
    return 1;
  }
};

ServerContext::ServerContext(const CryptoLibrary& library, std::shared_ptr<const TicketKeys> tickets,
                             const ServerOptions& options)
    : library_(library), tickets_(std::move(tickets)), options_(options) {}

ServerContext::~ServerContext() = default;

Result<std::unique_ptr<ServerContext>> ServerContext::create(
    const CryptoLibrary& library, std::span<const std::shared_ptr<const Certificate>> certificates,
    std::shared_ptr<const TicketKeys> tickets, const ServerOptions& options, const ServerContext* previous) {
  if (certificates.empty()) return fail("a TLS service needs a certificate", Origin::kOperator);
  std::unique_ptr<ServerContext> context(new ServerContext(library, std::move(tickets), options));
  auto wire = wire_form(options.alpn);
  if (!wire) return std::unexpected(std::move(wire.error()));
  context->alpn_wire_ = std::move(*wire);
  for (const auto& certificate : certificates) context->add(certificate);
  if (previous) context->take_over(*previous);
  return context;
}

namespace {

using SessionPolicy = std::array<unsigned char, SHA256_DIGEST_LENGTH>;
static_assert(sizeof(SessionPolicy) <= SSL_MAX_SID_CTX_LENGTH);

// The same on every shard and after a restart, and another as soon as a certificate is.
// Nor does a session outlive the trust in its client.
SessionPolicy session_policy(const std::string& service, const ClientTrust* clients,
                             std::span<const std::shared_ptr<const Certificate>> all) {
  std::string text = service;
  if (clients)
    text.append(clients->required ? "\1" : "\2").append(clients->authorities_pem).append(clients->revocations_pem);
  for (const auto& certificate : all) text.append(1, '\0').append(certificate->chain_pem);
  SessionPolicy digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

}  // namespace

Result<SslContext> ServerContext::make_context(const NameSet& set) const {
  auto context = make_ssl_context(library_, TLS_server_method(), options_.version_min);
  if (!context) return context;
  SSL_CTX* at = context->get();
  const SessionPolicy policy = session_policy(options_.service, options_.clients.get(), set.certificates);
  SSL_CTX_set_session_id_context(at, policy.data(), policy.size());
  SSL_CTX_set_session_cache_mode(at, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(at, options_.tickets);
  SSL_CTX_set_msg_callback(at, ContextCallbacks::note_message);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(at, ContextCallbacks::ticket_key);
  SSL_CTX_set_client_hello_cb(at, ContextCallbacks::choose_certificate, nullptr);
  SSL_CTX_set_tlsext_servername_callback(at, ContextCallbacks::acknowledge_name);
  SSL_CTX_set_tlsext_status_cb(at, ContextCallbacks::staple);
  if (options_.clients)
    if (auto used = options_.clients->use_in(at, library_.get()); !used) return std::unexpected(std::move(used.error()));
  if (!alpn_wire_.empty()) SSL_CTX_set_alpn_select_cb(at, ContextCallbacks::choose_protocol, nullptr);
  return context;
}

namespace {

Result<> use_certificate(SSL_CTX* context, const Certificate& certificate, const CryptoLibrary& library) {
  auto chain = parse_chain(certificate.chain_pem, library.get());
  if (!chain) return std::unexpected(std::move(chain.error()));
  auto key = library.keys().read(certificate.key_pem);
  if (!key) return std::unexpected(std::move(key.error()));
  ContextCallbacks::attach(chain->front().get(), certificate.staple);
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1) return fail_openssl("OpenSSL refuses it");
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1) return fail_openssl("OpenSSL refuses its key");
  for (size_t i = 1; i < chain->size(); i++) {
    if (SSL_CTX_add0_chain_cert(context, (*chain)[i].get()) != 1) return fail_openssl("OpenSSL refuses its chain");
    (*chain)[i].release();
  }
  return {};
}

}  // namespace

Result<> ServerContext::make(NameSet& set) const {
  auto made = make_context(set);
  if (!made) return std::unexpected(std::move(made.error()));
  for (const auto& certificate : set.certificates)
    if (auto used = use_certificate(made->get(), *certificate, library_); !used)
      return std::unexpected(std::move(used.error()).in("certificate " + certificate->name));
  set.context = std::move(*made);
  return {};
}

SSL_CTX* ServerContext::context_of(NameSet& set) const {
  if (set.context || set.refused) return set.context.get();
  if (auto made = make(set); !made) {
    set.refused = true;
    log::error("{}; handshakes that ask for it fail", made.error().message);
  }
  return set.context.get();
}

SSL_CTX* ServerContext::default_context() {
  NameSet& first = *sets_.front();
  if (SSL_CTX* context = context_of(first)) return context;
  auto without = make_context(first);
  CHECK(without.has_value(), "out of memory");
  first.context = std::move(*without);
  return first.context.get();
}

// A certificate joins those that have just its names, unless one with its kind of key is there already.
void ServerContext::add(const std::shared_ptr<const Certificate>& certificate) {
  const auto joins = [&](const NameSet& set) {
    return set.certificates.front()->names == certificate->names &&
           std::ranges::none_of(set.certificates,
                                [&](const auto& it) { return it->key_type == certificate->key_type; });
  };
  NameSet* known = certificate->names.empty() ? nullptr : find_set(certificate->names.front());
  if (!known || !joins(*known)) known = sets_.emplace_back(std::make_unique<NameSet>()).get();
  known->certificates.push_back(certificate);
  for (const std::string& name : certificate->names) by_name_.try_emplace(name, known);
}

void ServerContext::take_over(const ServerContext& previous) {
  const ServerOptions &was = previous.options_, &is = options_;
  if (was.version_min != is.version_min || was.alpn != is.alpn || was.service != is.service) return;
  if (was.clients != is.clients) return;
  std::unordered_map<const Certificate*, const NameSet*> made;
  for (const auto& set : previous.sets_)
    if (set->context) made.emplace(set->certificates.front().get(), set.get());
  for (const auto& set : sets_) {
    const auto found = made.find(set->certificates.front().get());
    if (found == made.end() || found->second->certificates != set->certificates) continue;
    SSL_CTX_up_ref(found->second->context.get());
    set->context.reset(found->second->context.get());
  }
}

size_t ServerContext::made() const {
  return size_t(std::ranges::count_if(sets_, [](const auto& set) { return bool(set->context); }));
}

ServerContext::NameSet* ServerContext::find_set(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

SSL_CTX* ServerContext::find(std::string_view server_name) {
  if (server_name.ends_with('.')) server_name.remove_suffix(1);
  std::array<char, 256> buffer;
  if (server_name.empty() || server_name.size() >= buffer.size()) return nullptr;
  std::ranges::transform(server_name, buffer.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 'a' - 'A') : c; });
  const std::string_view name(buffer.data(), server_name.size());
  NameSet* set = find_set(name);
  if (const size_t dot = name.find('.'); !set && dot != name.npos && dot != 0) {
    buffer[dot - 1] = '*';
    set = find_set(name.substr(dot - 1));
  }
  return set ? context_of(*set) : nullptr;
}

SessionSlot& SessionSlot::operator=(SessionSlot&& other) noexcept {
  if (this != &other) store(std::exchange(other.session_, nullptr));
  return *this;
}

SessionSlot::~SessionSlot() {
  clear();
}

void SessionSlot::store(Session* session) {
  SSL_SESSION_free(session_);
  session_ = session;
}

void SessionSlot::clear() {
  store(nullptr);
}

namespace {

Result<> trust(SSL_CTX* context, const std::string& authorities) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, ContextCallbacks::note_name);
  if (authorities.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) != 1)
      return fail_openssl("load the system's certificate authorities");
    return {};
  }
  if (SSL_CTX_load_verify_file(context, authorities.c_str()) != 1) {
    return fail_openssl("load certificate authorities from " + authorities);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ClientContext>> ClientContext::create(const CryptoLibrary& library,
                                                             const ClientOptions& options) {
  auto context = make_ssl_context(library, TLS_client_method(), TLS1_2_VERSION);
  if (!context) return std::unexpected(std::move(context.error()));
  SSL_CTX* at = context->get();
  if (options.verify) {
    if (auto trusted = trust(at, options.authorities); !trusted) return std::unexpected(std::move(trusted.error()));
  }
  if (options.certificate)
    if (auto used = use_certificate(at, *options.certificate, library); !used)
      return std::unexpected(std::move(used.error()).in("certificate " + options.certificate->name));
  auto wire = wire_form(options.alpn);
  if (!wire) return std::unexpected(std::move(wire.error()));
  if (!wire->empty()) {
    SSL_CTX_set_alpn_protos(at, reinterpret_cast<const unsigned char*>(wire->data()),
                            static_cast<unsigned>(wire->size()));
  }
  SSL_CTX_set_session_cache_mode(at, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_msg_callback(at, ContextCallbacks::note_message);
  SSL_CTX_sess_set_new_cb(at, ContextCallbacks::keep_session);
  return std::unique_ptr<ClientContext>(new ClientContext(std::move(*context), options.verify));
}

}  // namespace cardea::l7::tls
