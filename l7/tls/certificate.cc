#include "l7/tls/certificate.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/file_descriptor.h"
#include "l7/tls/pem.h"

namespace cardea::l7::tls {
namespace {

constexpr int64_t kFileBytesMax = 1024 * 1024;

std::unexpected<Error> operator_error(const std::string& path, Error error) {
  error.origin = Origin::kOperator;
  return std::unexpected(std::move(std::move(error).in(path)));
}

// Into a string that was reserved before, so no copy of a key is left behind by growing.
Result<std::string> read_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO holds nobody up
  if (!file) return operator_error("open", std::move(fail_errno(path).error()));
  struct stat found{};
  if (::fstat(file.get(), &found) != 0) return operator_error("read", std::move(fail_errno(path).error()));
  if (!S_ISREG(found.st_mode)) return fail(path + " is no file", Origin::kOperator);
  if (found.st_size > off_t{kFileBytesMax})
    return fail(path + ": larger than 1 MB, so not a certificate or key", Origin::kOperator);
  std::string text(size_t(found.st_size), '\0');
  size_t length = 0;
  while (length < text.size()) {
    const ssize_t count = ::read(file.get(), text.data() + length, text.size() - length);
    if (count < 0) return operator_error("read", std::move(fail_errno(path).error()));
    if (count == 0) break;
    length += static_cast<size_t>(count);
  }
  text.resize(length);
  return text;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  }
  return result;
}

std::string_view text_of(const ASN1_STRING* value) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)), static_cast<size_t>(ASN1_STRING_length(value))};
}

std::vector<std::string> alternative_names(const X509* certificate) {
  std::vector<std::string> names;
  auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type == GEN_DNS) names.push_back(lower(text_of(name->d.dNSName)));
  }
  GENERAL_NAMES_free(all);
  return names;
}

// RFC 6125 6.4.4: the common name counts only when there is no alternative name.
std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names = alternative_names(certificate);
  if (names.empty()) {
    X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) names.push_back(lower(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))));
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

Certificate::Time time_of(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return Certificate::Time(std::chrono::seconds(timegm(&parts)));
}

// The first that is asked over HTTP.
std::string responder_of(X509* certificate) {
  STACK_OF(OPENSSL_STRING)* const all = X509_get1_ocsp(certificate);
  std::string found;
  for (int i = 0; i < sk_OPENSSL_STRING_num(all) && found.empty(); i++) {
    const std::string_view url = sk_OPENSSL_STRING_value(all, i);
    const bool plain = std::ranges::all_of(url, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    if (plain && url.starts_with("http://")) found = url;
  }
  X509_email_free(all);
  return found;
}

bool must_be_stapled(const X509* certificate) {
  constexpr long kStatusRequest = 5;  // RFC 6066 8
  auto* features = static_cast<TLS_FEATURE*>(X509_get_ext_d2i(certificate, NID_tlsfeature, nullptr, nullptr));
  bool must = false;
  for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
    must = must || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == kStatusRequest;
  TLS_FEATURE_free(features);
  return must;
}

std::string issuer_of(const X509* certificate) {
  std::array<char, 512> text{};
  X509_NAME_oneline(X509_get_issuer_name(certificate), text.data(), text.size());
  return text.data();
}

std::string serial_of(const X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  char* text = number ? BN_bn2hex(number) : nullptr;
  std::string result = text ? lower(text) : "";
  OPENSSL_free(text);
  BN_free(number);
  return result;
}

// What OpenSSL will not serve with at the security level of our contexts (SSL_CTX_set_security_level(3), level 2) is
// refused with the plan and not at the first handshake. Nobody looks at the signature of what signs itself.
constexpr int kSecurityBitsMin = 112;

Result<> strong_enough(const std::string& path, X509* leaf, const EVP_PKEY* key) {
  if (EVP_PKEY_get_security_bits(key) < kSecurityBitsMin)
    return fail(fmt::format("{}: a key of {} bits is too weak; RSA needs 2048, EC 224", path, EVP_PKEY_get_bits(key)),
                Origin::kOperator);
  int bits = -1;
  const bool known = X509_get_signature_info(leaf, nullptr, nullptr, &bits, nullptr) == 1;
  if ((X509_get_extension_flags(leaf) & EXFLAG_SS) != 0 || !known || bits >= kSecurityBitsMin) return {};
  return fail(fmt::format("{}: its signature is too weak (SHA-1 or older); have it signed anew", path),
              Origin::kOperator);
}

}  // namespace

Certificate::~Certificate() {
  OPENSSL_cleanse(key_pem.data(), key_pem.size());
}

Result<std::shared_ptr<const Certificate>> load_certificate(const std::string& name, const std::string& chain_path,
                                                            const std::string& key_path, KeyReader& keys,
                                                            const std::string& ocsp) {
  auto certificate = std::make_shared<Certificate>();
  certificate->name = name;
  certificate->ocsp = ocsp;
  auto chain_text = read_file(chain_path);
  if (!chain_text) return std::unexpected(std::move(chain_text.error()));
  certificate->chain_pem = std::move(*chain_text);
  auto key_text = read_file(key_path);
  if (!key_text) return std::unexpected(std::move(key_text.error()));
  certificate->key_pem = std::move(*key_text);

  auto chain = parse_chain(certificate->chain_pem, nullptr);
  if (!chain) return operator_error(chain_path, std::move(chain.error()));
  auto key = keys.read(certificate->key_pem);
  if (!key) return operator_error(key_path, std::move(key.error()));
  X509* leaf = chain->front().get();
  if (X509_check_private_key(leaf, key->get()) != 1) {
    ERR_clear_error();
    return fail(fmt::format("{}: this key does not belong to the first certificate in {}; the server's own certificate "
                            "comes first in the file",
                            key_path, chain_path),
                Origin::kOperator);
  }
  if (auto strong = strong_enough(chain_path, leaf, key->get()); !strong)
    return std::unexpected(std::move(strong.error()));
  certificate->names = names_of(leaf);
  certificate->key_type = EVP_PKEY_get0_type_name(key->get());
  certificate->issuer = issuer_of(leaf);
  certificate->serial = serial_of(leaf);
  certificate->not_before = time_of(X509_get0_notBefore(leaf));
  certificate->not_after = time_of(X509_get0_notAfter(leaf));
  certificate->responder = responder_of(leaf);
  certificate->must_staple = must_be_stapled(leaf);
  return certificate;
}

std::string staple_warning(const Certificate& certificate, Certificate::Time now) {
  const bool nobody_to_ask = certificate.ocsp == kFetchOcsp && certificate.responder.empty();
  if (!certificate.must_staple && (certificate.ocsp.empty() || nobody_to_ask)) return {};
  if (certificate.staple->get(now)) return {};
  const std::string& problem = certificate.staple->problem();
  return fmt::format("certificate {} is served without an OCSP answer{}{}", certificate.name,
                     certificate.must_staple ? ", and clients that honour what it says (must-staple) refuse it" : "",
                     problem.empty() ? "" : ": " + problem);
}

std::string expiry_warning(const Certificate& certificate, Certificate::Time now, std::chrono::days ahead) {
  const auto date = [](Certificate::Time time) {
    return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(time.time_since_epoch().count()));
  };
  if (now > certificate.not_after)
    return fmt::format("certificate {} expired on {}", certificate.name, date(certificate.not_after));
  if (now < certificate.not_before) {
    return fmt::format("certificate {} is not valid before {}", certificate.name, date(certificate.not_before));
  }
  if (now + ahead <= certificate.not_after) return {};
  return fmt::format("certificate {} expires on {}", certificate.name, date(certificate.not_after));
}

}  // namespace cardea::l7::tls
