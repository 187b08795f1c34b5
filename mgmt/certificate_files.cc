#include "mgmt/certificate_files.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "base/ticket_key_file.h"
#include "conf/quote.h"
#include "mgmt/certificate_names.h"
#include "mgmt/whole_file.h"

namespace cardea::mgmt {
namespace {

using conf::Finding;
using std::chrono::system_clock;

constexpr std::chrono::days kExpiresSoon{14};  // the same as in cardea-l7's log and in the alerts

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, ContextFree>;
struct BioFree {
  void operator()(BIO* file) const { BIO_free(file); }
};
using Bio = std::unique_ptr<BIO, BioFree>;
struct ListFree {
  void operator()(X509_CRL* list) const { X509_CRL_free(list); }
};
using List = std::unique_ptr<X509_CRL, ListFree>;

// Nobody is there to type the passphrase of an encrypted key.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

std::string reason() {  // the first of OpenSSL's errors has it; those behind it say who asked
  const char* text = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return text != nullptr ? text : "it cannot be read";
}

// A PEM block whose kind ends so: "PRIVATE KEY" is also in those of "EC PRIVATE KEY".
bool holds(const std::string& file, const std::string& kind) {
  const auto text = read_whole_file(file);
  return text && text->find(kind + "-----") != std::string::npos;
}

class Looker {
 public:
  Looker(Look look, system_clock::time_point now, conf::Findings& findings)
      : look_(look), now_(now), findings_(findings) {}

  // The hosts it is for; nothing: they could not be seen, or were not looked for.
  std::optional<std::vector<std::string>> at(const conf::Certificate& pair) {
    const bool cert = at_file(pair.place, "cert", pair.cert), key = at_file(pair.place, "key", pair.key);
    if (pair.ocsp.starts_with('/')) at_file(pair.place, "ocsp", pair.ocsp, "an OCSP answer in DER");
    if (!cert || look_ != Look::kInside) return std::nullopt;
    return key ? inside(pair) : std::nullopt;
  }

  void at(const conf::BackendTls& tls) {
    at_authorities(tls.place, tls.authorities);
    if (tls.certificate) at(*tls.certificate);
  }

  void at(const conf::ClientAuth& clients) {
    at_authorities(clients.place, clients.authorities);
    if (clients.revocations.empty() || !at_file(clients.place, "revocations", clients.revocations)) return;
    if (look_ == Look::kInside && !holds(clients.revocations, "X509 CRL"))
      report(Finding::error, clients.place, "revocations",
             conf::in_quotes(clients.revocations) + " holds no list of revocations",
             "a PEM file, as written by: openssl crl -inform DER -in LIST -out PLAIN");
    else if (look_ == Look::kInside)
      lists(clients);
  }

  void at(const conf::L7& l7) {
    if (l7.ticket_keys.empty() || !at_file(l7.place, "ticket_keys", l7.ticket_keys, "a file of ticket keys") || look_ != Look::kInside)
      return;
    if (auto keys = read_ticket_keys(l7.ticket_keys); !keys)
      report(Finding::error, l7.place, "ticket_keys", std::move(keys.error().message));
  }

 private:
  void at_authorities(const conf::Place& place, const std::string& file) {
    if (file.empty() || !at_file(place, "authorities", file) || look_ != Look::kInside) return;
    ERR_clear_error();
    const Context context(SSL_CTX_new(TLS_client_method()));
    if (context && SSL_CTX_load_verify_file(context.get(), file.c_str()) != 1)
      report(Finding::error, place, "authorities", fmt::format("{}: {}", conf::in_quotes(file), reason()),
             "a PEM file with certificates");
  }

  // cardea-l7 refuses the clients of an authority whose list is out of date.
  void lists(const conf::ClientAuth& clients) {
    const Bio file(BIO_new_file(clients.revocations.c_str(), "r"));
    while (file) {
      const List list(PEM_read_bio_X509_CRL(file.get(), nullptr, nullptr, nullptr));
      if (!list) break;
      const ASN1_TIME* const next = X509_CRL_get0_nextUpdate(list.get());
      if (next == nullptr || now_ <= time_of(next)) continue;
      report(Finding::warning, clients.place, "revocations",
             fmt::format("a list in {} ended on {}: the clients of its authority are refused", conf::in_quotes(clients.revocations),
                         minute(time_of(next))),
             "a new list, then `cardea reload`");
    }
    ERR_clear_error();
  }

  // Whether there is more to see. Nobody is waited for who might write into a FIFO.
  bool at_file(const conf::Place& place, const char* setting, const std::string& file, const char* expected = "a PEM file") {
    struct stat found{};
    if (::stat(file.c_str(), &found) == 0 && !S_ISREG(found.st_mode))
      return report(Finding::error, place, setting, conf::in_quotes(file) + " is no file", expected), false;
    if (::access(file.c_str(), R_OK) == 0) return true;
    const int problem = errno;
    if (problem == EACCES || problem == EPERM) {
      if (look_ == Look::kInside)
        report(Finding::hint, place, setting,
               fmt::format("{} is not for this user to read, so it was not looked at", conf::in_quotes(file)));
    } else {
      report(Finding::error, place, setting,
             fmt::format("{}: {}", conf::in_quotes(file), std::generic_category().message(problem)), expected);
    }
    return false;
  }

  std::optional<std::vector<std::string>> inside(const conf::Certificate& pair) {
    ERR_clear_error();
    const Context context(SSL_CTX_new(TLS_server_method()));
    if (!context) return std::nullopt;
    SSL_CTX_set_security_level(context.get(), 0);  // what is too weak to serve with is cardea-l7's to say
    bool asked = false;
    SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context.get(), &asked);
    if (SSL_CTX_use_certificate_chain_file(context.get(), pair.cert.c_str()) != 1) {
      certificate_problem(pair);
      return std::nullopt;
    }
    X509* const certificate = SSL_CTX_get0_certificate(context.get());
    const bool taken = SSL_CTX_use_PrivateKey_file(context.get(), pair.key.c_str(), SSL_FILETYPE_PEM) == 1;
    // A key of another kind is taken all the same, for a certificate of its kind that may follow.
    if (!taken || X509_check_private_key(certificate, SSL_CTX_get0_privatekey(context.get())) != 1)
      key_problem(pair, asked);
    else
      expiry(pair, certificate), stapling(pair, context.get());
    return names_of(certificate);
  }

  void certificate_problem(const conf::Certificate& pair) {
    const std::string why = reason(), file = conf::in_quotes(pair.cert);
    if (holds(pair.cert, "PRIVATE KEY") && !holds(pair.cert, "CERTIFICATE"))
      return report(Finding::error, pair.place, "cert", file + " holds a private key, and no certificate",
                    holds(pair.key, "CERTIFICATE") ? "cert and key the other way round" : "the certificate's file");
    report(Finding::error, pair.place, "cert", fmt::format("{}: {}", file, why),
           "a PEM file, the server's own certificate first");
  }

  void key_problem(const conf::Certificate& pair, bool encrypted) {
    const bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                       ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
    const std::string why = reason();
    if (encrypted)
      return report(Finding::error, pair.place, "key", fmt::format("{} is encrypted", conf::in_quotes(pair.key)),
                    "a key without a passphrase, as written by: openssl pkey -in KEY -out PLAIN");
    if (other)
      return report(Finding::error, pair.place, "key",
                    fmt::format("{} does not belong to the first certificate in {}", conf::in_quotes(pair.key),
                                conf::in_quotes(pair.cert)),
                    "the key that the certificate was made for");
    const bool certificate = holds(pair.key, "CERTIFICATE") && !holds(pair.key, "PRIVATE KEY");
    report(Finding::error, pair.place, "key",
           fmt::format("{}{}", conf::in_quotes(pair.key),
                       certificate ? " holds a certificate, and no private key" : ": " + why),
           "a PEM file with a private key");
  }

  void expiry(const conf::Certificate& pair, const X509* certificate) {
    const auto end = time_of(X509_get0_notAfter(certificate));
    if (now_ + kExpiresSoon <= end) return;
    report(Finding::warning, pair.place, "cert",
           fmt::format("{} {} on {}", conf::in_quotes(pair.cert), now_ > end ? "expired" : "expires", minute(end)),
           "a new certificate in its place, which is read within seconds");
  }

  void stapling(const conf::Certificate& pair, SSL_CTX* context) {
    X509* const certificate = SSL_CTX_get0_certificate(context);
    if (pair.ocsp.empty() && must_be_stapled(certificate))
      report(Finding::warning, pair.place, "cert",
             fmt::format("{} must be stapled (RFC 7633): clients that honour that refuse it", conf::in_quotes(pair.cert)),
             "ocsp = \"fetch\"; beside it");
    if (pair.ocsp != "fetch") return;
    STACK_OF(X509)* chain = nullptr;
    SSL_CTX_get0_chain_certs(context, &chain);
    if (sk_X509_num(chain) < 1)
      report(Finding::warning, pair.place, "ocsp", fmt::format("{} has no certificate of the issuer", conf::in_quotes(pair.cert)),
             "the issuer's certificate behind it, or nothing is stapled");
    STACK_OF(OPENSSL_STRING)* const responders = X509_get1_ocsp(certificate);
    if (sk_OPENSSL_STRING_num(responders) < 1)
      report(Finding::warning, pair.place, "ocsp", fmt::format("{} names no OCSP responder", conf::in_quotes(pair.cert)),
             "a file with its answers, or no ocsp");
    X509_email_free(responders);
  }

  static bool must_be_stapled(const X509* certificate) {
    constexpr long kStatusRequest = 5;  // RFC 6066 8
    auto* const features = static_cast<TLS_FEATURE*>(X509_get_ext_d2i(certificate, NID_tlsfeature, nullptr, nullptr));
    bool must = false;
    for (int i = 0; i < sk_ASN1_INTEGER_num(features); ++i)
      must = must || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == kStatusRequest;
    TLS_FEATURE_free(features);
    return must;
  }

  static std::string minute(system_clock::time_point when) {
    return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(system_clock::to_time_t(when)));
  }

  static system_clock::time_point time_of(const ASN1_TIME* time) {
    tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return system_clock::from_time_t(::timegm(&parts));
  }

  void report(Finding::Level level, conf::Place place, const char* setting, std::string message,
              std::string expected = {}) {
    place.path += std::string(".") + setting;
    findings_.push_back({level, std::move(place), std::move(message), std::move(expected), {}});
  }

  Look look_;
  system_clock::time_point now_;
  conf::Findings& findings_;
};

}  // namespace

conf::Findings look_at_certificates(const conf::Config& config, Look look, system_clock::time_point now) {
  conf::Findings findings;
  Looker looker(look, now, findings);
  if (config.l7) looker.at(*config.l7);
  std::map<std::pair<std::string, std::string>, std::optional<std::vector<std::string>>> seen;  // services share them
  for (const auto& service : config.services) {
    if (!service.tls) continue;
    if (service.tls->client_auth) looker.at(*service.tls->client_auth);
    std::vector<std::string> names;
    bool all = true;
    for (const auto& pair : service.tls->certificates) {
      const auto [at, fresh] = seen.try_emplace({pair.cert, pair.key});
      if (fresh) at->second = looker.at(pair);
      all = all && at->second;
      if (at->second) std::ranges::copy(*at->second, std::back_inserter(names));
    }
    if (all) std::ranges::move(look_at_names(service, names), std::back_inserter(findings));
  }
  for (const auto& pool : config.pools)
    if (pool.tls) looker.at(*pool.tls);
  return findings;
}

}  // namespace cardea::mgmt
